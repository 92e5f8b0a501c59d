"""Every behaviour of a command: all interleavings, with three faults anywhere, against the rules.

It runs once at most, never once it was called cancelled or expired; nothing is called done or
accepted before it is; and whatever was lost, the server comes to an end that it can know.
"""

from __future__ import annotations

import sys

import pytest

from fleet_server.domain.command import Command, State
from fleet_server.tests.command_world import Bugs, Walker, World

SIGNED = Command(signed=True)
TWICE = Command(signed=True, repeatable=True)
PLAIN = Command(signed=False)
PLAIN_TWICE = Command(signed=False, repeatable=True)
# What is ordered, whether its end is a Boot!, how many faults.
WALKS = [
    (SIGNED, False, 3),
    (SIGNED, True, 3),
    (TWICE, False, 3),
    (PLAIN, False, 3),
    (PLAIN, True, 3),
    (PLAIN_TWICE, False, 3),
]


def broken(command: Command, world: World, *, once: bool) -> str:
    """Which rule does not hold in a world; empty when all do."""
    ran = world.device.ran
    if once and ran > 1:
        return "it ran twice"
    if command.state in (State.CANCELLED, State.EXPIRED) and ran:
        return f"{command.state}, and it ran"
    if command.state is State.DONE and not ran:
        return "done, and it did not run"
    if command.state is State.DONE and command.cancelling and not command.past_recall:
        return "called back too late, and it does not say so"
    if command.state is State.ACCEPTED and not world.device.accepted:
        return "accepted, and the device did not"
    if once and command.state is State.QUEUED and not command.is_out and ran:
        return "queued as if it had never left, and it ran"
    return ""


def walk(walker: Walker, start: World, *, once: bool) -> tuple[set[World], str]:
    """Every world there is from `start`, and the first broken rule."""
    seen, waiting = {start}, [start]
    while waiting:
        for world in walker.steps(waiting.pop()):
            if world not in seen:
                why = broken(walker.commands[world.command], world, once=once)
                if why:
                    return seen, why
                seen.add(world)
                waiting.append(world)
    return seen, ""


def left_hanging(walker: Walker, worlds: set[World]) -> str:
    """The first world from which, with no more faults, the command does not end; empty if none."""
    good: set[World] = set()
    for calm in {walker.calm(world) for world in worlds}:
        way, here = [], calm
        while here not in good and not walker.commands[here.command].has_ended:
            way.append(here)
            following = walker.fair_step(here)
            if following is None:
                return f"{walker.commands[here.command]} waits for ever in {here}"
            here = following
        good.update(way)
    return ""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("ordered", "boots", "faults"), WALKS)
def test_no_behaviour_breaks_a_rule_or_hangs(
    ordered: Command, boots: bool, faults: int, capsys: pytest.CaptureFixture[str]
) -> None:
    walker = Walker(ordered, ends_with_boot=boots)
    worlds, why = walk(
        walker, walker.begin(faults=faults), once=ordered.signed and ordered != TWICE
    )
    assert why == ""
    assert left_hanging(walker, worlds) == ""
    states = {command.state for command in walker.commands}
    assert states >= {State.DONE, State.CANCELLED, State.EXPIRED, State.FAILED}
    kind = ("signed" if ordered.signed else "plain") + (", may run twice" * ordered.repeatable)
    with capsys.disabled():
        sys.stdout.write(f"\ncommand, {kind}, {faults} faults: {len(worlds)} states explored\n")


@pytest.mark.parametrize(
    ("bugs", "found"),
    [
        (Bugs(device_takes_old_counters=True), "it ran twice"),
        (Bugs(server_sends_before_it_stores=True), "queued as if it had never left"),
        (Bugs(server_renews_without_overtaking=True), "it ran twice"),
        (Bugs(server_cancels_what_it_sent=True), "cancelled, and it ran"),
        (Bugs(server_trusts_one_refusal=True), "queued as if it had never left"),
    ],
)
def test_a_broken_promise_is_found(bugs: Bugs, found: str) -> None:
    walker = Walker(SIGNED, bugs)
    _, why = walk(walker, walker.begin(faults=2), once=True)
    assert found in why
