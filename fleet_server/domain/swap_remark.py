"""What is said of a replacement: what it waits for, why a step failed; a code with its values.

The tables keep `code?name=value&...`; people get the sentence, pages in the reader's language. What
a unit or a person said is a text of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from enum import StrEnum
from urllib.parse import parse_qsl, urlencode

_PLACE = re.compile(r"%\((\w+)\)s")
_LONGEST = 256


class Say(StrEnum):
    TEXT = "text"
    # what it waits for
    UNIT_CONNECTED = "unit_connected"
    UNIT_WELL = "unit_well"
    CARD_IN = "card_in"
    CARD_READ = "card_read"
    CARD_MOVED = "card_moved"
    HOURS = "hours"
    CAMPAIGN = "campaign"
    LINE_KNOWN = "line_known"
    CALL_OVER = "call_over"
    EMERGENCY_OVER = "emergency_over"
    CONSENT = "consent"
    NOTICE = "notice"
    ANNOUNCED = "announced"
    SYSTEM_ANSWER = "system_answer"
    UNIT_FREE = "unit_free"
    BROKEN = "broken"
    RESTORED = "restored"
    UNIT_ANSWERS = "unit_answers"
    # why a step failed, or what was noted
    NO_ANSWER = "no answer"
    NO_UNIT = "no_unit"
    REVOKED = "revoked"
    OLD_SOFTWARE = "old_software"
    REFUSES = "refuses"
    DROPPED = "dropped"
    CONTRACT_ENDED = "contract_ended"
    HELD_TOO_LONG = "held_too_long"
    NOTHING_TO_DO = "nothing_to_do"
    NO_SETTINGS = "no_settings"
    ASKED_AGAIN = "asked_again"
    CALLED_BACK = "called_back"


SENTENCES: Mapping[Say, str] = {
    Say.UNIT_CONNECTED: "unit %(unit)s to be connected",
    Say.UNIT_WELL: "unit %(unit)s to say that it is well",
    Say.CARD_IN: "the customer to put the new card into the box",
    Say.CARD_READ: "box %(unit)s to read the new card",
    Say.CARD_MOVED: "box %(unit)s to read card %(card)s, from the old box",
    Say.HOURS: "the hours from %(begin)s to %(end)s, local time [4.5, 4.6]",
    Say.CAMPAIGN: "somebody to let campaign %(campaign)s, which is paused, go on",
    Say.LINE_KNOWN: "the softswitch to say whether line %(line)s is in use",
    Say.CALL_OVER: "the end of the call on line %(line)s [7.3.7]",
    Say.EMERGENCY_OVER: "the end of the time after an emergency call on line %(line)s, at %(at)s "
    "[11.3]",
    Say.CONSENT: "the customer's consent on record, planned swap %(plan)s [7.1.7]",
    Say.NOTICE: "notice in time on record, planned swap %(plan)s [7.1.7]",
    Say.ANNOUNCED: "the moment that was announced, %(at)s, planned swap %(plan)s [7.1.7]",
    Say.SYSTEM_ANSWER: "%(system)s, which said last: %(code)s",
    Say.BROKEN: "somebody to look into the log of the server",
    Say.RESTORED: "somebody to resume it: a backup was restored",
    Say.UNIT_FREE: "unit %(unit)s, which says: %(text)s",
    Say.UNIT_ANSWERS: "unit %(unit)s to be connected and answer, until %(at)s at the longest",
    Say.NO_ANSWER: "no answer",
    Say.NO_UNIT: "there is no such unit",
    Say.REVOKED: "the certificate of unit %(unit)s is revoked",
    Say.OLD_SOFTWARE: "the unit's software knows no replacement",
    Say.REFUSES: "%(system)s refuses: %(code)s",
    Say.DROPPED: "%(system)s: the operation was dropped",
    Say.CONTRACT_ENDED: "contract %(contract)s has ended [2]",
    Say.HELD_TOO_LONG: "the old unit could not be taken out of service for %(minutes)s minutes; "
    "order it anew, at the customer's",
    Say.NOTHING_TO_DO: "there is nothing to do",
    Say.NO_SETTINGS: "no customer's settings to carry over",
    Say.ASKED_AGAIN: "asked again",
    Say.CALLED_BACK: "called back: it may not be done now",
}


@dataclass(frozen=True, slots=True)
class Remark:
    """`values` by the names of the sentence: `at` is a moment in ISO 8601, `system` a target."""

    code: Say
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        return SENTENCES.get(self.code, "%(text)s")

    def __str__(self) -> str:
        """In English."""
        values = dict(self.values)
        if "at" in values:
            values["at"] = f"{datetime.fromisoformat(values['at']):%Y-%m-%d %H:%M} UTC"
        return self.sentence % values


def remark(code: Say, /, **values: str | int) -> str:
    """What the tables keep; the longest value is cut to what fits there."""
    texts = {name: str(value)[:_LONGEST] for name, value in values.items()}
    while len(kept := f"{code}?{urlencode(texts)}" if texts else code.value) > _LONGEST:
        longest = max(texts, key=lambda name: len(texts[name]))
        texts[longest] = texts[longest][:-1]
    return kept


def hours_remark(begin: time, end: time) -> str:
    """That it waits for these hours, local time."""
    return remark(Say.HOURS, begin=f"{begin:%H:%M}", end=f"{end:%H:%M}")


def moment(at: datetime) -> str:
    """A moment as a value of a remark."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def read_remark(text: str) -> Remark | None:
    """What `remark` gave, or a text as it is; None where nothing was said."""
    if not text:
        return None
    code, _, query = text.partition("?")
    if code in SENTENCES:
        found = Remark(Say(code), dict(parse_qsl(query, keep_blank_values=True)))
        if set(_PLACE.findall(found.sentence)) <= set(found.values):
            return found
    return Remark(Say.TEXT, {"text": text})
