"""Evidence tied into interruptions. Times are milliseconds; the story starts at T."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from fleet_server.domain.interruption import (
    BOOT,
    DEVICE,
    LOSS,
    NO_POWER,
    RESTORED,
    UNKNOWN,
    PowerEvent,
    PresenceChange,
    Span,
    tie,
)

T = 1_800_000_000_000
EPOCH = "0a1b2c3d"


def around(middle_ms: int, error_ms: int) -> Span:
    return Span(middle_ms - error_ms, middle_ms + error_ms)


def event(ident: str, name: str, boot: int | None, at_ms: int | None, **more: object) -> PowerEvent:
    values: dict[str, object] = {
        "epoch": EPOCH if boot is not None else None,
        "up_time_ms": 500,
        "received_ms": T + 60_000,
        **more,
    }
    at = None if at_ms is None else around(at_ms, 20)
    return PowerEvent(ident=ident, name=name, boot_count=boot, at=at, **values)  # type: ignore[arg-type]


GASP = event("loss", LOSS, 7, T, up_time_ms=3_600_000, received_ms=T + 5)
BACK = event("restored", RESTORED, 8, T + 30_500)
BOOTED = event("boot", BOOT, 8, T + 30_500, reason="power on reset")
GONE = PresenceChange("offline", online=False, at_ms=T + 5, seen_ms=T - 20_000)
CONNECTED = PresenceChange("online", online=True, at_ms=T + 31_000, seen_ms=T + 5)
STORY = [GASP, BACK, BOOTED]
CHANGES = [GONE, CONNECTED]


def test_a_gasp_alone_opens_an_interruption_at_once() -> None:
    (found,) = tie([GASP], [])
    assert found.cause == NO_POWER
    assert found.start == around(T, 20)
    assert found.end is None
    assert found.length is None


def test_gasp_boot_and_presence_are_one_interruption_with_its_length() -> None:
    (found,) = tie(STORY, CHANGES)
    assert found.cause == NO_POWER
    assert found.end == around(T + 30_000, 20)
    assert found.length == around(30_000, 40)
    assert found.evidence == {"loss", "restored", "boot", "offline", "online"}


def test_without_a_gasp_the_last_proof_of_life_and_the_will_bound_the_start() -> None:
    will = PresenceChange("will", online=False, at_ms=T + 15_000, seen_ms=T - 5_000)
    (found,) = tie([BOOTED], [will, CONNECTED])
    assert found.cause == NO_POWER
    assert found.start == Span(T - 5_000, T + 15_000)
    assert found.length == Span(30_000 - 15_000 - 20, 30_000 + 5_000 + 20)


def test_a_loss_that_is_only_in_the_journal_still_dates_the_start() -> None:
    late = event("loss", LOSS, 7, T, received_ms=T + 33_000)
    will = PresenceChange("will", online=False, at_ms=T + 15_000, seen_ms=T - 5_000)
    (found,) = tie([late, BACK, BOOTED], [will, CONNECTED])
    assert found.start == around(T, 20)
    assert found.length == around(30_000, 40)


def test_a_board_without_a_clock_is_bounded_by_presence() -> None:
    loss = event("loss", LOSS, 7, None, received_ms=T + 5)
    boot = event("boot", BOOT, 8, None, reason="power on reset", received_ms=T + 31_500)
    (found,) = tie([loss, boot], CHANGES)
    assert found.start == Span(T - 20_000, T + 5)
    assert found.end is not None
    assert found.end.latest_ms == T + 31_000
    assert found.length is not None
    assert found.length.earliest_ms <= 30_000 <= found.length.latest_ms


def test_the_devices_own_duration_is_taken_when_it_is_the_narrower() -> None:
    measured = event("restored", RESTORED, 8, T + 30_500, duration=around(30_000, 5))
    (found,) = tie([GASP, measured], [])
    assert found.length == around(30_000, 5)


def test_another_boot_reason_is_the_devices_own_cause() -> None:
    crash = event("boot", BOOT, 8, T + 30_500, reason="watchdog")
    will = PresenceChange("will", online=False, at_ms=T + 15_000, seen_ms=T - 5_000)
    (found,) = tie([crash], [will, CONNECTED])
    assert found.cause == DEVICE


def test_a_first_boot_interrupts_nothing() -> None:
    first = event("boot", BOOT, 1, T, reason="power on reset")
    assert tie([first], [PresenceChange("online", online=True, at_ms=T, seen_ms=T)]) == []


def test_a_silence_that_follows_a_boot_is_not_what_came_before_it() -> None:
    first = event("first", BOOT, 1, T, reason="crash", received_ms=T + 500)
    gone = PresenceChange("gone", online=False, at_ms=T + 20_000, seen_ms=T + 500)
    (found,) = tie([first], [gone])
    assert found.cause == UNKNOWN
    assert found.start == Span(T + 500, T + 20_000)


def test_a_silence_without_a_boot_is_unknown_and_a_short_one_is_none() -> None:
    will = PresenceChange("will", online=False, at_ms=T, seen_ms=T - 1_000)
    back = PresenceChange("online", online=True, at_ms=T + 40_000, seen_ms=T - 1_000)
    (found,) = tie([], [will, back])
    assert (found.cause, found.length) == (UNKNOWN, Span(40_000, 41_000))
    soon = PresenceChange("online", online=True, at_ms=T + 100, seen_ms=T - 1_000)
    assert tie([], [will, soon]) == []


def test_an_open_silence_is_an_open_interruption() -> None:
    (found,) = tie([], [PresenceChange("will", online=False, at_ms=T, seen_ms=T - 1_000)])
    assert (found.cause, found.end) == (UNKNOWN, None)


def test_a_loss_and_a_restore_within_one_boot_are_one_interruption() -> None:
    loss = event("loss", LOSS, 7, T, up_time_ms=1_000)
    back = event("restored", RESTORED, 7, T + 200, up_time_ms=1_200)
    (found,) = tie([loss, back], [])
    assert found.length == around(200, 40)


def test_twenty_cuts_in_a_row_are_twenty_interruptions() -> None:
    power, presence = [], []
    for cut in range(20):
        at = T + cut * 60_000
        power.append(event(f"loss {cut}", LOSS, 7 + cut, at, up_time_ms=29_000, received_ms=at))
        returned = {"reason": "power on reset", "received_ms": at + 31_500}
        power.append(event(f"boot {cut}", BOOT, 8 + cut, at + 30_500, **returned))
        presence.append(PresenceChange(f"offline {cut}", False, at + 5, at - 1_000))
        presence.append(PresenceChange(f"online {cut}", True, at + 31_000, at + 5))
    found = tie(power, presence)
    assert [one.length for one in found] == [around(30_000, 40)] * 20
    assert {one.cause for one in found} == {NO_POWER}


def test_a_vendors_boot_without_a_count_uses_presence() -> None:
    boot = event("boot", BOOT, None, None, received_ms=T + 31_100, up_time_ms=None)
    will = PresenceChange("will", online=False, at_ms=T + 15_000, seen_ms=T - 5_000)
    (found,) = tie([boot], [will, CONNECTED])
    assert (found.cause, found.start) == (UNKNOWN, Span(T - 5_000, T + 15_000))


@given(st.permutations(STORY), st.permutations(CHANGES), st.integers(0, 2))
def test_order_and_repetition_change_nothing(
    power: list[PowerEvent], presence: list[PresenceChange], again: int
) -> None:
    assert tie(power + power[:again], presence + presence[:again]) == tie(STORY, CHANGES)


HOUR = 3_600_000
MANY = [*STORY, event("restored again", RESTORED, 8, T + 30_500, received_ms=T + 90_000)]


def on_a_clock(events: list[PowerEvent], shift_ms: int | None) -> list[PowerEvent]:
    """The events dated by a clock that is wrong by so much, or by none."""
    dated = []
    for one in events:
        at = one.at
        if at is not None and shift_ms is not None:
            at = Span(at.earliest_ms + shift_ms, at.latest_ms + shift_ms)
        dated.append(replace(one, at=None if shift_ms is None else at))
    return dated


@given(
    st.permutations(MANY),
    st.permutations(CHANGES),
    st.integers(-9_000 * HOUR, 9_000 * HOUR).filter(lambda shift: abs(shift) > 120_000),
)
def test_a_wrong_clock_gives_the_verdict_of_a_device_without_one(
    power: list[PowerEvent], presence: list[PresenceChange], shift_ms: int
) -> None:
    (found,) = tie(on_a_clock(power, shift_ms), presence)
    assert found == tie(on_a_clock(MANY, None), CHANGES)[0]
    assert found.cause == NO_POWER
    assert found.start.earliest_ms <= T <= found.start.latest_ms
    assert found.end is not None
    assert found.end.earliest_ms <= T + 30_000 <= found.end.latest_ms


@given(
    st.lists(st.sampled_from(MANY), min_size=1, max_size=6),
    st.booleans(),
    st.booleans(),
)
def test_whatever_is_missing_the_verdict_is_the_same_cause_around_the_truth(
    power: list[PowerEvent], gone: bool, back: bool
) -> None:
    seen_ms = T + 5 if gone else GONE.seen_ms
    presence = [GONE] * gone + [replace(CONNECTED, seen_ms=seen_ms)] * back
    assume(gone or back)
    found = tie(power, presence)
    assert len(found) == 1
    assert found[0].cause == NO_POWER
    assert found[0].start.earliest_ms <= T <= found[0].start.latest_ms
    if found[0].end is not None:
        assert found[0].end.earliest_ms <= T + 30_000 <= found[0].end.latest_ms


def test_a_date_after_it_came_in_is_no_date() -> None:
    early = event("loss", LOSS, 7, T + HOUR, up_time_ms=3_600_000, received_ms=T + 5)
    (found,) = tie([early], [GONE])
    assert found.start == Span(T - 20_000, T + 5)


def test_power_lost_within_a_longer_silence_is_only_a_part_of_it() -> None:
    gone = PresenceChange("offline", online=False, at_ms=T - HOUR, seen_ms=T - HOUR)
    back = PresenceChange("online", online=True, at_ms=T + 2 * HOUR, seen_ms=T - HOUR)
    late = [replace(one, received_ms=T + 2 * HOUR + 500) for one in STORY]
    (found,) = tie(late, [gone, back])
    assert found.start.middle_ms == T - HOUR
    assert found.end == Span(T + 2 * HOUR, T + 2 * HOUR)
    assert {(one.cause, one.start_ms, one.end_ms) for one in found.own} == {
        (NO_POWER, T, T + 30_000)
    }
    assert found.lost_power is None


def test_two_losses_within_one_silence_are_one_interruption_with_both() -> None:
    found = tie(TWICE, [GONE, MUCH_LATER])
    assert len(found) == 1
    assert found[0].evidence == {"loss", "boot", "again", "boot 9", "offline", "online"}
    assert {(one.start_ms, one.end_ms) for one in found[0].own} == {
        (T, T + 30_000),
        (T + 600_000, T + HOUR - 500),
    }


@given(st.permutations(range(4)))
def test_a_silence_with_two_losses_is_told_in_any_order(order: list[int]) -> None:
    told = [TWICE[place] for place in order]
    assert tie(told + told[:2], [MUCH_LATER, GONE]) == tie(TWICE, [GONE, MUCH_LATER])


def test_a_silence_that_no_boot_ended_kept_its_power() -> None:
    (found,) = tie([], [GONE, CONNECTED])
    assert (found.cause, found.lost_power) == (UNKNOWN, False)
    (still,) = tie([], [GONE])
    assert still.lost_power is None


def test_an_undated_loss_and_restore_within_a_boot_lie_before_they_came_in() -> None:
    loss = event("loss", LOSS, 7, None, up_time_ms=1_000, received_ms=T + 5_000)
    back = event("back", RESTORED, 7, None, up_time_ms=1_200, received_ms=T + 5_000)
    (found,) = tie([loss, replace(back, duration=around(200, 5))], [])
    assert found.end == Span(T + 3_000, T + 5_000)
    assert found.length == around(200, 5)


LATE_MS = T + HOUR + 500
MUCH_LATER = PresenceChange("online", online=True, at_ms=T + HOUR, seen_ms=T + 5)
TWICE = [
    GASP,
    replace(BOOTED, received_ms=LATE_MS),
    event("again", LOSS, 8, T + 600_000, up_time_ms=570_000, received_ms=LATE_MS),
    event("boot 9", BOOT, 9, T + HOUR, reason="power on reset", received_ms=LATE_MS),
]
