"""Lightning storms from surges. Times are minutes here, milliseconds to the rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fleet_server.domain.storm import StormRules, Surge, find_storms

RULES = StormRules(least_devices=3, together_ms=10 * 60_000, gap_ms=20 * 60_000)


def surge(device: str, minute: float, area: int = 1) -> Surge:
    return Surge(f"{device} {minute}", area, device, round(minute * 60_000))


def minutes(surges: list[Surge]) -> list[tuple[int, float, float, int]]:
    return [
        (one.area, one.start_ms / 60_000, one.end_ms / 60_000, one.devices)
        for one in find_storms(surges, RULES)
    ]


def test_surges_at_several_devices_within_minutes_are_a_storm() -> None:
    assert minutes([surge("a", 0), surge("b", 4), surge("c", 9.5)]) == [(1, 0, 9.5, 3)]


def test_many_surges_at_one_device_are_none() -> None:
    assert minutes([surge("a", at) for at in range(30)]) == []


def test_devices_of_two_areas_are_not_added_up() -> None:
    assert minutes([surge("a", 0), surge("b", 1), surge("c", 2, area=2)]) == []


def test_devices_struck_too_far_apart_are_none() -> None:
    assert minutes([surge("a", 0), surge("b", 9), surge("c", 18)]) == []


def test_a_storm_lasts_while_surges_follow_and_a_later_one_is_another() -> None:
    first = [surge("a", 0), surge("b", 1), surge("c", 2), surge("a", 21)]
    second = [surge("a", 60), surge("b", 61), surge("d", 62)]
    assert minutes(first + second) == [(1, 0, 21, 3), (1, 60, 62, 3)]


SURGES = st.lists(
    st.builds(surge, st.sampled_from("abcde"), st.integers(0, 90), st.sampled_from([1, 2])),
    max_size=20,
)


@given(SURGES, st.data())
def test_order_and_repetition_change_nothing(surges: list[Surge], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(surges))
    assert find_storms(shuffled + surges[:3], RULES) == find_storms(surges, RULES)
