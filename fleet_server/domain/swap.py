"""The replacement of one unit by another as a saga: what is asked next, and what answers do to it.

A swap walks a plan, one step at a time. A step is asked for until its outcome is known, by the same
operation each time, so that the other side may be asked twice; what is in force at any moment is a
value (`Swap`) that is stored before anything is asked, so that a crash loses nothing: `ask` of the
stored value is what to ask again.

- Forward until COMMIT. Whatever fails before it is undone in the opposite order, the step that
  failed included, because an outcome that is unknown may have been a success.
- The network decides who is in service. The old unit is closed there, and known to be, before the
  new one is opened; and the other way round on the way back. So one unit at most is in service,
  whatever the units themselves believe [7.1.7; one position, one unit].
- A unit that does not answer is left out where the network's word is enough, and *owed* the
  command: it gets it when it is seen again, months later if need be.
- A network that does not say whether the old unit is closed may serve it still: that unit is told
  to serve again first of all, so that nobody waits in the dark for a system that is down.
- From COMMIT on the way is forward only: the old unit is fenced, now or when it is seen.
- What neither way can get past waits for a person (PERSON), with the reason; `Resumed` goes on.
  He may leave out (`Waived`) what cannot lead to two units in service: that the old unit hears that
  it serves again, and what a system refuses to do for the old unit. The new unit is never left
  open.

Nothing here knows a clock: the caller decides that a unit did not answer in time (`Unreachable`),
that the hour is wrong or a call is on (`NotNow`, which changes nothing), or that a person gave up
(`Aborted`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from fleet_server.domain.errors import ConflictError
from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.swap_remark import Say

NO_ANSWER = Say.NO_ANSWER.value


class PointOfNoReturnError(ConflictError):
    """The swap is committed: it can only be finished, or swapped back by another one."""


class Target(StrEnum):
    """Who is asked. BOX is the set-top box that has to read the customer's card: the new one, or
    that of a swapped card."""

    OLD_UNIT = "old_unit"
    NEW_UNIT = "new_unit"
    BOX = "box"
    REGISTRY = "registry"
    ACCESS = "access"
    VOICE = "voice"
    CONDITIONAL_ACCESS = "conditional_access"


class Operation(StrEnum):
    """What a target is asked to do; each may be asked again without harm."""

    RESERVE = "reserve"
    RELEASE = "release"
    PREPARE = "prepare"
    RENEW = "renew"
    SEE = "see"
    HOLD = "hold"
    ROLLBACK = "rollback"
    CLOSE_OLD = "close_old"
    OPEN_OLD = "open_old"
    OPEN_NEW = "open_new"
    CLOSE_NEW = "close_new"
    MOVE_TO_NEW = "move_to_new"
    MOVE_TO_OLD = "move_to_old"
    ADOPT = "adopt"
    VERIFY = "verify"
    COMMIT = "commit"
    FENCE = "fence"
    BAR_OLD = "bar_old"
    RETIRE = "retire"


class Step(StrEnum):
    """What has to be done for a swap; which of them, and in which order, says its plan."""

    RESERVE = "reserve"
    PREPARE_OLD = "prepare_old"
    AWAIT_NEW = "await_new"
    RENEW_SETTINGS = "renew_settings"
    HOLD_OLD = "hold_old"
    CLOSE_OLD = "close_old"
    OPEN_NEW = "open_new"
    MOVE_VOICE = "move_voice"
    PAIR_CARD = "pair_card"
    ADOPT_NEW = "adopt_new"
    VERIFY_NEW = "verify_new"
    VERIFY_CARD = "verify_card"
    COMMIT = "commit"
    FENCE_OLD = "fence_old"
    BAR_CARD = "bar_card"
    RETIRE_OLD = "retire_old"


class Phase(StrEnum):
    """FORWARD and BACK go on by themselves; PERSON still tries, and asks for a person."""

    FORWARD = "forward"
    BACK = "back"
    PERSON = "person"
    DONE = "done"
    ROLLED_BACK = "rolled_back"


@dataclass(frozen=True, slots=True)
class Ask:
    target: Target
    operation: Operation


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a step asks, and what undoes it; None where there is nothing to undo."""

    do: Ask
    undo: Ask | None = None


_T, _O = Target, Operation
_RULES: dict[Step, _Rule] = {
    Step.RESERVE: _Rule(Ask(_T.REGISTRY, _O.RESERVE), Ask(_T.REGISTRY, _O.RELEASE)),
    Step.PREPARE_OLD: _Rule(Ask(_T.OLD_UNIT, _O.PREPARE)),
    Step.AWAIT_NEW: _Rule(Ask(_T.NEW_UNIT, _O.SEE)),
    Step.RENEW_SETTINGS: _Rule(Ask(_T.OLD_UNIT, _O.RENEW)),
    Step.HOLD_OLD: _Rule(Ask(_T.OLD_UNIT, _O.HOLD), Ask(_T.OLD_UNIT, _O.ROLLBACK)),
    Step.CLOSE_OLD: _Rule(Ask(_T.ACCESS, _O.CLOSE_OLD), Ask(_T.ACCESS, _O.OPEN_OLD)),
    Step.OPEN_NEW: _Rule(Ask(_T.ACCESS, _O.OPEN_NEW), Ask(_T.ACCESS, _O.CLOSE_NEW)),
    Step.MOVE_VOICE: _Rule(Ask(_T.VOICE, _O.MOVE_TO_NEW), Ask(_T.VOICE, _O.MOVE_TO_OLD)),
    Step.PAIR_CARD: _Rule(
        Ask(_T.CONDITIONAL_ACCESS, _O.MOVE_TO_NEW), Ask(_T.CONDITIONAL_ACCESS, _O.MOVE_TO_OLD)
    ),
    Step.ADOPT_NEW: _Rule(Ask(_T.NEW_UNIT, _O.ADOPT), Ask(_T.NEW_UNIT, _O.ROLLBACK)),
    Step.VERIFY_NEW: _Rule(Ask(_T.NEW_UNIT, _O.VERIFY)),
    Step.VERIFY_CARD: _Rule(Ask(_T.BOX, _O.VERIFY)),
    Step.COMMIT: _Rule(Ask(_T.REGISTRY, _O.COMMIT)),
    Step.FENCE_OLD: _Rule(Ask(_T.OLD_UNIT, _O.FENCE)),
    Step.BAR_CARD: _Rule(Ask(_T.CONDITIONAL_ACCESS, _O.BAR_OLD)),
    Step.RETIRE_OLD: _Rule(Ask(_T.REGISTRY, _O.RETIRE)),
}
_OF_OLD = (
    Step.PREPARE_OLD,
    Step.RENEW_SETTINGS,
    Step.HOLD_OLD,
    Step.CLOSE_OLD,
    Step.FENCE_OLD,
    Step.BAR_CARD,
    Step.RETIRE_OLD,
)
_CARD_BACK = Ask(_T.CONDITIONAL_ACCESS, _O.MOVE_TO_OLD)
_BY_HAND = (
    Ask(_T.ACCESS, _O.OPEN_OLD),
    Ask(_T.VOICE, _O.MOVE_TO_OLD),
    Ask(_T.CONDITIONAL_ACCESS, _O.BAR_OLD),
)
_WITHOUT_OLD = (Step.PREPARE_OLD, Step.HOLD_OLD)
_CUT = (Step.RENEW_SETTINGS, Step.HOLD_OLD, Step.CLOSE_OLD, Step.OPEN_NEW)
_PROOF = (Step.VERIFY_NEW, Step.VERIFY_CARD)
_END = (Step.ADOPT_NEW, *_PROOF, Step.COMMIT, Step.FENCE_OLD, Step.RETIRE_OLD)
_CARD = (Step.RESERVE, Step.PAIR_CARD, Step.VERIFY_CARD, Step.COMMIT, Step.BAR_CARD)
_BESIDE_ACCESS = {
    ProductClass.MODEM: (),
    ProductClass.VOICEMODEM: (Step.MOVE_VOICE,),
    ProductClass.STB: (Step.PAIR_CARD,),
}


@dataclass(frozen=True, slots=True)
class Swap:
    """Where a swap stands. `at` is the step of `plan` that is asked for, or undone on the way back.

    `skipped`: steps left out because the old unit did not answer; CLOSE_OLD while its undoing waits
    for the old unit. `owed`: what a unit is told when it is seen again. `why`: the reason for
    turning back, or for needing a person.
    """

    plan: tuple[Step, ...]
    at: int = 0
    phase: Phase = Phase.FORWARD
    is_undoing: bool = False
    skipped: frozenset[Step] = frozenset()
    owed: frozenset[Ask] = frozenset()
    why: str = ""

    @property
    def has_ended(self) -> bool:
        return self.phase in (Phase.DONE, Phase.ROLLED_BACK)

    @property
    def is_early(self) -> bool:
        """Whether the old unit is told to serve again before the network is asked to let it."""
        return self.is_undoing and Step.CLOSE_OLD in self.skipped

    @property
    def proof(self) -> Step:
        """The step with which the new unit is proven well, the customer's card in it included."""
        return next(step for step in reversed(self.plan) if step in _PROOF)

    @property
    def is_committed(self) -> bool:
        """Whether the point of no return is behind."""
        is_past = not self.is_undoing and self.at > self.plan.index(Step.COMMIT)
        return is_past or self.phase == Phase.DONE


@dataclass(frozen=True, slots=True)
class Done:
    """What was asked for is so."""

    ask: Ask


@dataclass(frozen=True, slots=True)
class Failed:
    """The target refused for good; `why` says so in its words."""

    ask: Ask
    why: str


@dataclass(frozen=True, slots=True)
class Unreachable:
    """Who was asked did not answer in the time the caller gives it; it may have heard."""

    ask: Ask


@dataclass(frozen=True, slots=True)
class Aborted:
    """A person, or the campaign, wants it undone."""

    why: str


@dataclass(frozen=True, slots=True)
class Waived:
    """A person accepts that the old unit will serve again only when it is seen, or that what a
    system refuses to do for it is done there by hand."""


Event = Done | Failed | Unreachable | Aborted | Waived


def plan_for(
    kind: ProductClass,
    *,
    outlets: int,
    has_old: bool = True,
    has_line: bool = True,
    has_card: bool = True,
) -> tuple[Step, ...]:
    """The steps of a swap.

    With one RF outlet the new unit cannot come up before the old one is dark; with two it is
    awaited first, so that the gap is short. `has_old`: there is a unit to take out; `has_line`: a
    telephone line hangs on it; `has_card`: a smart card goes from it into the new box, which has
    television only once it reads that card.
    """
    is_of_card = kind == ProductClass.CARD or (kind == ProductClass.STB and has_card)
    left_out = {
        *(() if has_old else _OF_OLD),
        *(() if has_line else (Step.MOVE_VOICE,)),
        *(() if is_of_card else (Step.PAIR_CARD, Step.VERIFY_CARD)),
    }
    if kind == ProductClass.CARD:
        steps: tuple[Step, ...] = (*_CARD, Step.RETIRE_OLD)
    else:
        awaited = (Step.AWAIT_NEW,) if outlets > 1 else ()
        steps = (Step.RESERVE, Step.PREPARE_OLD, *awaited, *_CUT, *_BESIDE_ACCESS[kind], *_END)
    return tuple(step for step in steps if step not in left_out)


def ask(swap: Swap) -> Ask | None:
    """What is to be asked now, and again after a crash; None once the swap has ended."""
    if swap.has_ended:
        return None
    rule = _RULES[swap.plan[swap.at]]
    return rule.undo if swap.is_undoing else rule.do


def may_waive(swap: Swap) -> bool:
    """Whether a person may leave out what is asked for now.

    Never the closing of the new unit, nor what shuts a new card: the old one would come beside it.
    """
    asked = ask(swap)
    if swap.phase != Phase.PERSON or asked is None:
        return False
    is_box_back = asked == _CARD_BACK and Step.OPEN_NEW in swap.plan
    return asked.target == Target.OLD_UNIT or asked in _BY_HAND or is_box_back


def after(swap: Swap, event: Event) -> Swap:
    """The swap once `event` is known. An answer to something else than is asked changes nothing.

    Raises PointOfNoReturnError when a committed swap is aborted.
    """
    if isinstance(event, Aborted):
        return _aborted(swap, event)
    if isinstance(event, Done) and event.ask in swap.owed:
        swap = replace(swap, owed=swap.owed - {event.ask})
    asked = ask(swap)
    if asked is None:
        return swap
    if isinstance(event, Waived):
        return _waived(swap, asked)
    if event.ask != asked:
        return swap
    if isinstance(event, Done):
        return _next(replace(swap, phase=_way(swap)))
    return _without(swap, asked, event)


def put_off(swap: Swap) -> Swap:
    """The swap whose next step has to wait: just before the cut the customer's settings are to be
    had anew after that.

    Only for what nobody was asked, or what is known never to have been done: else a hold would
    never be undone.
    """
    is_next = swap.plan[swap.at] == Step.HOLD_OLD and not swap.is_undoing
    if not is_next or Step.RENEW_SETTINGS not in swap.plan:
        return swap
    return replace(
        swap,
        at=swap.plan.index(Step.RENEW_SETTINGS),
        skipped=swap.skipped - {Step.RENEW_SETTINGS},
    )


def _way(swap: Swap) -> Phase:
    return Phase.BACK if swap.is_undoing else Phase.FORWARD


def _next(swap: Swap) -> Swap:
    """One step on, in the direction the swap is going."""
    if not swap.is_undoing:
        if swap.at + 1 == len(swap.plan):
            return replace(swap, phase=Phase.DONE)
        return replace(swap, at=swap.at + 1)
    if swap.is_early:
        return replace(
            swap,
            at=swap.plan.index(Step.CLOSE_OLD),
            skipped=swap.skipped - {Step.CLOSE_OLD},
        )
    for at in range(swap.at - 1, -1, -1):
        if _RULES[swap.plan[at]].undo is not None:
            return replace(swap, at=at)
    return replace(swap, phase=Phase.ROLLED_BACK)


def _turn_back(swap: Swap, why: str) -> Swap:
    """Undo from the step that was asked for, which may have been done unseen."""
    turned = replace(swap, phase=Phase.BACK, is_undoing=True, why=why)
    is_closing = swap.plan[swap.at] == Step.CLOSE_OLD and Step.HOLD_OLD in swap.plan
    if is_closing and Step.HOLD_OLD not in swap.skipped:
        return replace(
            turned,
            at=swap.plan.index(Step.HOLD_OLD),
            skipped=swap.skipped | {Step.CLOSE_OLD},
        )
    if ask(turned) is None:
        return _next(turned)
    return turned


def _aborted(swap: Swap, event: Aborted) -> Swap:
    if swap.is_committed:
        raise PointOfNoReturnError(
            "The new unit serves already; order another swap to go back to the old one."
        )
    if swap.is_undoing or swap.has_ended:
        return swap
    return _turn_back(swap, event.why)


def _waived(swap: Swap, asked: Ask) -> Swap:
    if not may_waive(swap):
        return swap
    if asked.target == Target.OLD_UNIT:
        return _owing(swap, asked)
    return _next(replace(swap, phase=_way(swap)))


def _without(swap: Swap, asked: Ask, event: Failed | Unreachable) -> Swap:
    """Go on, or turn back, or stop for a person, when what is asked for cannot be had."""
    step = swap.plan[swap.at]
    why = event.why if isinstance(event, Failed) else NO_ANSWER
    if swap.is_early:
        return _next(swap)
    if swap.is_undoing:
        is_old_back = step == Step.HOLD_OLD and step not in swap.skipped
        if asked.target in (Target.OLD_UNIT, Target.NEW_UNIT) and not is_old_back:
            return _owing(swap, asked)
        return replace(swap, phase=Phase.PERSON, why=why)
    if step == Step.FENCE_OLD:
        return _owing(swap, asked)
    if swap.is_committed:
        return replace(swap, phase=Phase.PERSON, why=why)
    is_left_out = step in _WITHOUT_OLD and isinstance(event, Unreachable)
    if is_left_out or step == Step.RENEW_SETTINGS:
        return _next(replace(swap, skipped=swap.skipped | {step}))
    return _turn_back(swap, why)


def _owing(swap: Swap, asked: Ask) -> Swap:
    return _next(replace(swap, phase=_way(swap), owed=swap.owed | {asked}))
