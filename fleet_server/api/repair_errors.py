"""Answers to what is wrong with a step of a repair case."""

from __future__ import annotations

from fleet_server.api.answer import Answer
from fleet_server.domain.errors import RuleError
from fleet_server.domain.life_cycle import LifeCycleError
from fleet_server.domain.repair import CaseError, CaseOpenError, FindingError, UnknownCaseError

REPAIR_ERRORS: dict[type[RuleError], Answer] = {
    UnknownCaseError: Answer(
        404,
        "unknown-repair",
        "There is no such repair case",
        "GET /api/v1/repairs lists them; a number looks like RMA-000001.",
    ),
    CaseOpenError: Answer(
        409,
        "repair-open",
        "The unit has an open repair case",
        "GET /api/v1/units/{serial}/warranty names it; go on there.",
    ),
    CaseError: Answer(
        409,
        "repair-step",
        "The case cannot take this step now",
        "Look the case up; its state says what may follow.",
    ),
    FindingError: Answer(
        422,
        "finding",
        "The finding contradicts itself or the records",
        "Correct it, or say in words why it differs.",
    ),
    LifeCycleError: Answer(
        409,
        "life-cycle",
        "The unit cannot take this step from where it stands",
        "Record first what really happened to it.",
    ),
}
