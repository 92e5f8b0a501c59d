"""Answers to what is wrong with a decision on services, a return, a barred unit, an operation."""

from __future__ import annotations

from fleet_server.api.answer import Answer
from fleet_server.domain import errors as rules

SERVICE_ERRORS: dict[type[rules.RuleError], Answer] = {
    rules.ServiceStateError: Answer(
        409,
        "service-state",
        "The services cannot become this now",
        "Look at the contract's state and decisions; detail says what is possible.",
    ),
    rules.UnknownDecisionError: Answer(
        404,
        "unknown-decision",
        "No decision waits",
        "Look at the contract's decisions: it was carried out or cancelled.",
    ),
    rules.UnknownAllowListError: Answer(
        404, "unknown-allow-list", "No such allow-list", "Sign the list first: POST /allow-lists."
    ),
    rules.InvalidAllowListError: Answer(
        422,
        "invalid-allow-list",
        "No device would take this list",
        "Correct what detail names and sign it again.",
    ),
    rules.OlderAllowListError: Answer(
        409,
        "older-allow-list",
        "This version, or a later one, was signed before",
        "Give the list a version above the newest.",
    ),
    rules.UnknownReturnError: Answer(
        404, "unknown-return", "No such return receipt", "Compare the number with the receipt."
    ),
    rules.ChargeNotProposedError: Answer(
        409,
        "charge-not-proposed",
        "The terms name no such charge",
        "Look at the proposal and its articles; a waiver is always possible.",
    ),
    rules.ChargeDecidedError: Answer(
        409, "charge-decided", "It was decided already", "Look at what is on record."
    ),
    rules.NotBlacklistedError: Answer(
        409, "not-blacklisted", "The unit is not blacklisted", "Compare the serial number."
    ),
    rules.InvalidPoliceReportError: Answer(
        422,
        "invalid-police-report",
        "This cannot be a police report",
        "Enter the reference and the day as they stand on the report.",
    ),
    rules.UnknownOperationError: Answer(
        404, "unknown-operation", "No such operation", "List the operations and compare."
    ),
    rules.OperationNotOpenError: Answer(
        409, "operation-not-open", "The operation is over", "Look at its tries; nothing is open."
    ),
}
