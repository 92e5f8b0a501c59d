"""The world a swap happens in, as a small machine whose every behaviour can be walked.

Two units, the operator's systems, the network between them and the server, all with their faults.
The saga (domain/swap.py) and what a unit makes of a command (agent/wire/replacement.py) are the
product's own code; the rest is written here after the promises that code relies on:

- A unit keeps its part and the last counter it accepted; it takes no command with a counter that
  is not higher. The counter is kept before the command runs, so a cut between them runs nothing.
- A system of the operator takes no order with a number that is not higher than the last one.
- The server stores the swap before it asks. A crash loses what was under way to it.
- Messages may be lost, come twice, late and in any order.

Counters and numbers are only compared, so a request carries how many above the last one taken it
is; 0 is one that was overtaken. `Bugs` breaks one promise each, to see that the walk finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from agent.wire import replacement as parts
from fleet_server.domain.swap import (
    NO_ANSWER,
    Aborted,
    Ask,
    Done,
    Event,
    Failed,
    Operation,
    Phase,
    Swap,
    Target,
    Unreachable,
    Waived,
    after,
    ask,
    may_waive,
    put_off,
)

OLD, NEW, BOTH = 0, 1, 2
ON, OFF, DEAD = "on", "off", "dead"
DONE, FAILED = "done", "failed"
_TARGETS = (
    Target.OLD_UNIT,
    Target.NEW_UNIT,
    Target.ACCESS,
    Target.VOICE,
    Target.CONDITIONAL_ACCESS,
)
_HOLD = Ask(Target.OLD_UNIT, Operation.HOLD)
_INDEX = {target: index for index, target in enumerate(_TARGETS)}
_COMMANDS = {
    Operation.PREPARE: parts.PREPARE,
    Operation.RENEW: parts.PREPARE,
    Operation.HOLD: parts.HOLD,
    Operation.ADOPT: parts.ADOPT,
    Operation.FENCE: parts.FENCE,
    Operation.ROLLBACK: parts.ROLLBACK,
}
_CLOSE_NEW = Ask(Target.ACCESS, Operation.CLOSE_NEW)
# What an order makes of the units that a system serves, as bits: 1 the old, 2 the new one.
_ORDERS = {
    Operation.CLOSE_OLD: (2, 0),
    Operation.OPEN_OLD: (3, 1),
    Operation.OPEN_NEW: (3, 2),
    Operation.CLOSE_NEW: (1, 0),
    Operation.MOVE_TO_NEW: (0, 2),
    Operation.MOVE_TO_OLD: (0, 1),
    Operation.BAR_OLD: (2, 0),
}


@dataclass(frozen=True, slots=True)
class Bugs:
    """Promises that can be broken, one at a time."""

    units_take_old_counters: bool = False
    systems_take_old_orders: bool = False
    server_leaves_what_failed: bool = False
    people_leave_new_open: bool = False


class Device(NamedTuple):
    power: str
    part: str


class Request(NamedTuple):
    """On its way to a target (an index of `_TARGETS`)."""

    target: int
    operation: Operation
    number: int


class Answer(NamedTuple):
    """`outcome`: done or failed; never a number, or it would equal a request."""

    target: int
    operation: Operation
    outcome: str


Message = Request | Answer
Flying = frozenset[Message]


class World(NamedTuple):
    """`swap` is an index of `Walker.swaps`; `cable`: where the one RF outlet goes, or BOTH.

    `systems`: whom each system serves, as bits. `by_hand`: the systems that a person is to put
    right, as bits.
    """

    swap: int
    devices: tuple[Device, Device]
    cable: int
    systems: tuple[int, ...]
    flying: Flying
    faults: int
    may_abort: bool
    by_hand: int = 0

    def flying_now(self, flying: Flying) -> World:
        """The same with other messages on their way: what is asked for most often, so without
        `_replace`, which takes five times as long."""
        swap, devices, cable, systems, _, faults, may_abort, by_hand = self
        return World(swap, devices, cable, systems, flying, faults, may_abort, by_hand)

    def one_fault_less(self) -> World:
        swap, devices, cable, systems, flying, faults, may_abort, by_hand = self
        return World(swap, devices, cable, systems, flying, faults - 1, may_abort, by_hand)


def is_reachable(world: World, unit: int) -> bool:
    return world.devices[unit].power == ON and world.cable in (unit, BOTH)


class Walker:
    """Gives what may happen next in a world; a swap is kept once and named by its index.

    `waives`: whether persons leave out what they may.
    """

    def __init__(self, bugs: Bugs | None = None, *, waives: bool = True) -> None:
        self.bugs = bugs or Bugs()
        self.waives = waives
        self.swaps: list[Swap] = []
        self._indexes: dict[Swap, int] = {}
        self._asks: list[Ask | None] = []
        self._known: dict[tuple[int, Event], int] = {}
        self._awaited: dict[tuple[int, Flying], Flying] = {}
        self._numbered: dict[tuple[Flying, int, int], Flying] = {}
        self._in_order: dict[Flying, list[Message]] = {}

    def begin(self, swap: Swap, *, outlets: int, faults: int) -> World:
        """Before the first step: the old unit serves, the new one is spare."""
        return World(
            swap=self._index(swap),
            devices=(Device(ON, parts.ACTIVE), Device(ON, parts.SPARE)),
            cable=BOTH if outlets > 1 else OLD,
            systems=(1, 1, 1),
            flying=frozenset(),
            faults=faults,
            may_abort=True,
        )

    def steps(self, world: World) -> Iterator[World]:
        """Every world that may follow."""
        yield from self._server(world)
        for message in world.flying:
            rest = world.flying_now(world.flying - {message})
            yield from self._arrival(rest, message)
            if world.faults:
                yield rest.one_fault_less()
                yield from self._arrival(world.one_fault_less(), message)
        yield from self._people(world)
        if world.faults:
            yield from self._faults(world.one_fault_less())

    def calm(self, world: World) -> World:
        """The same world with no faults and no change of mind to come."""
        return world._replace(faults=0, may_abort=False)

    def fair_step(self, world: World) -> World | None:
        """What happens when nothing more goes wrong; None once all is quiet."""
        for message in self._sorted(world.flying):
            rest = world.flying_now(world.flying - {message})
            for arrived in self._arrival(rest, message):
                return arrived
        for unit in (OLD, NEW):
            if world.devices[unit].power == OFF:
                return _with_device(world, unit, world.devices[unit]._replace(power=ON))
        for following in self._server(world):
            return following
        asked = self._asks[world.swap]
        if asked is not None and world.devices[_INDEX[asked.target]].power == DEAD:
            following = self.told(world, Unreachable(asked))
            return None if following == world else following
        for unit in sorted(self._waited_for(world)):
            if world.devices[unit].power != DEAD and not is_reachable(world, unit):
                return world._replace(cable=unit)
        return None

    def _sorted(self, flying: Flying) -> list[Message]:
        found = self._in_order.get(flying)
        if found is None:
            found = self._in_order[flying] = sorted(flying, key=str)
        return found

    def _waited_for(self, world: World) -> set[int]:
        """The units that somebody has to connect for the server to get on."""
        asked = self._asks[world.swap]
        asks = self.swaps[world.swap].owed if asked is None else {asked}
        return {_INDEX[one.target] for one in asks}

    def told(self, world: World, event: Event) -> World:
        """The world once the server took an event in."""
        key = (world.swap, event)
        if key not in self._known:
            self._known[key] = self._index(self._after(self.swaps[world.swap], event))
        return self._settled(world._replace(swap=self._known[key]))

    def _after(self, swap: Swap, event: Event) -> Swap:
        if isinstance(event, Waived) and ask(swap) == _CLOSE_NEW:
            return after(swap, Done(_CLOSE_NEW))
        changed = after(swap, event)
        turned = changed.is_undoing and not swap.is_undoing
        undo = ask(changed)
        if self.bugs.server_leaves_what_failed and turned and undo and isinstance(event, Failed):
            return after(changed, Done(undo))
        return changed

    def _index(self, swap: Swap) -> int:
        if swap not in self._indexes:
            self._indexes[swap] = len(self.swaps)
            self.swaps.append(swap)
            self._asks.append(ask(swap))
        return self._indexes[swap]

    def _settled(self, world: World) -> World:
        """Without answers that nobody waits for, and without a person who can no longer abort."""
        index, devices, cable, systems, flying, faults, may_abort, by_hand = world
        key = (index, flying)
        awaited = self._awaited.get(key)
        if awaited is None:
            awaited = self._awaited[key] = self._only_awaited(index, flying)
        if may_abort:
            swap = self.swaps[index]
            may_abort = not (swap.is_undoing or swap.is_committed or swap.has_ended)
        return World(index, devices, cable, systems, awaited, faults, may_abort, by_hand)

    def _only_awaited(self, index: int, flying: Flying) -> Flying:
        awaited = {*self.swaps[index].owed, self._asks[index]}
        return frozenset(
            message
            for message in flying
            if isinstance(message, Request)
            or Ask(_TARGETS[message.target], message.operation) in awaited
        )

    def _server(self, world: World) -> Iterator[World]:
        for asked in self._wanted(world):
            if asked.target in (Target.REGISTRY, Target.BOX):
                yield self.told(world, Done(asked))
            elif not any(
                message.target == _INDEX[asked.target] and message.operation == asked.operation
                for message in world.flying
            ):
                yield _send(world, asked)

    def _wanted(self, world: World) -> Iterator[Ask]:
        """What the server wants now: the step, and what it owes to units that it sees."""
        asked = self._asks[world.swap]
        if asked is not None:
            yield asked
        for debt in self.swaps[world.swap].owed:
            if debt != asked and is_reachable(world, _INDEX[debt.target]):
                yield debt

    def _arrival(self, world: World, message: Message) -> Iterator[World]:
        """The message gets there, if anybody is there to take it."""
        if isinstance(message, Answer):
            asked = Ask(_TARGETS[message.target], message.operation)
            yield self.told(
                world, Done(asked) if message.outcome == DONE else Failed(asked, NO_ANSWER)
            )
        elif message.target > NEW:
            yield self._at_system(world, message)
        elif is_reachable(world, message.target):
            yield self._at_unit(world, message)

    def _at_unit(self, world: World, request: Request) -> World:
        device = world.devices[request.target]
        if request.operation in (Operation.SEE, Operation.VERIFY):
            well = request.operation == Operation.SEE or device.part == parts.ADOPTED
            return self._answered(world, request, well)
        if not request.number and not self.bugs.units_take_old_counters:
            return world
        part = parts.after(device.part, _COMMANDS[request.operation])
        changed = _with_device(world, request.target, device._replace(part=part or device.part))
        return self._answered(self._taken(changed, request), request, part is not None)

    def _at_system(self, world: World, request: Request, good: bool = True) -> World:
        if not request.number and not self.bugs.systems_take_old_orders:
            return world
        kept, added = _ORDERS[request.operation]
        index = request.target - 2
        served = world.systems[index] & kept | added
        systems = (*world.systems[:index], served, *world.systems[index + 1 :])
        changed = world._replace(systems=systems)
        return self._answered(self._taken(changed, request), request, good)

    def _taken(self, world: World, request: Request) -> World:
        """What is on its way to the same target now counts from the number of this request."""
        key = (world.flying, request.target, request.number)
        numbered = self._numbered.get(key)
        if numbered is None:
            numbered = self._numbered[key] = self._counted_from(world.flying, request)
        return world.flying_now(numbered)

    def _counted_from(self, before: Flying, request: Request) -> Flying:
        is_kept = request.target > NEW and self.bugs.systems_take_old_orders
        is_kept |= request.target <= NEW and self.bugs.units_take_old_counters
        flying: set[Message] = set()
        for message in before:
            if isinstance(message, Request) and message.target == request.target:
                number = max(0, message.number - request.number)
                if number or is_kept:
                    flying.add(message._replace(number=number))
            else:
                flying.add(message)
        return frozenset(flying)

    def _answered(self, world: World, request: Request, good: bool) -> World:
        answer = Answer(request.target, request.operation, DONE if good else FAILED)
        return self._settled(world.flying_now(world.flying | {answer}))

    def _people(self, world: World) -> Iterator[World]:
        """What may happen at any time and is nobody's fault."""
        if world.cable != BOTH:
            yield world._replace(cable=1 - world.cable)
        for unit in (OLD, NEW):
            if world.devices[unit].power == OFF:
                yield _with_device(world, unit, world.devices[unit]._replace(power=ON))
        asked = self._asks[world.swap]
        if asked is not None and (
            asked.target in (Target.OLD_UNIT, Target.NEW_UNIT, Target.BOX)
            or asked.operation is Operation.CLOSE_OLD
        ):
            yield self.told(world, Unreachable(asked))
        if asked == _HOLD and not world.flying and world.devices[OLD].part == parts.ACTIVE:
            yield world._replace(swap=self._index(put_off(self.swaps[world.swap])))
        if world.may_abort:
            yield self.told(world, Aborted("a person"))
        if asked is not None and self.waives and self._may_waive(world.swap, asked):
            left = 1 << _INDEX[asked.target] >> 2
            yield self.told(world._replace(by_hand=world.by_hand | left), Waived())

    def _may_waive(self, index: int, asked: Ask) -> bool:
        swap = self.swaps[index]
        is_wrong = self.bugs.people_leave_new_open and asked == _CLOSE_NEW
        return swap.phase == Phase.PERSON and (is_wrong or may_waive(swap))

    def _faults(self, world: World) -> Iterator[World]:
        for unit in (OLD, NEW):
            device = world.devices[unit]
            if device.power == ON:
                yield _with_device(world, unit, device._replace(power=OFF))
            if device.power != DEAD:
                yield _with_device(world, unit, device._replace(power=DEAD))
        requests = _requests(world.flying)
        yield world.flying_now(frozenset(requests))  # the server ends and starts again
        for request in requests:
            yield from self._refusals(world, request)
        for asked in self._wanted(world):  # it asks again although the first may be on its way
            if asked.target in _INDEX:
                yield _send(world, asked)

    def _refusals(self, world: World, request: Request) -> Iterator[World]:
        """The one who is asked fails: before it did anything, or after; or half-way, by a cut."""
        rest = world.flying_now(world.flying - {request})
        if request.target > NEW:
            yield self._answered(rest, request, False)
            if request.number:
                yield self._at_system(rest, request, good=False)
        elif is_reachable(world, request.target):
            yield self._answered(rest, request, False)
            dark = world.devices[request.target]._replace(power=OFF)
            yield self._taken(_with_device(rest, request.target, dark), request)


def _requests(flying: Iterable[Message]) -> frozenset[Request]:
    return frozenset(message for message in flying if isinstance(message, Request))


def _send(world: World, asked: Ask) -> World:
    target = _INDEX[asked.target]
    last = max(
        (m.number for m in world.flying if isinstance(m, Request) and m.target == target),
        default=0,
    )
    request = Request(target, asked.operation, last + 1)
    return world.flying_now(world.flying | {request})


def _with_device(world: World, unit: int, device: Device) -> World:
    other = world.devices[1 - unit]
    devices = (device, other) if unit == OLD else (other, device)
    return World(world.swap, devices, *world[2:])
