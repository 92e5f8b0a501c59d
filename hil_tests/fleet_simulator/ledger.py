"""Exactly once: what the units recorded, beside what the server's database has of them.

The sequences of a unit's journal run from 1 without a gap; each must be one row, but for those that
the journal gave up and told of in an `EventsDropped!`.
"""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from agent.wire.codes import EVENTS_DROPPED_EVENT, TRANSIENT_EVENT

_ROWS = """
SELECT endpoint_id, epoch, sequence, name, params FROM event
WHERE epoch IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """What one unit recorded: the last sequence of each epoch of its journal, which begins a new
    one when it is wiped. `surges` were made at it."""

    endpoint_id: str
    journals: Mapping[str, int]
    surges: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database has of one unit: its rows by sequence, and the sequences given up."""

    sequences: Counter[tuple[str, int]]
    names: Counter[str]
    given_up: frozenset[tuple[str, int]]


def stored(database: Path) -> dict[str, Stored]:
    """The journalled events of all units in a server's SQLite database."""
    found: dict[str, Stored] = defaultdict(lambda: Stored(Counter(), Counter(), frozenset()))
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=10) as connection:
        for endpoint_id, epoch, sequence, name, params in connection.execute(_ROWS):
            one = found[endpoint_id]
            one.sequences[epoch, sequence] += 1
            one.names[name] += 1
            if name == EVENTS_DROPPED_EVENT:
                gone = _numbers(json.loads(params).get("Sequences", ""))
                gone_there = one.given_up | {(epoch, number) for number in gone}
                found[endpoint_id] = Stored(one.sequences, one.names, gone_there)
    connection.close()
    return dict(found)


def differences(recorded: Iterable[Recorded], found: dict[str, Stored]) -> list[str]:
    """What is missing, doubled, or came from nowhere; empty when every event is there once."""
    wrong = []
    for unit in recorded:
        there = found.get(unit.endpoint_id, Stored(Counter(), Counter(), frozenset()))
        expected = {
            (epoch, number)
            for epoch, last in unit.journals.items()
            for number in range(1, last + 1)
        }
        expected -= there.given_up
        for key in sorted(expected ^ there.sequences.keys()):
            verdict = "is missing" if key in expected else "came from nowhere"
            wrong.append(f"{unit.endpoint_id}: event {key[0]}-{key[1]} {verdict}")
        wrong += [
            f"{unit.endpoint_id}: event {key[0]}-{key[1]} is there {count} times"
            for key, count in there.sequences.items()
            if count > 1
        ]
        told = there.names[TRANSIENT_EVENT]
        if told != unit.surges:
            wrong.append(f"{unit.endpoint_id}: {unit.surges} surges, {told} told")
    return wrong


def _numbers(text: str) -> frozenset[int]:
    """The sequences in `4-6,9`."""
    numbers: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        if first:
            numbers.update(range(int(first), int(last or first) + 1))
    return frozenset(numbers)
