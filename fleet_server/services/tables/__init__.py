"""The tables, a module for each subject.

`adapters/migrations` creates them; a test holds that both say the same.
"""

from fleet_server.services.tables.accounts import account, api_token, idempotency_key
from fleet_server.services.tables.audit import audit_entry, audit_head, audit_reason
from fleet_server.services.tables.base import Timestamp, metadata
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
from fleet_server.services.tables.outbox import outbox, outbox_try
from fleet_server.services.tables.policy import policy_setting
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
from fleet_server.services.tables.returns import blacklisting, charge_decision, unit_return
from fleet_server.services.tables.service import allow_list, contract_service, service_decision

__all__ = [
    "Timestamp",
    "account",
    "agent",
    "allow_list",
    "api_token",
    "assignment",
    "audit_entry",
    "audit_head",
    "audit_reason",
    "blacklisting",
    "certificate",
    "charge_decision",
    "command_counter",
    "contract",
    "contract_service",
    "event",
    "health_report",
    "health_value",
    "idempotency_key",
    "ingest_counter",
    "interruption",
    "interruption_verdict",
    "metadata",
    "model",
    "network_element",
    "open_assignment",
    "outbox",
    "outbox_try",
    "pairing",
    "parameter",
    "place",
    "policy_setting",
    "presence",
    "presence_change",
    "process_state",
    "service_decision",
    "service_position",
    "supplier",
    "supported_model",
    "unit",
    "unit_mac",
    "unit_return",
    "unit_state",
]
