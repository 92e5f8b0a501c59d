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


def wanted(case: Case, asked: Ask) -> Wanted:
    """The operations of one step; none where there is nothing to do, as for a stolen unit."""
    return _WANTED[asked.target, asked.operation](case)


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


def _cards(case: Case, *, to_new: bool) -> Wanted:
    if case.row.kind == ProductClass.CARD:
        pair = (case.old, case.new) if to_new else (case.new, case.old)
        box = case.partner.serial_number if case.partner else ""
        return [*_shut(pair[0]), *_good(case, pair[1], box)]
    box_unit = case.new if to_new else case.old
    box = box_unit.serial_number if box_unit is not None else ""
    if case.partner is None:
        return []
    card = case.partner.serial_number
    return [
        (System.CONDITIONAL_ACCESS, PairCard(card, box)),
        (System.CONDITIONAL_ACCESS, RefreshCard(card)),
    ]


def _shut(card: Unit | None) -> Wanted:
    """The card opens nothing, in no box."""
    if card is None:
        return []
    return [
        (System.CONDITIONAL_ACCESS, EntitleCard(card.serial_number, "")),
        (System.CONDITIONAL_ACCESS, PairCard(card.serial_number, "")),
    ]


def _good(case: Case, card: Unit | None, box: str) -> Wanted:
    if card is None or card.blacklisted:
        return []
    served = ServedUnit(card.serial_number, card.product_class)
    _, network, _ = stages(Served(case.package, (), (served,)), case.state, "swap")
    return [
        (System.CONDITIONAL_ACCESS, PairCard(card.serial_number, box)),
        *network,
        (System.CONDITIONAL_ACCESS, RefreshCard(card.serial_number)),
    ]


_T, _A = Target, Asked
_WANTED: dict[tuple[Target, Asked], Callable[[Case], Wanted]] = {
    (_T.ACCESS, _A.CLOSE_OLD): lambda case: _close(case, case.old),
    (_T.ACCESS, _A.OPEN_OLD): lambda case: _open(case, case.old if case.old_is_in else None),
    (_T.ACCESS, _A.OPEN_NEW): lambda case: _open(case, case.new),
    (_T.ACCESS, _A.CLOSE_NEW): lambda case: _close(case, case.new),
    (_T.VOICE, _A.MOVE_TO_NEW): lambda case: _bind(case, case.new),
    (_T.VOICE, _A.MOVE_TO_OLD): lambda case: _bind(case, case.old),
    (_T.CONDITIONAL_ACCESS, _A.MOVE_TO_NEW): lambda case: _cards(case, to_new=True),
    (_T.CONDITIONAL_ACCESS, _A.MOVE_TO_OLD): lambda case: _cards(case, to_new=False),
    (_T.CONDITIONAL_ACCESS, _A.BAR_OLD): lambda case: _shut(case.old),
}
