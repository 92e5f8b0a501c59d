"""What was last told of emergency reachability, kept over restarts, and telling the next."""

import json

from agent.core.journal import RESERVED
from agent.errors import StorageError
from agent.wire.codes import EMERGENCY, EMERGENCY_EVENT

WORDS = ("false", "unknown", "true")
_BLOB = "emergency"
_ALARM = "emergency-unreachable"


def load(device, endpoint) -> tuple:
    """(rank, reason, moment since when, moment the outage before this start began).

    A line that was well is taken as well until the first look, but only since this start.
    """
    started = [device.clock.boot_count, 0]
    away = list(endpoint.last_loss or started)
    try:
        kept = device.store.load(_BLOB)
    except StorageError:
        kept = None
    rank, reason, since = json.loads(kept) if kept else (2, "", started)
    if rank:
        return 2, "", started, away
    lasting = device.clock.lasting(since)
    if since[0] and not lasting[0]:
        _keep(device, rank, reason, lasting)
    return rank, reason, lasting, away


def tell(monitor, device, endpoint, verdict, away, now_ms: int) -> None:
    """Take over the verdict (rank, reason): event first, then alarm and what is kept."""
    rank, reason = verdict
    before, since = monitor.rank, monitor.since
    if rank != before:
        monitor.since = away or [device.clock.boot_count, now_ms]
    monitor.rank, monitor.reason = rank, reason
    args = {
        "Reachable": WORDS[rank],
        "Reason": reason,
        "LineReady": "true" if monitor.line_ready else "false",
        "Since": monitor.since,
    }
    if before == 0 and rank:
        args["Loss"] = since
    endpoint.event(EMERGENCY, EMERGENCY_EVENT, args, now_ms, True, RESERVED)
    device.alarms.put(_ALARM, rank == 0, reason)
    _keep(device, rank, reason, monitor.since)


def _keep(device, rank, reason, since):
    try:
        device.store.save(_BLOB, json.dumps((rank, reason, since)).encode())
    except StorageError:
        return  # it is right until the next start
