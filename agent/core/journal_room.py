"""Room in a full journal, and the account of what was lost; loaded when either is asked for.

Room is made by rotation first. Then events of lower classes give way, the lowest class first and
the oldest of it first, a sixteenth of the journal at once: each time costs a rotation and is told.
"""

import struct

from agent.compat import const
from agent.core.journal import (
    DROP,
    EVENT,
    FRAME_BYTES,
    HEADER_BYTES,
    ORDINARY,
    RESERVED,
    SEQUENCES,
    TALLY,
    TALLY_BODY,
    TYPE_BITS,
    UNKNOWN,
    UNREADABLE,
    frame,
)

_BATCH_PART = const(16)  # of the capacity, freed at once
_BATCH_RECORDS = const(16)
_TALLY_BYTES = const(128)
_MAX_TEXT = const(96)


def make_room(journal, need, priority, limit, records) -> bool:
    """Rotate, and drop what is of a lower class, if that makes `need` more bytes fit within `limit`
    and one more event within `records`. Nothing is dropped in vain."""
    live = 0
    for piece in journal.live_frames([]):
        live += len(piece)
    if live + need <= limit and len(journal.listed) < records:
        journal.rewrite()
        return True
    if priority > RESERVED:
        return False
    victims = {}
    live += _TALLY_BYTES
    goal = limit - need - journal.capacity // _BATCH_PART
    for lower, sequence, size in sorted(_lower(journal, priority)):
        if live <= goal and len(journal.listed) - len(victims) <= records - _BATCH_RECORDS:
            break
        victims[sequence] = lower
        live -= size
    if live + need > limit or len(journal.listed) - len(victims) >= records:
        return False
    journal.rewrite(victims)
    return True


def class_of(kind) -> int:
    """The class of an event, by the kind of its record."""
    return (kind >> 4) ^ ORDINARY if kind & TYPE_BITS == EVENT else RESERVED


def _lower(journal, priority):
    """(class, sequence, bytes) of each pending event below that class."""
    record = journal.next_record(HEADER_BYTES)
    while record:
        kind, sequence, payload, offset = record
        if kind & TYPE_BITS <= DROP and sequence in journal.listed and class_of(kind) < priority:
            yield class_of(kind), sequence, len(payload) + FRAME_BYTES
        record = journal.next_record(offset)


def with_lost(journal, kept, victims) -> list:
    """The tally with the pending events that are not `kept`: victims by their class, the others as
    unreadable."""
    tally = list(journal.tally)
    lost = []
    for sequence in journal.listed:
        if sequence not in kept:
            tally[victims.get(sequence, UNKNOWN) if victims else UNKNOWN] += 1
            if sequence not in victims:
                tally[UNREADABLE] += 1
            lost.append((sequence, sequence))
    tally[SEQUENCES] = joined(tally[SEQUENCES], lost)
    return tally


def joined(text, ranges) -> str:
    """The sequences of `text` and of `ranges`, (first, last) each, as text ("4-6,9").

    When it grows too long the nearest ones become one range: what lies between was not lost, which
    whoever has it knows.
    """
    every = list(ranges)
    for piece in text.split(","):
        if piece:
            ends = piece.split("-")
            every.append((int(ends[0]), int(ends[-1])))
    merged = []
    for first, last in sorted(every):
        if merged and first <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], last)
        else:
            merged.append([first, last])
    while len(_text(merged)) > _MAX_TEXT:
        gaps = [merged[at + 1][0] - merged[at][1] for at in range(len(merged) - 1)]
        at = gaps.index(min(gaps))
        merged[at][1] = merged.pop(at + 1)[1]
    return _text(merged)


def _text(ranges):
    return ",".join(["%d-%d" % (a, b) if b > a else str(a) for a, b in ranges])


def tally_frame(tally) -> bytes:
    body = struct.pack(TALLY_BODY, *tally[:SEQUENCES]) + tally[SEQUENCES].encode()
    return frame(TALLY, 0, body)


def drop_arguments(tally) -> dict:
    """Arguments of the event that tells of losses."""
    args = {"Count": str(sum(tally[:UNREADABLE]))}
    for at, name in enumerate(("Health", "Other", "Reserved", "Unknown", "Unreadable")):
        if tally[at]:
            args[name] = str(tally[at])
    if tally[SEQUENCES]:
        args["Sequences"] = tally[SEQUENCES]
    return args
