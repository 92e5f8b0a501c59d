"""The tables, a module for each subject.

`adapters/migrations` creates them; a test holds that both say the same.
"""

from fleet_server.services.tables.accounts import (
    account,
    api_token,
    idempotency_key,
)
from fleet_server.services.tables.audit import (
    audit_entry,
    audit_head,
    audit_reason,
)
from fleet_server.services.tables.base import (
    Timestamp,
    metadata,
)
from fleet_server.services.tables.clocks import (
    audit_follower,
    clock,
    clock_count,
    defect_report,
    open_clock,
    planned_swap,
)
from fleet_server.services.tables.devices import (
    agent,
    certificate,
    command_counter,
    event,
    health_report,
    health_value,
    ingest_counter,
    interruption,
    interruption_verdict,
    parameter,
    presence,
    presence_change,
    process_state,
    supported_model,
)
from fleet_server.services.tables.outages import (
    cause_report,
    liability_decision,
    maintenance,
    maintenance_notice,
    open_outage,
    outage,
    outage_member,
    outage_place,
    outage_verdict,
    recheck,
    storm,
    surge,
)
from fleet_server.services.tables.outbox import (
    outbox,
    outbox_try,
)
from fleet_server.services.tables.policy import (
    policy_setting,
)
from fleet_server.services.tables.registry import (
    assignment,
    contract,
    model,
    network_element,
    open_assignment,
    pairing,
    place,
    service_position,
    supplier,
    unit,
    unit_mac,
    unit_state,
)
from fleet_server.services.tables.returns import (
    blacklisting,
    charge_decision,
    unit_return,
)
from fleet_server.services.tables.service import (
    allow_list,
    contract_service,
    service_decision,
)
from fleet_server.services.tables.voice import (
    is_at_risk,
    is_unsettled,
    misplaced_unit,
    sighting,
    voice_risk,
)

__all__ = [
    "Timestamp",
    "account",
    "agent",
    "allow_list",
    "api_token",
    "assignment",
    "audit_entry",
    "audit_follower",
    "audit_head",
    "audit_reason",
    "blacklisting",
    "cause_report",
    "certificate",
    "charge_decision",
    "clock",
    "clock_count",
    "command_counter",
    "contract",
    "contract_service",
    "defect_report",
    "event",
    "health_report",
    "health_value",
    "idempotency_key",
    "ingest_counter",
    "interruption",
    "interruption_verdict",
    "is_at_risk",
    "is_unsettled",
    "liability_decision",
    "maintenance",
    "maintenance_notice",
    "metadata",
    "misplaced_unit",
    "model",
    "network_element",
    "open_assignment",
    "open_clock",
    "open_outage",
    "outage",
    "outage_member",
    "outage_place",
    "outage_verdict",
    "outbox",
    "outbox_try",
    "pairing",
    "parameter",
    "place",
    "planned_swap",
    "policy_setting",
    "presence",
    "presence_change",
    "process_state",
    "recheck",
    "service_decision",
    "service_position",
    "sighting",
    "storm",
    "supplier",
    "supported_model",
    "surge",
    "unit",
    "unit_mac",
    "unit_return",
    "unit_state",
    "voice_risk",
]
