"""Thousands of devices, one outage.

The made-up network: node 1 with amplifiers 11 and 12; streets 111 and 112 below 11, 121 and 122
below 12, ten devices in each; nodes 2 and 3 with ten devices each. Times are seconds.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.domain.causes import Cause, Evidence
from fleet_server.domain.outage import Outage, OutageRules, Report, Sign, find_outages
from fleet_server.domain.place import Topology

TREE = Topology({1: None, 11: 1, 12: 1, 111: 11, 112: 11, 121: 12, 122: 12, 2: None, 3: None})
STREETS = (111, 112, 121, 122, 2, 3)
DEVICES = dict.fromkeys(STREETS, 10)
RULES = OutageRules()


def sign(
    element: int, number: int, at: float = 0, end: float | None = None, lost: bool | None = None
) -> Sign:
    device = f"{element}/{number}"
    end_ms = None if end is None else round(end * 1000)
    fell_ms = round(at * 1000)
    return Sign(f"{device}@{at}", device, element, fell_ms - 500, fell_ms, end_ms, lost)


def street(
    element: int,
    at: float = 0,
    end: float | None = None,
    lost: bool | None = None,
    devices: int = 10,
) -> list[Sign]:
    return [sign(element, number, at, end, lost) for number in range(devices)]


def find(signs: list[Sign], *reports: Report) -> list[Outage]:
    return find_outages(TREE, DEVICES, signs, reports, RULES)


def places(signs: list[Sign]) -> list[set[int]]:
    return [set(one.places) for one in find(signs)]


def report(element: int, cause: Cause, start: float, end: float | None = None) -> Report:
    end_ms = None if end is None else round(end * 1000)
    return Report(element, Evidence(cause, round(start * 1000), end_ms, f"report {element}"))


# what fell, the places of the outages: by hand from the tree above
PLACES: list[tuple[list[Sign], list[set[int]]]] = [
    ([], []),
    (street(111, devices=2), []),
    (street(111, devices=5), []),
    (street(111, devices=6), [{111}]),
    (street(111), [{111}]),
    (street(111) + street(112), [{11}]),
    (street(111) + street(112) + street(121), [{11, 121}]),
    (street(111) + street(121), [{111, 121}]),
    (street(111) + street(112) + street(121) + street(122), [{1}]),
    (street(2) + street(3), [{2, 3}]),
    (street(2) + street(3, at=600), [{2}, {3}]),
    (street(111) + street(2), [{2}, {111}]),
    (street(111) + street(112, at=100), [{11}]),
    (street(111, end=300) + street(111, at=900), [{111}, {111}]),
]


@pytest.mark.parametrize(("signs", "expected"), PLACES)
def test_the_place_is_as_high_as_it_goes_and_not_higher(
    signs: list[Sign], expected: list[set[int]]
) -> None:
    assert places(signs) == expected


def test_one_device_that_falls_again_and_again_is_one_device() -> None:
    flapping = [sign(111, 1, at=at, end=at + 1) for at in range(0, 60, 5)]
    assert find(flapping) == []


def test_devices_that_were_gone_before_count_on_neither_side() -> None:
    long_gone = street(111, at=-90_000, devices=6)
    assert len(find(long_gone)) == 1
    scattered = [sign(111, number, at=-90_000 + number * 10_000) for number in range(6)]
    rest = [sign(111, number) for number in (6, 7, 8)]
    (found,) = find(scattered + rest)
    assert (found.devices, found.population, found.start_ms) == (3, 4, 0)


def test_it_lasts_until_nine_of_ten_are_back() -> None:
    back = [sign(111, number, end=100 + number) for number in range(8)]
    (still,) = find([*back, sign(111, 8), sign(111, 9)])
    assert still.end_ms is None
    (over,) = find([*back, sign(111, 8, end=500), sign(111, 9)])
    assert over.end_ms == 500_000


# power lost: of ten devices so many lost it, so many kept it, the rest told nothing
TYPES = [
    (10, 0, Cause.AREA_MAINS, "high"),
    (0, 10, Cause.ACCESS_NETWORK, "high"),
    (0, 0, Cause.ACCESS_NETWORK, "low"),
    (3, 0, Cause.AREA_MAINS, "medium"),
    (1, 0, Cause.ACCESS_NETWORK, "low"),
    (5, 2, Cause.AREA_MAINS, "medium"),
    (2, 6, Cause.ACCESS_NETWORK, "medium"),
    (5, 5, Cause.ACCESS_NETWORK, "low"),
    (6, 4, Cause.AREA_MAINS, "medium"),
]


@pytest.mark.parametrize(("lost", "kept", "cause", "confidence"), TYPES)
def test_the_type_is_what_most_devices_that_told_show(
    lost: int, kept: int, cause: Cause, confidence: str
) -> None:
    words = [True] * lost + [False] * kept + [None] * (10 - lost - kept)
    (found,) = find([sign(111, number, lost=word) for number, word in enumerate(words)])
    assert (found.cause, found.confidence) == (cause, confidence)
    assert (found.told, found.powerless) == (lost + kept, lost)


def test_what_the_operators_systems_report_of_the_place_or_above_wins() -> None:
    fallen = street(111, lost=True)
    (found,) = find(fallen, report(11, Cause.PLANT_POWER, -60))
    assert (found.cause, found.confidence) == (Cause.PLANT_POWER, "reported")
    (both,) = find(fallen, report(1, Cause.MAINTENANCE, -60), report(11, Cause.PLANT_POWER, -60))
    assert both.cause == Cause.MAINTENANCE
    for elsewhere in (report(112, Cause.PLANT_POWER, -60), report(11, Cause.PLANT_POWER, -60, -10)):
        (untouched,) = find(fallen, elsewhere)
        assert untouched.cause == Cause.AREA_MAINS


def test_a_storm_over_ten_thousand_devices_is_one_outage() -> None:
    tree = Topology({**dict.fromkeys(range(20)), **{100 + n: n // 5 for n in range(100)}})
    devices = {100 + n: 100 for n in range(100)}
    signs = [
        Sign(f"i{n}", f"d{n}", 100 + n % 100, n % 900 * 100 - 500, n % 900 * 100, None, n % 7 > 1)
        for n in range(10_000)
    ]
    (found,) = find_outages(tree, devices, signs, (), RULES)
    assert found.places == set(range(20))
    assert (found.cause, found.devices) == (Cause.AREA_MAINS, 10_000)


SIGNS = st.lists(
    st.builds(
        lambda element, number, at, length, lost: sign(
            element, number, at, None if length is None else at + length, lost
        ),
        st.sampled_from(STREETS),
        st.integers(0, 9),
        st.integers(0, 400),
        st.none() | st.integers(0, 400),
        st.sampled_from([True, False, None]),
    ),
    max_size=60,
)


@given(SIGNS, st.data())
def test_order_and_repetition_change_nothing(signs: list[Sign], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(signs))
    assert find(shuffled + signs[:5]) == find(signs)


@given(SIGNS)
def test_an_outage_has_enough_devices_and_none_falls_twice_in_one(signs: list[Sign]) -> None:
    for found in find(signs):
        assert found.devices >= RULES.least_devices
        assert found.population >= found.devices
        assert found.earliest_ms <= found.start_ms
        assert found.end_ms is None or found.end_ms >= found.earliest_ms
        paths = [set(TREE.path(place)) - {place} for place in found.places]
        assert not any(found.places & above for above in paths)
