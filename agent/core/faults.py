"""What the agent itself ended of: the last faults, kept on flash, to be read after the restart.

Loaded when one happens, is asked for or removed. The blob is a JSON list: [last number, faults
since this software came, faults]; a fault is [number, moment, software version, reason, trace, boot
count].
A trace names the code as it was built (docs/developer/architecture.md, "Memory of a board").
"""

import json

from agent.compat import const, trace_of
from agent.errors import StorageError
from agent.wire.codes import SOFTWARE_VERSION

MAX_FAULTS = const(4)
_BLOB = "faults"
_REASON_LIMIT = const(160)
_TRACE_LIMIT = const(640)


def keep(store, clock, error) -> None:
    """Write down a fault; the oldest makes room. Raises StorageError."""
    last, count, faults = load(store)
    if faults and faults[-1][2] != SOFTWARE_VERSION:
        count = 0
    moment = clock.lasting([clock.boot_count, clock.up_time_ms()])
    reason = ("%s: %s" % (type(error).__name__, error))[:_REASON_LIMIT]
    trace = trace_of(error)[-_TRACE_LIMIT:]
    faults.append([last + 1, moment, SOFTWARE_VERSION, reason, trace, clock.boot_count])
    _save(store, last + 1, count + 1, faults[-MAX_FAULTS:])


def load(store) -> list:
    """[last number, faults since this software came, faults, oldest first]; empty when what was
    kept cannot be read: the next fault then begins anew."""
    try:
        data = store.load(_BLOB)
    except StorageError:
        data = None
    return json.loads(data) if data else [0, 0, []]


def remove(store, number: int = 0) -> None:
    """Forget one fault, or all; the count stays."""
    last, count, faults = load(store)
    kept = [fault for fault in faults if number and fault[0] != number]
    _save(store, last, count, kept)


def location_of(trace: str) -> str:
    """Where it happened: the last line of a trace that names a file."""
    found = ""
    for line in trace.split("\n"):
        if 'File "' in line:
            found = line.strip()
    return found


def _save(store, last, count, faults):
    store.save(_BLOB, json.dumps([last, count, faults]).encode())
