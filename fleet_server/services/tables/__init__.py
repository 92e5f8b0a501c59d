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

__all__ = [
    "Timestamp",
    "account",
    "agent",
    "api_token",
    "assignment",
    "audit_entry",
    "audit_head",
    "audit_reason",
    "certificate",
    "command_counter",
    "contract",
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
    "pairing",
    "parameter",
    "place",
    "policy_setting",
    "presence",
    "presence_change",
    "process_state",
    "service_position",
    "supplier",
    "supported_model",
    "unit",
    "unit_mac",
    "unit_state",
]
