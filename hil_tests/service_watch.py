"""Who was in service when, read off what the operator's systems were asked, not the fleet server.

A modem is *open* while the network serves one of its addresses with the customer's traffic (mode
`open` or `walled_garden`); a smart card, and the box it is paired with, while conditional access
lets it open a package there. A unit is *in service* while it is open and, where there is a
telephone line, the line is bound to it. The logs hold every change in the order it took effect, so
that nothing falls between two samples.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from hil_tests.operator_systems import Call

_SERVING = ("open", "walled_garden")
_OF_CARDS = ("pair_card", "entitle_card")
_TOOK_EFFECT = ("done", "answer_lost")


@dataclass(frozen=True, slots=True)
class Moment:
    """What is so from `at_s` (Unix time) on: units that are open, and whom the line is bound to."""

    at_s: float
    open: frozenset[str]
    bound: str


@dataclass(frozen=True, slots=True)
class Home:
    """What each unit at one customer's is known by (addresses of network and MTA, the serial number
    of a card or box), and the line; "" for none."""

    addresses: Mapping[str, frozenset[str]]
    line: str = ""

    def unit_of(self, address: str) -> str:
        """The unit with this address, "" when it is of none of them."""
        return next((name for name, macs in self.addresses.items() if address in macs), "")


def moments(home: Home, *logs: Iterable[Call]) -> Iterator[Moment]:
    """Every state that was in force, in order, by the logs of all systems."""
    served: set[str] = set()
    cards: dict[str, dict[str, str]] = defaultdict(dict)
    bound = ""
    for call in _that_took_effect(*logs):
        told = call.arguments
        if call.kind == "set_access" and told["mode"] in _SERVING:
            served.add(told["mac_address"])
        elif call.kind in ("set_access", "remove_access"):
            served.discard(told["mac_address"])
        elif call.kind in ("move_line", "remove_line") and told["line"] == home.line:
            bound = home.unit_of(told.get("mta_mac", ""))
        elif call.kind in _OF_CARDS:
            cards[told["card"]] |= told
        known_by = chain(served, *_open_cards(cards).items())
        units = {home.unit_of(each) for each in known_by}
        yield Moment(call.at_s, frozenset(units - {""}), bound)


def open_cards(calls: Iterable[Call]) -> dict[str, str]:
    """The smart cards that open something now, each with its box, by the log of that system."""
    cards: dict[str, dict[str, str]] = defaultdict(dict)
    for call in _that_took_effect(calls):
        if call.kind in _OF_CARDS:
            cards[call.arguments["card"]] |= call.arguments
    return _open_cards(cards)


def violations(home: Home, seen: Iterable[Moment]) -> list[str]:
    """Moments at which more than one unit was open."""
    return [
        f"{one.at_s:.3f}: {', '.join(sorted(one.open))} at once"
        for one in seen
        if len(one.open) > 1
    ]


def in_service(home: Home, moment: Moment) -> str:
    """The unit that is in service, "" for none."""
    serving = [unit for unit in moment.open if not home.line or unit == moment.bound]
    return serving[0] if len(serving) == 1 else ""


def gap_s(home: Home, seen: Iterable[Moment], since_s: float) -> float:
    """The longest time after `since_s` in which nobody was in service, of those that ended."""
    longest, left_at = 0.0, None
    for one in seen:
        if in_service(home, one):
            if left_at is not None:
                longest = max(longest, one.at_s - left_at)
            left_at = None
        elif left_at is None and one.at_s >= since_s:
            left_at = one.at_s
    return longest


def _open_cards(cards: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """Of cards with `box` and `package`, those that have both."""
    boxes = {name: has.get("box", "") for name, has in cards.items() if has.get("package")}
    return {name: box for name, box in boxes.items() if box}


def _that_took_effect(*logs: Iterable[Call]) -> Iterator[Call]:
    """Of all systems by time, each operation once: a repetition changes nothing."""
    seen = set()
    for call in sorted((call for log in logs for call in log), key=lambda call: call.at_s):
        if call.outcome in _TOOK_EFFECT and call.operation_id not in seen:
            seen.add(call.operation_id)
            yield call
