"""What a replacement asks of the operator's systems, as operations of the outbox.

The network decides who is in service. A unit that is closed keeps our own connection, which serves
nobody, so that it can be told to erase the customer's settings; that goes when it is retired.
"""

from __future__ import annotations

from collections.abc import Callable

from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.operations import (
    AccessMode,
    EntitleCard,
    MoveLine,
    Operation,
    PairCard,
    RefreshCard,
    SetAccess,
    System,
)
from fleet_server.domain.service_state import Served, ServedUnit, stages
from fleet_server.domain.swap import Ask, Target
from fleet_server.domain.swap import Operation as Asked
from fleet_server.services.swap_case import Case, Unit

Wanted = list[tuple[System, Operation]]


def wanted(case: Case, asked: Ask) -> list[Wanted]:
    """The operations of one step, in stages; none where there is nothing to do, as for a stolen
    unit: the operator's systems refuse one that is barred. One card opens nothing any more before
    the other opens anything."""
    if asked.target is Target.CONDITIONAL_ACCESS and case.row.kind == ProductClass.CARD:
        found = _CARDS[asked.operation](case)
    else:
        found = [_WANTED[asked.target, asked.operation](case)]
    return [stage for stage in found if stage]


def _open(case: Case, unit: Unit | None) -> Wanted:
    """The unit serves, as far as the state of the contract's services lets it."""
    if unit is None or unit.blacklisted:
        return []
    served = ServedUnit(unit.serial_number, unit.product_class, None, unit.macs)
    _, network, _ = stages(Served(case.package, (), (served,)), case.state, "swap")
    return [one for one in network if isinstance(one[1], SetAccess)]


def _close(case: Case, unit: Unit | None) -> Wanted:
    if unit is None or unit.blacklisted:
        return []
    mode = AccessMode.MANAGEMENT_ONLY
    return [(System.ACCESS, SetAccess(mac, case.package, mode)) for mac in unit.macs]


def _bind(case: Case, unit: Unit | None) -> Wanted:
    mac = unit.mta_mac if unit is not None else ""
    return [(System.VOICE, MoveLine(line, mac)) for line in case.lines]


def _back(case: Case) -> Unit | None:
    """The unit that serves again when it goes back; none once it was barred or handed in."""
    return case.old if case.old_is_in else None


def _named(box: Unit | None) -> str:
    """What a card is paired with, "" for no box."""
    return "" if box is None or box.blacklisted else box.serial_number


def _move_card(case: Case, box: Unit | None) -> Wanted:
    """The card that is in the old box goes into this one."""
    if case.partner is None or case.partner.blacklisted:
        return []
    card = case.partner.serial_number
    return [
        (System.CONDITIONAL_ACCESS, PairCard(card, _named(box))),
        (System.CONDITIONAL_ACCESS, RefreshCard(card)),
    ]


def _shut(card: Unit | None) -> Wanted:
    """The card opens nothing, in no box."""
    if card is None or card.blacklisted:
        return []
    return [
        (System.CONDITIONAL_ACCESS, EntitleCard(card.serial_number, "")),
        (System.CONDITIONAL_ACCESS, PairCard(card.serial_number, "")),
    ]


def _good(case: Case, card: Unit | None) -> Wanted:
    if card is None or card.blacklisted:
        return []
    served = ServedUnit(card.serial_number, card.product_class)
    _, network, _ = stages(Served(case.package, (), (served,)), case.state, "swap")
    return [
        (System.CONDITIONAL_ACCESS, PairCard(card.serial_number, _named(case.partner))),
        *network,
        (System.CONDITIONAL_ACCESS, RefreshCard(card.serial_number)),
    ]


_T, _A = Target, Asked
_WANTED: dict[tuple[Target, Asked], Callable[[Case], Wanted]] = {
    (_T.ACCESS, _A.CLOSE_OLD): lambda case: _close(case, case.old),
    (_T.ACCESS, _A.OPEN_OLD): lambda case: _open(case, _back(case)),
    (_T.ACCESS, _A.OPEN_NEW): lambda case: _open(case, case.new),
    (_T.ACCESS, _A.CLOSE_NEW): lambda case: _close(case, case.new),
    (_T.VOICE, _A.MOVE_TO_NEW): lambda case: _bind(case, case.new),
    (_T.VOICE, _A.MOVE_TO_OLD): lambda case: _bind(case, _back(case)),
    (_T.CONDITIONAL_ACCESS, _A.MOVE_TO_NEW): lambda case: _move_card(case, case.new),
    (_T.CONDITIONAL_ACCESS, _A.MOVE_TO_OLD): lambda case: _move_card(case, _back(case)),
}
_CARDS: dict[Asked, Callable[[Case], list[Wanted]]] = {
    _A.MOVE_TO_NEW: lambda case: [_shut(case.old), _good(case, case.new)],
    _A.MOVE_TO_OLD: lambda case: [_shut(case.new), _good(case, _back(case))],
    _A.BAR_OLD: lambda case: [_shut(case.old)],
}
