"""Where each step of a swap stands, when it was and how long it took; decides nothing.

The service gap runs from the moment the old unit served no more, on itself or in the network, until
the new one was proven well, or until the old one served again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from fleet_server.domain.swap import Ask, Phase, Step, Swap, Target, ask
from fleet_server.domain.swap_remark import Remark

_CUT = (Step.HOLD_OLD, Step.CLOSE_OLD, Step.PAIR_CARD)
_PROOF = (Step.VERIFY_NEW, Step.VERIFY_CARD)
_SAID_DONE = ("done", "paid")


class Standing(StrEnum):
    """How a step stands. OWED: a unit is told when it is seen again. LEFT_OUT: also what a system
    refused and a person does by hand."""

    DONE = "done"
    NOW = "now"
    TO_COME = "to_come"
    LEFT_OUT = "left_out"
    OWED = "owed"
    UNDOING = "undoing"
    UNDONE = "undone"
    NOT_REACHED = "not_reached"


_IS_BACK = (Standing.UNDONE, Standing.OWED, Standing.NOT_REACHED, Standing.LEFT_OUT)


@dataclass(frozen=True, slots=True)
class Happening:
    """One thing that was put down: an ask, its answer, or what a person did."""

    at: datetime
    kind: str
    ask: Ask | None = None
    remark: Remark | None = None


@dataclass(frozen=True, slots=True)
class StepProgress:
    """`began_at`: first asked for; `ended_at`: known to be so; `undone_at`: known to be undone."""

    step: Step
    standing: Standing
    began_at: datetime | None = None
    ended_at: datetime | None = None
    undone_at: datetime | None = None
    said: Remark | None = None

    @property
    def length(self) -> timedelta | None:
        return self.ended_at - self.began_at if self.ended_at and self.began_at else None


@dataclass(frozen=True, slots=True)
class Gap:
    """The time without service; it lasts while `ended_at` is None."""

    began_at: datetime
    ended_at: datetime | None

    def length(self, now: datetime) -> timedelta:
        return (self.ended_at or now) - self.began_at


def steps_of(
    swap: Swap, happened: Sequence[Happening], *, is_approved: bool = True
) -> list[StepProgress]:
    """Every step of the plan, in its order; `happened` in the order it happened.

    Nothing of one that was not approved has begun.
    """
    if not is_approved:
        standing = Standing.NOT_REACHED if swap.has_ended else Standing.TO_COME
        return [StepProgress(step, standing) for step in swap.plan]
    return [_step(swap, at, happened) for at in range(len(swap.plan))]


def gap_of(steps: Sequence[StepProgress]) -> Gap | None:
    """None while nothing was cut, and where there was no unit in service to cut."""
    if not any(one.step == Step.RETIRE_OLD for one in steps):
        return None
    cuts = [one for one in steps if one.step in _CUT]
    if any(one.step != Step.PAIR_CARD for one in cuts):
        cuts = [one for one in cuts if one.step != Step.PAIR_CARD]
    dark = [one.ended_at for one in cuts if one.ended_at]
    if not dark:
        return None
    back = [one.undone_at for one in cuts if one.undone_at]
    is_back = all(one.standing in _IS_BACK for one in cuts)
    proven = [one.ended_at for one in steps if one.step in _PROOF]
    return Gap(min(dark), max(back) if is_back and back else proven[-1])


def _step(swap: Swap, at: int, happened: Sequence[Happening]) -> StepProgress:
    do = ask(replace(swap, at=at, phase=Phase.FORWARD, is_undoing=False))
    undo = ask(replace(swap, at=at, phase=Phase.BACK, is_undoing=True))
    asked = [one.at for one in happened if one.kind == "asked" and one.ask == do]
    done = [one.at for one in happened if one.kind in _SAID_DONE and one.ask == do]
    undone = [one.at for one in happened if one.kind in _SAID_DONE and undo and one.ask == undo]
    said = [
        one.remark
        for one in happened
        if one.kind in ("failed", "unreachable") and one.ask in (do, undo) and one.remark
    ]
    is_by_hand = any(
        one.kind == "waived" and one.ask in (do, undo) and one.ask.target != Target.OLD_UNIT
        for one in happened
        if one.ask
    )
    return StepProgress(
        step=swap.plan[at],
        standing=Standing.LEFT_OUT if is_by_hand else _standing(swap, at, do, undo, bool(asked)),
        began_at=asked[0] if asked else None,
        ended_at=done[0] if done else None,
        undone_at=undone[-1] if undone else None,
        said=said[-1] if said else None,
    )


def _standing(swap: Swap, at: int, do: Ask | None, undo: Ask | None, has_begun: bool) -> Standing:
    if swap.is_undoing:
        return _standing_back(swap, at, undo, has_begun)
    if at < swap.at or swap.phase == Phase.DONE:
        if swap.plan[at] in swap.skipped:
            return Standing.LEFT_OUT
        return Standing.OWED if do in swap.owed else Standing.DONE
    return Standing.NOW if at == swap.at else Standing.TO_COME


def _standing_back(swap: Swap, at: int, undo: Ask | None, has_begun: bool) -> Standing:
    if not has_begun:
        return Standing.NOT_REACHED
    if swap.plan[at] == Step.CLOSE_OLD and at > swap.at and Step.CLOSE_OLD in swap.skipped:
        return Standing.DONE
    has_ended = swap.phase == Phase.ROLLED_BACK
    if undo is None or (at < swap.at and not has_ended):
        return Standing.LEFT_OUT if swap.plan[at] in swap.skipped else Standing.DONE
    if at == swap.at and not has_ended:
        return Standing.UNDOING
    return Standing.OWED if undo in swap.owed else Standing.UNDONE
