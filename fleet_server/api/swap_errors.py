"""Answers to what is wrong with the replacement of a unit."""

from __future__ import annotations

from fleet_server.api.answer import Answer
from fleet_server.domain.errors import RuleError
from fleet_server.domain.swap import PointOfNoReturnError
from fleet_server.services import swaps

SWAP_ERRORS: dict[type[RuleError], Answer] = {
    swaps.UnknownSwapOrderError: Answer(
        404, "unknown-replacement", "No such replacement", "List the replacements and compare."
    ),
    swaps.SwapTakenError: Answer(
        409,
        "replacement-under-way",
        "Another replacement has the unit or the position",
        "Let the other one end, or call it off; detail names it.",
    ),
    swaps.SwapStateError: Answer(
        409,
        "replacement-state",
        "Not possible where the replacement stands",
        "Look at its phase, and at what it says may be done.",
    ),
    swaps.FourEyesError: Answer(
        403,
        "four-eyes",
        "Another person has to approve it",
        "Ask somebody else with the right to approve.",
    ),
    swaps.NotEnrolledError: Answer(
        409, "not-enrolled", "The new unit has no certificate", "Provision it, then order again."
    ),
    PointOfNoReturnError: Answer(
        409,
        "point-of-no-return",
        "The new unit serves already",
        "Let it end; order another replacement to go back to the old unit.",
    ),
}
