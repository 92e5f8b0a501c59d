"""The part this unit has in a replacement: kept in one blob, and what follows from it.

The blob `replacement` is JSON: `part`, `swap` (the one it last took part in), `line` (whether it
has a telephone line). Without a blob the unit is spare where it was put into service for no
contract (position `spare`), else active: it served before there were parts. A part that cannot be
read counts as held, so that the unit never serves by accident. A factory reset keeps it.

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
        data = store.load(_BLOB)
        if data:
            kept.update(json.loads(data))
        elif (
            part("provisioning").Provisioning(store, "").get("position").decode() == SPARE_POSITION
        ):
            kept["part"] = SPARE
    except StorageError:
        kept["part"] = HELD
    return kept


def _position(store):
    return part("provisioning").Provisioning(store, "").get("position").decode()


def keep(device, kept: dict) -> None:
    """Make it durable, then known to the box. Raises StorageError."""
    device.store.save(_BLOB, json.dumps(kept).encode())
    device.swap_part = kept["part"]
    device.board.show(device.swap_part in SERVING, return_me(device.swap_part))


def start(board, store) -> None:
    """The box starts, or was just put into service: it learns what follows from the part. Raises
    StorageError."""
    which = load(store)["part"]
    board.show(which in SERVING, return_me(which))
    if which == FENCED:
        part("fencing").resume(board)


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
