"""Faults put into the product's own engine, to show that its trials would find them.

`with seeded(Bug.X):` has the engine break that promise as long as the block lasts. Nothing but
`test_swap_faults.py` uses it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from fleet_server.domain import swap
from fleet_server.domain.swap import Step
from fleet_server.services import swap_orders, swap_store, swaps


class Bug(StrEnum):
    """What the engine does wrong."""

    LEAVES_NEW_OPEN = "the undo of OPEN_NEW is left out"
    LEAVES_LINE = "the undo of MOVE_VOICE is left out"
    TAKES_ANY_ANSWER = "the answer to what was called off is taken for that to its undoing"
    FENCES_EARLY = "the old unit is fenced before the commit"
    FORGETS_DEBTS = "what a unit is owed is forgotten"


@contextmanager
def seeded(bug: Bug) -> Iterator[None]:
    with _PATCHES[bug]():
        yield


def _without_undo(step: Step) -> Any:
    rule = replace(swap._RULES[step], undo=None)
    return patch.dict(swap._RULES, {step: rule})


def _any_answer() -> Any:
    def save(connection: Any, swap_id: int, changed: swap.Swap, **values: Any) -> None:
        del values["ask_key"]
        swap_store.save(connection, swap_id, changed, **values)

    return patch.object(swaps, "swap_store", SimpleNamespace(**vars(swap_store) | {"save": save}))


def _fenced_early() -> Any:
    real = swap.plan_for

    def plan_for(*args: Any, **more: Any) -> tuple[Step, ...]:
        plan: list[Step] = [step for step in real(*args, **more) if step is not Step.FENCE_OLD]
        plan.insert(plan.index(Step.COMMIT), Step.FENCE_OLD)
        return tuple(plan)

    return patch.object(swap_orders, "plan_for", plan_for)


def _without_debts() -> Any:
    real = swap._owing

    def owing(one: swap.Swap, asked: swap.Ask) -> swap.Swap:
        return replace(real(one, asked), owed=one.owed)

    return patch.object(swap, "_owing", owing)


_PATCHES: dict[Bug, Callable[[], Any]] = {
    Bug.LEAVES_NEW_OPEN: lambda: _without_undo(Step.OPEN_NEW),
    Bug.LEAVES_LINE: lambda: _without_undo(Step.MOVE_VOICE),
    Bug.TAKES_ANY_ANSWER: _any_answer,
    Bug.FENCES_EARLY: _fenced_early,
    Bug.FORGETS_DEBTS: _without_debts,
}
