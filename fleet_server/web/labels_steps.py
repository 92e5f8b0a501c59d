"""The words for how a step stands, of a command, a swap or a campaign."""

from __future__ import annotations


def _(message: str) -> str:
    return message


STEP_WORDS: dict[str, dict[str, str]] = {
    "step_tone": {
        "done": _("done"),
        "now": _("now"),
        "to_come": _("to come"),
        "undone": _("undone"),
        "failed": _("failed"),
        "left_out": _("left out"),
        "owed": _("owed until the unit is seen"),
        "undoing": _("being undone now"),
        "not_reached": _("not reached"),
    },
}
