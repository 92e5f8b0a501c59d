"""What is said of a replacement, in the reader's language."""

from __future__ import annotations

from datetime import datetime

from fleet_server.domain.swap_remark import Remark, Say
from fleet_server.services.swap_store import Happened
from fleet_server.services.swap_views import EventView
from fleet_server.web.page import Page

# What is written with these is a code of its own.
_CODES: dict[str, str] = {Happened.ORDERED: "swap_trigger", Happened.ENDED: "swap_phase"}


def remark_words(page: Page, remark: Remark) -> str:
    """Moments are local; a text that a unit or a person said stays as it is."""
    values = dict(remark.values)
    if remark.code is Say.TEXT:
        return values["text"]
    if "at" in values:
        values["at"] = page.formats.moment(datetime.fromisoformat(values["at"]))
    if "system" in values:
        values["system"] = page.label("swap_target", values["system"])
    return page.gettext(remark.sentence) % values


def event_words(page: Page, event: EventView) -> str:
    """What a line of the record says beside its kind; "" for nothing."""
    if event.kind in _CODES:
        return page.label(_CODES[event.kind], event.text)
    return remark_words(page, event.remark) if event.remark else ""
