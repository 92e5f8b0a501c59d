"""Every behaviour of a swap: all interleavings, with two faults anywhere, against the invariants.

A position has one unit in service at most, and exactly one once the swap has ended; nothing is
done before it is; and whatever stopped half-way, a swap ends, or says for which unit it waits. What
a person left out to do by hand may be missing at the end, and never makes two.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from agent.wire import replacement as parts
from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.swap import Operation, Phase, Step, Swap, Target, ask, plan_for
from fleet_server.tests.swap_world import DEAD, NEW, OLD, Bugs, Walker, World

ONLY_OLD, ONLY_NEW = 1, 2
# Kind, outlets, faults, whether persons leave steps out, which makes half as many states again. A
# modem walks as a voice modem does without its line, a set-top box with another system in its
# place.
WALKS = [
    (ProductClass.VOICEMODEM, 1, 2, False),
    (ProductClass.VOICEMODEM, 2, 1, True),
    (ProductClass.MODEM, 1, 1, True),
    (ProductClass.STB, 2, 1, True),
    (ProductClass.CARD, 1, 2, True),
]


def broken(swap: Swap, world: World) -> str:
    """Which invariant does not hold in a world; empty when all do."""
    access, voice, card = world.systems
    if access not in (ONLY_OLD, ONLY_NEW, 0) or voice == 0 or card == 0:
        return "the network serves two units, or a line or card belongs to none"
    is_new_in = access == ONLY_NEW or Step.OPEN_NEW not in swap.plan
    if swap.is_committed and not is_new_in:
        return "committed, and the new unit is not in service"
    if not swap.has_ended:
        return ""
    holder = ONLY_NEW if swap.phase == Phase.DONE else ONLY_OLD
    expected = (
        holder if Step.OPEN_NEW in swap.plan else ONLY_OLD,
        holder if Step.MOVE_VOICE in swap.plan else ONLY_OLD,
        holder if Step.PAIR_CARD in swap.plan else ONLY_OLD,
    )
    served = [
        wanted if world.by_hand & 1 << at else one
        for at, (one, wanted) in enumerate(zip(world.systems, expected, strict=True))
    ]
    if served != list(expected):
        return f"{swap.phase}, and the systems serve {world.systems}"
    if Step.ADOPT_NEW not in swap.plan:
        return ""
    return _broken_units(swap, world)


def _broken_units(swap: Swap, world: World) -> str:
    old, new = (device.part for device in world.devices)
    owed = {(debt.target, debt.operation) for debt in swap.owed}
    if swap.phase == Phase.DONE:
        if new != parts.ADOPTED:
            return f"done, and the new unit is {new}"
        if old != parts.FENCED and (Target.OLD_UNIT, Operation.FENCE) not in owed:
            return f"done, and the old unit is {old} and owed nothing"
        return ""
    if old != parts.ACTIVE and (Target.OLD_UNIT, Operation.ROLLBACK) not in owed:
        return f"rolled back, and the old unit is {old} and owed nothing"
    if new != parts.SPARE and (Target.NEW_UNIT, Operation.ROLLBACK) not in owed:
        return f"rolled back, and the new unit is {new} and owed nothing"
    return ""


def walk(walker: Walker, start: World) -> tuple[set[World], str]:
    """Every world there is from `start`, and the first broken invariant."""
    seen, waiting = {start}, [start]
    while waiting:
        for world in walker.steps(waiting.pop()):
            if world not in seen:
                why = broken(walker.swaps[world.swap], world)
                if why:
                    return seen, why
                seen.add(world)
                waiting.append(world)
    return seen, ""


@contextmanager
def without_collections() -> Iterator[None]:
    """Millions of small values without a cycle among them: looking for cycles takes a third of the
    time and finds none."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def left_hanging(walker: Walker, worlds: set[World]) -> str:
    """The first world from which, with no more faults, the swap does not end; empty if none.

    It may wait for a person only where a unit is dead that has to be told something.
    """
    good: set[World] = set()
    for calm in {walker.calm(world) for world in worlds}:
        way, here = [], calm
        while here not in good:
            way.append(here)
            following = walker.fair_step(here)
            if following is None:
                break
            here = following
        if here not in good and not _may_stop(walker.swaps[here.swap], here):
            return f"{walker.swaps[here.swap]} waits for ever in {here}"
        good.update(way)
    return ""


def _may_stop(swap: Swap, world: World) -> bool:
    asked = ask(swap)
    if asked is None:
        units = {Target.OLD_UNIT: OLD, Target.NEW_UNIT: NEW}
        return all(world.devices[units[debt.target]].power == DEAD for debt in swap.owed)
    waits_for_old = swap.phase == Phase.PERSON and asked.target == Target.OLD_UNIT
    return waits_for_old and world.devices[OLD].power == DEAD


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("kind", "outlets", "faults", "waives"), WALKS)
def test_no_behaviour_breaks_an_invariant_or_hangs(
    kind: ProductClass,
    outlets: int,
    faults: int,
    waives: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    walker = Walker(waives=waives)
    start = walker.begin(Swap(plan_for(kind, outlets=outlets)), outlets=outlets, faults=faults)
    with without_collections():
        worlds, why = walk(walker, start)
        assert why == ""
        assert left_hanging(walker, worlds) == ""
    phases = {swap.phase for swap in walker.swaps}
    assert phases >= {Phase.DONE, Phase.ROLLED_BACK}
    with capsys.disabled():
        sys.stdout.write(
            f"\n{kind}, {outlets} outlet(s), {faults} fault(s): {len(worlds)} states explored\n"
        )


@pytest.mark.parametrize(
    ("bugs", "found"),
    [
        (Bugs(units_take_old_counters=True), "the new unit is adopted and owed nothing"),
        (Bugs(systems_take_old_orders=True), "the systems serve"),
        (Bugs(server_leaves_what_failed=True), "the systems serve"),
        (Bugs(people_leave_new_open=True), "serves two"),
    ],
)
def test_a_broken_promise_is_found(bugs: Bugs, found: str) -> None:
    walker = Walker(bugs)
    plan = plan_for(ProductClass.VOICEMODEM, outlets=2)
    _, why = walk(walker, walker.begin(Swap(plan), outlets=2, faults=2))
    assert found in why


def test_a_plan_that_opens_before_it_closes_is_found() -> None:
    plan = list(plan_for(ProductClass.MODEM, outlets=2))
    first, second = plan.index(Step.CLOSE_OLD), plan.index(Step.OPEN_NEW)
    plan[first], plan[second] = plan[second], plan[first]
    walker = Walker()
    _, why = walk(walker, walker.begin(replace(Swap(()), plan=tuple(plan)), outlets=2, faults=0))
    assert "serves two" in why
