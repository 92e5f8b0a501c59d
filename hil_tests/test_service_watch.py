"""The watcher of who is in service finds what it is there to find."""

from __future__ import annotations

from itertools import count
from typing import Any

from hil_tests.operator_systems import Call
from hil_tests.service_watch import Home, gap_s, in_service, moments, open_cards, violations

HOME = Home({"old": frozenset({"A1", "A2"}), "new": frozenset({"B1", "B2"})}, "C-1/voice")
numbers = count(1)


def opened(
    at_s: float, mac: str, mode: str = "open", outcome: str = "done", name: str = ""
) -> Call:
    return call(at_s, "set_access", outcome, name, mac_address=mac, mode=mode)


def closed(at_s: float, mac: str, outcome: str = "done") -> Call:
    return call(at_s, "remove_access", outcome, "", mac_address=mac)


def bound(at_s: float, mac: str) -> Call:
    return call(at_s, "move_line", "done", "", line="C-1/voice", mta_mac=mac)


def call(at_s: float, kind: str, outcome: str, name: str, **arguments: Any) -> Call:
    number = next(numbers)
    return Call(number, at_s, name or f"d-{number}", kind, arguments, outcome)


def test_old_closed_before_new_is_opened_breaks_nothing_and_leaves_a_gap() -> None:
    access = [opened(1, "A1"), closed(10, "A1"), opened(12, "B1")]
    voice = [bound(2, "A2"), bound(13.5, "B2")]
    seen = list(moments(HOME, access, voice))
    assert violations(HOME, seen) == []
    assert [in_service(HOME, one) for one in seen] == ["", "old", "", "", "new"]
    assert gap_s(HOME, seen, since_s=5) == 3.5


def test_both_open_is_a_violation_however_short() -> None:
    access = [opened(1, "A1"), opened(12, "B1"), closed(12, "A1")]
    assert violations(HOME, moments(HOME, access, [])) == ["12.000: new, old at once"]


def test_what_the_answer_was_lost_of_counts_and_its_repetition_does_not() -> None:
    access = [
        opened(1, "A1", name="a"),
        closed(2, "A1", outcome="answer_lost"),
        opened(3, "A1", outcome="answer_lost", name="a"),
        opened(4, "B1", outcome="overtaken"),
        opened(5, "B1"),
    ]
    seen = list(moments(HOME, access, []))
    assert [sorted(one.open) for one in seen] == [["old"], [], ["new"]]


def test_the_own_connection_alone_is_no_service() -> None:
    access = [opened(1, "A1"), opened(2, "A1", "management_only"), opened(3, "B1", "walled_garden")]
    assert [sorted(one.open) for one in moments(HOME, access, [])] == [["old"], [], ["new"]]


def test_a_card_serves_where_it_is_paired_and_entitled_and_two_at_once_are_found() -> None:
    home = Home({"old": frozenset({"E1"}), "new": frozenset({"E2"})})
    calls = [
        call(1, "pair_card", "done", "", card="E1", box="BOX"),
        call(2, "entitle_card", "done", "", card="E1", package="TOP L"),
        call(3, "pair_card", "done", "", card="E2", box="BOX"),
        call(4, "entitle_card", "done", "", card="E2", package="TOP L"),
        call(5, "entitle_card", "done", "", card="E1", package=""),
    ]
    seen = list(moments(home, calls))
    assert [in_service(home, one) for one in seen] == ["", "old", "old", "", "new"]
    assert violations(home, seen) == ["4.000: new, old at once"]
    assert open_cards(calls) == {"E2": "BOX"}
    boxes = Home({"old": frozenset({"BOX"}), "new": frozenset({"BOX2"})})
    moved = [*calls[:2], call(9, "pair_card", "done", "", card="E1", box="BOX2")]
    assert [in_service(boxes, one) for one in moments(boxes, moved)] == ["", "old", "new"]
