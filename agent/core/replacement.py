"""The part this unit has in a replacement: kept in one blob, and what follows from it.

The blob `replacement` is JSON: `part`, `swap` (the one it last took part in), `line` (whether it
has a telephone line). It is made when a unit without one starts: spare where it was put into
service for no contract (position `spare`), else active, as one that served before there were
parts. A part that cannot be read counts as held, so that the unit never serves by accident. A
factory reset keeps it.

Only an adopted or active unit serves: else the filter leaves emergency numbers alone, whatever the
state of the service is. See agent/wire/replacement.py for what each command makes of a part.
"""

import json

from agent.core.parts import part
from agent.errors import StorageError
from agent.wire.replacement import ACTIVE, FENCED, HELD, SERVING, SPARE, SPARE_POSITION

RETURN_ME = "Ju lutemi ktheni pajisjen. Molimo vratite uređaj. Please return this box."
_BLOB = "replacement"


def load(store) -> dict:
    """What is kept."""
    kept = {"part": ACTIVE, "swap": "", "line": True}
    try:
        kept.update(json.loads(store.load(_BLOB) or b"{}"))
    except StorageError:
        kept["part"] = HELD
    return kept


def keep(device, kept: dict) -> None:
    """Make it durable, then known to the box. Raises StorageError."""
    device.store.save(_BLOB, json.dumps(kept).encode())
    device.swap_part = kept["part"]
    device.board.show(device.swap_part in SERVING, return_me(device.swap_part))


def start(board, store, position: str = "") -> None:
    """The box starts, or was just put into service for `position`: it learns what follows from the
    part. Raises StorageError."""
    if position and _is_new(store):
        which = SPARE if position == SPARE_POSITION else ACTIVE
        store.save(_BLOB, json.dumps({"part": which}).encode())
    which = load(store)["part"]
    board.show(which in SERVING, return_me(which))
    if which == FENCED:
        part("fencing").resume(board)


def _is_new(store):
    try:
        return store.load(_BLOB) is None
    except StorageError:
        return False


def return_me(which: str) -> str:
    """What the box shows to whoever has it: "" unless it is fenced."""
    return RETURN_ME if which == FENCED else ""


def installed(device) -> None:
    """The unit got a service profile: a spare one serves from now on. Raises StorageError."""
    if device.swap_part == SPARE:
        kept = load(device.store)
        kept["part"] = ACTIVE
        keep(device, kept)


def begin_anew(store) -> None:
    """The unit was put into service again: its position says what it is."""
    store.remove(_BLOB)
