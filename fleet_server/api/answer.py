"""How the API answers one class of error."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """`code` ends the problem's type; `next` is a sentence that says what the caller does now."""

    status: int
    code: str
    title: str
    next: str
