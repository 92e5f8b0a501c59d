"""The world a command happens in, as a small machine whose every behaviour can be walked.

One device with its counters and its power, the network, the server, and others who sign commands
for the same device. The rules of the server (domain/command.py) are the product's own; the device
is written here after the promises that code relies on:

- It takes a counter once, keeps it before it acts, and a cut between them runs nothing.
- The overtaking has no effect, and names the last counter that had one.
- A Boot! or OperationComplete is journalled: late perhaps, never lost.

The network loses, doubles, delays and reorders; a crash of the server loses what is under way to
it and, where it stored before it sent, at most a message. `Bugs` breaks one promise each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from fleet_server.domain.command import (
    Answered,
    Booted,
    CancelAsked,
    Command,
    Event,
    Looked,
    Overtaken,
    OvertakingRefused,
    OvertakingSent,
    Refusal,
    Refused,
    Sent,
    State,
    Step,
    Taken,
    TimeOver,
    after,
    next_step,
)

RUN, OVERTAKE, LOOK = "run", "overtake", "look"  # to the device, with a counter
Request = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Bugs:
    """Promises that can be broken, one at a time."""

    device_takes_old_counters: bool = False
    server_sends_before_it_stores: bool = False
    server_renews_without_overtaking: bool = False
    server_cancels_what_it_sent: bool = False
    server_trusts_one_refusal: bool = False


class Device(NamedTuple):
    """`last`: the counter accepted last; `effective`: the last one with an effect; `ran`: how often
    it carried the command out, 2 for more than once; `boots`: its Boot! is to be told."""

    on: bool = True
    last: int = 0
    effective: int = 0
    accepted: bool = False
    ran: int = 0
    boots: bool = False


class World(NamedTuple):
    """`command` is an index of `Walker.commands`; `signed` counts the tokens of this device.

    What may still happen: `faults`, tokens whose time runs out (`ages`), a person's and the clock's
    word.
    """

    command: int
    device: Device
    requests: frozenset[Request]
    answers: frozenset[Event]
    signed: int
    anew: bool
    faults: int
    ages: int
    may_cancel: bool
    may_end: bool


class Walker:
    """Gives what may happen next; `ends_with_boot`: as Reboot() does, not with its answer."""

    def __init__(self, start: Command, bugs: Bugs | None = None, *, ends_with_boot: bool = False):
        self.bugs = bugs or Bugs()
        self.ends_with_boot = ends_with_boot
        self.start = start
        self.commands: list[Command] = []
        self._indexes: dict[Command, int] = {}
        self._known: dict[tuple[int, Event], int] = {}

    def begin(self, *, faults: int) -> World:
        start = self._index(self.start)
        none: frozenset[Request] = frozenset()
        return World(start, Device(), none, frozenset(), 0, False, faults, 2, True, True)

    def calm(self, world: World) -> World:
        """The same world with no faults and no change of mind to come."""
        return world._replace(faults=0, ages=0, may_cancel=False, may_end=True)

    def steps(self, world: World) -> Iterator[World]:
        """Every world that may follow."""
        yield from self._server(world, token_is_good=True)
        if world.ages:
            older = world._replace(ages=world.ages - 1)
            yield from self._server(older, token_is_good=False)
        for request in world.requests:
            yield from self._delivered(world, request)
        for answer in world.answers:
            rest = world._replace(answers=world.answers - {answer})
            yield self.told(rest, answer)
            if world.faults:
                yield rest._replace(faults=world.faults - 1)
        yield from self._of_itself(world)
        if world.faults:
            yield from self._faults(world._replace(faults=world.faults - 1))

    def fair_step(self, world: World) -> World | None:
        """What follows when everything works, None at the end."""
        for answer in world.answers:
            return self.told(world._replace(answers=world.answers - {answer}), answer)
        if not world.device.on:
            return _switched_on(world)
        for request in world.requests:
            return self._arrived(world._replace(requests=world.requests - {request}), request)
        if world.device.boots:
            return self._boot_told(world)
        for following in self._server(world, token_is_good=True):
            return following
        if world.may_end:
            return self.told(world._replace(may_end=False), TimeOver())
        return None

    def told(self, world: World, event: Event) -> World:
        """The world once the server took an event in; after an end it waits for nothing more."""
        key = (world.command, event)
        if key not in self._known:
            self._known[key] = self._index(self._after(self.commands[world.command], event))
        changed = world._replace(command=self._known[key])
        if isinstance(event, Looked):
            changed = changed._replace(anew=False)
        if isinstance(event, OvertakingRefused) and event.refusal is Refusal.SPENT:
            changed = changed._replace(anew=True)
        if self.commands[changed.command].has_ended:
            return changed._replace(
                answers=frozenset(), anew=False, ages=0, may_cancel=False, may_end=False
            )
        return changed

    def _after(self, command: Command, event: Event) -> Command:
        bugs = self.bugs
        if bugs.server_cancels_what_it_sent and isinstance(event, CancelAsked) and command.is_out:
            return replace(command, state=State.CANCELLED)
        refused = isinstance(event, Refused) and event.refusal is Refusal.STALE
        if bugs.server_trusts_one_refusal and refused and command.is_out:
            return replace(command, state=State.QUEUED, counter=0)
        return after(command, event)

    def _index(self, command: Command) -> int:
        if command not in self._indexes:
            self._indexes[command] = len(self.commands)
            self.commands.append(command)
        return self._indexes[command]

    def _server(self, world: World, *, token_is_good: bool) -> Iterator[World]:
        """What it sends next, once nothing is on its way; sooner is impatience, and a fault."""
        if world.requests or world.answers:
            if not world.faults:
                return
            world = world._replace(faults=world.faults - 1)
        command = self.commands[world.command]
        step = next_step(command, token_is_good=token_is_good, is_new_connection=world.anew)
        if not token_is_good and step is not Step.OVERTAKE:
            return
        if not token_is_good and self.bugs.server_renews_without_overtaking:
            step = Step.SEND
            command = replace(command, state=State.QUEUED, counter=0)
        if step is Step.LOOK:
            yield from _asked(world, (LOOK, 0))
        elif step is Step.OVERTAKE:
            yield from self._overtake(world, command)
        elif step is Step.SEND:
            yield from self._send(world, command)

    def _send(self, world: World, command: Command) -> Iterator[World]:
        counter = command.counter
        if command.signed and not counter:
            counter = world.signed + 1
            world = world._replace(signed=counter)
        world = world._replace(anew=False)
        if self.bugs.server_sends_before_it_stores and world.faults:
            yield from _asked(world._replace(faults=world.faults - 1), (RUN, counter))
        stored = world._replace(command=self._index(after(command, Sent(counter))))
        yield from _asked(stored, (RUN, counter))

    def _overtake(self, world: World, command: Command) -> Iterator[World]:
        counter = command.overtaking or world.signed + 1
        world = world._replace(signed=max(world.signed, counter))
        stored = world._replace(command=self._index(after(command, OvertakingSent(counter))))
        yield from _asked(stored, (OVERTAKE, counter))

    def _delivered(self, world: World, request: Request) -> Iterator[World]:
        """Once; or, with a fault, not at all, or once more later."""
        rest = world._replace(requests=world.requests - {request})
        if world.device.on:
            yield self._arrived(rest, request)
        if world.faults:
            yield rest._replace(faults=world.faults - 1)
            if world.device.on:
                yield self._arrived(world._replace(faults=world.faults - 1), request)
                yield from self._not_done(rest._replace(faults=world.faults - 1), request)

    def _arrived(self, world: World, request: Request) -> World:
        kind, counter = request
        device = world.device
        if kind == LOOK:
            return self._answered(world, Looked(device.last))
        is_old = counter <= device.last and not self.bugs.device_takes_old_counters
        if kind == OVERTAKE:
            if is_old:
                return self._answered(world, OvertakingRefused(Refusal.SPENT, counter))
            changed = world._replace(device=device._replace(last=counter))
            return self._answered(changed, Overtaken(counter, device.effective))
        if counter and is_old:
            return self._answered(world, Refused(Refusal.SPENT, counter))
        ran = _accepted(device, counter)._replace(ran=min(device.ran + 1, 2))
        ran = ran._replace(boots=self.ends_with_boot)
        said: Event = Taken(counter) if self.ends_with_boot else Answered(counter)
        return self._answered(world._replace(device=ran), said)

    def _not_done(self, world: World, request: Request) -> Iterator[World]:
        """The device refuses, or its power goes between the counter and the deed."""
        kind, counter = request
        device = world.device
        if kind == OVERTAKE:
            yield self._answered(world, OvertakingRefused(Refusal.STALE, counter))
            yield self._answered(world, OvertakingRefused(Refusal.BUSY, counter))
        if kind != RUN:
            return
        yield self._answered(world, Refused(Refusal.BUSY, counter))
        yield self._answered(world, Refused(Refusal.STALE, counter))
        if counter and counter <= device.last:
            return
        taken = world._replace(device=_accepted(device, counter))
        yield self._answered(taken, Refused(Refusal.FULL, counter))
        yield self._answered(taken, Refused(Refusal.FINAL, counter))
        yield taken._replace(device=taken.device._replace(on=False))

    def _answered(self, world: World, event: Event) -> World:
        if self.commands[world.command].has_ended:
            return world  # nobody waits for it
        return world._replace(answers=world.answers | {event})

    def _of_itself(self, world: World) -> Iterator[World]:
        """What may happen at any time and is nobody's fault."""
        if not world.device.on:
            yield _switched_on(world)
        if world.device.boots and world.device.on:
            yield self._boot_told(world)
        if world.may_cancel:
            yield self.told(world._replace(may_cancel=False), CancelAsked())
        if world.may_end:
            yield self.told(world._replace(may_end=False), TimeOver())

    def _boot_told(self, world: World) -> World:
        told = world._replace(device=world.device._replace(boots=False))
        return self.told(told, Booted())

    def _faults(self, world: World) -> Iterator[World]:
        if world.device.on:
            yield world._replace(device=world.device._replace(on=False))
        yield world._replace(answers=frozenset())  # the server ends and starts again
        if self.start.signed:  # somebody else's command, by the same key
            counter = world.signed + 1
            device = world.device._replace(last=counter, effective=counter)
            yield world._replace(device=device, signed=counter)


def _switched_on(world: World) -> World:
    return world._replace(device=world.device._replace(on=True), anew=True)


def _asked(world: World, request: Request) -> Iterator[World]:
    if request not in world.requests:
        yield world._replace(requests=world.requests | {request})


def _accepted(device: Device, counter: int) -> Device:
    last = max(device.last, counter)
    return device._replace(last=last, effective=max(device.effective, counter), accepted=True)
