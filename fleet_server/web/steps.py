"""A vertical list of steps with their moments, as templates/steps.html shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Tone(StrEnum):
    """How a step stands; the words are in labels_swap.py."""

    DONE = "done"
    NOW = "now"
    TO_COME = "to_come"
    UNDONE = "undone"
    FAILED = "failed"
    LEFT_OUT = "left_out"
    OWED = "owed"
    UNDOING = "undoing"
    NOT_REACHED = "not_reached"


@dataclass(frozen=True, slots=True)
class Line:
    """`at`: when it was done, or since when it is under way; `length_ms`: how long it took."""

    title: str
    tone: Tone
    at: datetime | None = None
    length_ms: int | None = None
    note: str = ""
