"""Worked cases of the credit for interruptions [5.4], reckoned by hand; and what always holds.

Moments are local, Europe/Belgrade; `*` marks the second of two hours of one name (25 October 2026).
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet_server.domain.causes import Cause, Evidence, partition
from fleet_server.domain.credit import (
    Credit,
    Decision,
    InvalidDecisionError,
    Standing,
    Stretch,
    assess,
    outages,
)
from fleet_server.domain.liability import Liability, propose
from fleet_server.domain.local_time import ZONE
from fleet_server.domain.policy import DEFAULTS, Policy, with_texts

NET, DEVICE, HOME, AREA, PLANT = (
    Cause.ACCESS_NETWORK,
    Cause.DEVICE,
    Cause.NO_POWER,
    Cause.AREA_MAINS,
    Cause.PLANT_POWER,
)
WORK, STOPPED, DARK = Cause.MAINTENANCE, Cause.SUSPENDED, Cause.UNKNOWN
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def ms(text: str) -> int:
    fold = 1 if text.endswith("*") else 0
    local = datetime.fromisoformat(text.rstrip("*")).replace(tzinfo=ZONE, fold=fold)
    return int(local.astimezone(UTC).timestamp() * 1000)


def stretch(
    start_ms: int, end_ms: int, cause: Cause, storm: bool = False, policy: Policy = DEFAULTS
) -> Stretch:
    return Stretch(start_ms, end_ms, cause, propose(policy, cause, storm))


def hours(length_ms: int) -> str:
    return f"{length_ms // HOUR_MS}:{length_ms % HOUR_MS // 60_000:02d}"


# what it is about, articles, stretches (from, to, cause[, "storm"]), then for each outage:
# days, days given back, remainder, still to decide, days at most
CASES = [
    ("A day less a minute gives nothing", "5.4",
     [("2026-06-01 10:00", "2026-06-02 09:59", NET)],
     [(0, 0, "23:59", "0:00", 0)]),
    ("A day exactly gives two", "5.4",
     [("2026-06-01 10:00", "2026-06-02 10:00", NET)],
     [(1, 2, "0:00", "0:00", 1)]),
    ("Two days and a half give four, and twelve hours remain", "5.4",
     [("2026-06-01 10:00", "2026-06-03 22:00", NET)],
     [(2, 4, "12:00", "0:00", 2)]),
    ("From midnight to midnight is a day of 23 hours when the clocks go forward", "5.4",
     [("2026-03-29 00:00", "2026-03-30 00:00", NET)],
     [(0, 0, "23:00", "0:00", 0)]),
    ("and needs an hour more", "5.4",
     [("2026-03-29 00:00", "2026-03-30 01:00", NET)],
     [(1, 2, "0:00", "0:00", 1)]),
    ("From midnight to midnight is a day of 25 hours when they go back", "5.4",
     [("2026-10-25 00:00", "2026-10-26 00:00", NET)],
     [(1, 2, "1:00", "0:00", 1)]),
    ("The same name of an hour, a day later by the clock on the wall: 25 hours", "5.4",
     [("2026-10-24 02:30", "2026-10-25 02:30*", NET)],
     [(1, 2, "1:00", "0:00", 1)]),
    ("The first of the two hours of that name: 24 hours", "5.4",
     [("2026-10-24 02:30", "2026-10-25 02:30", NET)],
     [(1, 2, "0:00", "0:00", 1)]),
    ("Over 29 February", "5.4",
     [("2028-02-28 12:00", "2028-03-01 12:00", NET)],
     [(2, 4, "0:00", "0:00", 2)]),
    ("28 February to 1 March of another year is a day", "5.4",
     [("2027-02-28 12:00", "2027-03-01 12:00", NET)],
     [(1, 2, "0:00", "0:00", 1)]),
    ("A return of 59 minutes does not split; the return itself is no interruption", "5.4",
     [("2026-06-01 00:00", "2026-06-01 12:00", NET), ("2026-06-01 12:59", "2026-06-02 00:59", NET)],
     [(1, 2, "0:00", "0:00", 1)]),
    ("A return of an hour splits, and neither half is a day", "5.4",
     [("2026-06-01 00:00", "2026-06-01 12:00", NET), ("2026-06-01 13:00", "2026-06-02 01:00", NET)],
     [(0, 0, "12:00", "0:00", 0), (0, 0, "12:00", "0:00", 0)]),
    ("Flapping for two days: 45 minutes away, 15 back, is one outage of 36 hours", "5.4",
     [(f"2026-06-0{day} {hour:02d}:00", f"2026-06-0{day} {hour:02d}:45", NET)
      for day in (1, 2) for hour in range(24)],
     [(1, 2, "12:00", "0:00", 1)]),
    ("No power at home for two days: for a person to confirm", "7.2.4 5.4",
     [("2026-06-01 10:00", "2026-06-03 10:00", HOME)],
     [(0, 0, "0:00", "48:00", 2)]),
    ("The network for a day, then the home: only the network counts", "5.4 7.2.4",
     [("2026-06-01 10:00", "2026-06-02 10:00", NET),
      ("2026-06-02 10:00", "2026-06-03 04:00", HOME)],
     [(1, 2, "0:00", "18:00", 1)]),
    ("Operator, home, operator within one outage: the operator's time is added up", "5.4 7.2.4",
     [("2026-06-01 00:00", "2026-06-01 14:00", NET), ("2026-06-01 14:00", "2026-06-01 20:00", HOME),
      ("2026-06-01 20:00", "2026-06-02 06:00", NET)],
     [(1, 2, "0:00", "6:00", 1)]),
    ("The supply of a node is the operator's", "5.4",
     [("2026-06-01 00:00", "2026-06-02 06:00", PLANT)],
     [(1, 2, "6:00", "0:00", 1)]),
    ("A power cut in the area is for a person to confirm", "7.2.4",
     [("2026-06-01 00:00", "2026-06-02 06:00", AREA)],
     [(0, 0, "0:00", "30:00", 1)]),
    ("A storm over the place: force majeure is proposed, a person confirms", "4.9 13.1",
     [("2026-06-01 00:00", "2026-06-02 06:00", NET, "storm")],
     [(0, 0, "0:00", "30:00", 1)]),
    ("A storm does not excuse a home without power twice", "7.2.4",
     [("2026-06-01 00:00", "2026-06-02 06:00", HOME, "storm")],
     [(0, 0, "0:00", "30:00", 1)]),
    ("Announced work of 30 hours: 4.6 does not waive 5.4, a person confirms", "4.6 5.4",
     [("2026-06-01 00:00", "2026-06-02 06:00", WORK)],
     [(0, 0, "0:00", "30:00", 1)]),
    ("Work that ran over what was announced counts from there", "4.6 5.4",
     [("2026-06-01 00:00", "2026-06-01 06:00", WORK),
      ("2026-06-01 06:00", "2026-06-02 07:00", NET)],
     [(1, 2, "1:00", "6:00", 1)]),
    ("Suspended for debt", "8.6 10.1",
     [("2026-06-01 00:00", "2026-06-05 00:00", STOPPED)],
     [(0, 0, "0:00", "96:00", 4)]),
    ("Of a silence nothing is known: undecided, and said so", "5.4",
     [("2026-06-01 00:00", "2026-06-02 12:00", DARK)],
     [(0, 0, "0:00", "36:00", 1)]),
    ("A device that failed is the operator's own", "5.4 7.1.1",
     [("2026-06-01 00:00", "2026-06-02 12:00", DEVICE)],
     [(1, 2, "12:00", "0:00", 1)]),
    ("Swap during an outage: the old unit until the swap, the new one after it", "5.4 7.1.7",
     [("2026-06-01 08:00", "2026-06-02 02:00", DEVICE),
      ("2026-06-02 02:00", "2026-06-02 02:40", DEVICE),
      ("2026-06-02 02:40", "2026-06-02 09:00", NET)],
     [(1, 2, "1:00", "0:00", 1)]),
    ("Swap that brought service back for 20 minutes", "5.4 7.1.7",
     [("2026-06-01 08:00", "2026-06-02 02:00", DEVICE),
      ("2026-06-02 02:20", "2026-06-02 08:20", NET)],
     [(1, 2, "0:00", "0:00", 1)]),
    ("Two outages of a day in one week are credited each", "5.4",
     [("2026-06-01 00:00", "2026-06-02 00:00", NET), ("2026-06-04 00:00", "2026-06-05 12:00", NET)],
     [(1, 2, "0:00", "0:00", 1), (1, 2, "12:00", "0:00", 1)]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("about", "articles", "told", "expected"), CASES, ids=[case[0] for case in CASES]
)
def test_an_outage_is_credited_as_reckoned_by_hand(
    about: str, articles: str, told: list[tuple[str, ...]], expected: list[tuple[object, ...]]
) -> None:
    stretches = [stretch(ms(one[0]), ms(one[1]), Cause(one[2]), len(one) > 3) for one in told]
    found = [assess(outage, DEFAULTS) for outage in outages(stretches, DEFAULTS)]
    assert [
        (c.days, c.credit_days, hours(c.remainder_ms), hours(c.to_decide_ms), c.days_at_most)
        for c in found
    ] == expected
    named = {a for c in found for line in c.lines for a in line.stretch.proposal.articles}
    assert named | {"5.4", "7.1.7"} >= set(articles.split())


def test_a_voice_modem_in_two_positions_is_credited_for_each_service() -> None:
    box = [stretch(ms("2026-06-01 10:00"), ms("2026-06-02 10:00"), NET)]
    internet = assess(box, DEFAULTS)
    # The line was also barred for another hour before, by mistake: voice alone lost 25 hours.
    voice = assess(
        [stretch(ms("2026-06-01 09:00"), ms("2026-06-01 10:00"), DEVICE), *box], DEFAULTS
    )
    assert (internet.credit_days, voice.credit_days) == (2, 2)
    assert (hours(internet.remainder_ms), hours(voice.remainder_ms)) == ("0:00", "1:00")


# cause, storm, decided liability, counts, days given back for 48 hours, still to decide
DECISIONS = [
    (HOME, False, "customer_side", False, 0, "0:00"),
    (HOME, False, "operator", True, 4, "0:00"),
    (NET, True, "force_majeure", False, 0, "0:00"),
    (NET, True, "operator", True, 4, "0:00"),
    (WORK, False, "operator", False, 0, "0:00"),
    (WORK, False, "operator", True, 4, "0:00"),
    (DARK, False, "operator", True, 4, "0:00"),
    (DARK, False, "customer_side", False, 0, "0:00"),
    # Evidence spoke for the operator; a person who says otherwise does so by name.
    (NET, False, "force_majeure", False, 0, "0:00"),
]


@pytest.mark.parametrize(("cause", "storm", "liability", "counts", "given", "open_"), DECISIONS)
def test_a_person_decides_what_counts(
    cause: Cause, storm: bool, liability: str, counts: bool, given: int, open_: str
) -> None:
    decision = Decision(cause, Liability(liability), counts)
    proposal = propose(DEFAULTS, cause, storm)
    credit = assess([Stretch(0, 2 * DAY_MS, cause, proposal, decision)], DEFAULTS)
    assert (credit.credit_days, hours(credit.to_decide_ms)) == (given, open_)


@pytest.mark.parametrize(
    ("cause", "liability", "counts"),
    [
        (NET, "undecided", False),
        (NET, "operator", False),
        (HOME, "customer_side", True),
        (NET, "force_majeure", True),
    ],
)
def test_a_decision_that_contradicts_itself_is_refused(
    cause: Cause, liability: str, counts: bool
) -> None:
    with pytest.raises(InvalidDecisionError):
        Decision(cause, Liability(liability), counts)


def test_an_outage_that_lasts_says_when_the_next_day_is_full() -> None:
    start = ms("2026-06-01 10:00")
    credit = assess([stretch(start, start + 30 * HOUR_MS, NET)], DEFAULTS, open_=True)
    assert credit.next_day_ms == start + 2 * DAY_MS
    assert assess([stretch(start, start + DAY_MS, NET)], DEFAULTS).next_day_ms is None


def test_settings_and_not_code_say_how_much_is_given_back() -> None:
    policy = with_texts(
        DEFAULTS,
        {"credit_day_hours": "12", "credit_days_per_day": "3", "credit_join_minutes": "0"},
    )
    parts = [stretch(0, 13 * HOUR_MS, NET), stretch(13 * HOUR_MS, 25 * HOUR_MS, DEVICE)]
    (outage,) = outages(parts, policy)
    credit = assess(outage, policy)
    assert (credit.days, credit.credit_days, hours(credit.remainder_ms)) == (2, 6, "1:00")


def test_stretches_of_one_service_do_not_overlap() -> None:
    with pytest.raises(ValueError, match="one cause at a time"):
        assess([stretch(0, 10, NET), stretch(9, 20, HOME)], DEFAULTS)


# -- what always holds ---------------------------------------------------------------------------

STEP_MS = 600_000
MOMENTS = st.integers(0, 5 * 24 * 6).map(lambda steps: steps * STEP_MS)
EVIDENCE = st.builds(
    lambda cause, start, length, ident: Evidence(cause, start, start + length, ident),
    st.sampled_from(Cause),
    MOMENTS,
    MOMENTS,
    st.sampled_from(["a", "b", "c"]),
)
PRECEDENCE = (STOPPED, WORK, PLANT, AREA, HOME, NET, DEVICE)


@st.composite
def interruptions(draw: st.DrawFn) -> list[tuple[int, int, list[Evidence]]]:
    """Interruptions one after another, each with its evidence."""
    edges = sorted(draw(st.sets(MOMENTS, min_size=2, max_size=8)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return [(start, end, draw(st.lists(EVIDENCE, max_size=6))) for start, end in pairs]


def stretches_of(told: list[tuple[int, int, list[Evidence]]]) -> list[Stretch]:
    return [
        stretch(segment.start_ms, segment.end_ms or 0, segment.cause)
        for start, end, evidence in told
        for segment in partition(start, end, evidence)
    ]


def credits_of(stretches: list[Stretch], policy: Policy = DEFAULTS) -> list[Credit]:
    return [assess(outage, policy) for outage in outages(stretches, policy)]


@given(interruptions())
def test_every_moment_of_an_interruption_has_exactly_the_cause_that_wins(
    told: list[tuple[int, int, list[Evidence]]],
) -> None:
    for start, end, evidence in told:
        segments = partition(start, end, evidence)
        for moment in range(start, end, STEP_MS):
            holding = [s.cause for s in segments if s.start_ms <= moment < (s.end_ms or 0)]
            shown = {e.cause for e in evidence if e.start_ms <= moment < (e.end_ms or 0)}
            assert holding == [next((c for c in PRECEDENCE if c in shown), DARK)]


@given(interruptions())
def test_every_millisecond_counts_or_is_excluded_or_is_for_a_person_to_decide(
    told: list[tuple[int, int, list[Evidence]]],
) -> None:
    found = credits_of(stretches_of(told))
    accounted = sum(c.counted_ms + c.to_decide_ms + c.excluded_ms for c in found)
    assert accounted == sum(end - start for start, end, _ in told)


@given(interruptions())
def test_the_remainder_is_less_than_a_day_and_nothing_is_lost(
    told: list[tuple[int, int, list[Evidence]]],
) -> None:
    for credit in credits_of(stretches_of(told)):
        assert 0 <= credit.remainder_ms < DAY_MS
        assert credit.days * DAY_MS + credit.remainder_ms == credit.counted_ms
        assert credit.credit_days == 2 * credit.days <= 2 * credit.days_at_most


@given(interruptions(), st.randoms(use_true_random=False))
def test_order_and_repetition_of_what_is_told_change_nothing(
    told: list[tuple[int, int, list[Evidence]]], random: Random
) -> None:
    stretches = stretches_of(told)
    mixed = [*stretches, *stretches[:3]]
    random.shuffle(mixed)
    assert credits_of(mixed) == credits_of(stretches)


@given(interruptions(), st.integers(1, 99))
def test_cutting_a_stretch_in_two_changes_no_sum(
    told: list[tuple[int, int, list[Evidence]]], percent: int
) -> None:
    whole = stretches_of(told)
    first = whole[0]
    cut = first.start_ms + first.length_ms * percent // 100
    halves = [
        stretch(first.start_ms, cut, first.cause),
        stretch(cut, first.end_ms, first.cause),
    ]
    sums = [(c.start_ms, c.end_ms, c.counted_ms, c.to_decide_ms) for c in credits_of(whole)]
    parts = [*halves, *whole[1:]]
    assert [(c.start_ms, c.end_ms, c.counted_ms, c.to_decide_ms) for c in credits_of(parts)] == sums


@given(interruptions())
def test_outages_are_an_hour_apart_and_their_parts_are_not(
    told: list[tuple[int, int, list[Evidence]]],
) -> None:
    found = outages(stretches_of(told), DEFAULTS)
    for before, after in pairwise(found):
        assert after[0].start_ms - before[-1].end_ms >= HOUR_MS
    for outage in found:
        for one, other in pairwise(outage):
            assert other.start_ms - one.end_ms < HOUR_MS


@given(interruptions())
def test_deciding_for_the_operator_never_gives_less(
    told: list[tuple[int, int, list[Evidence]]],
) -> None:
    for outage in outages(stretches_of(told), DEFAULTS):
        proposed = assess(outage, DEFAULTS)
        decided = assess(
            [
                Stretch(
                    s.start_ms,
                    s.end_ms,
                    s.cause,
                    s.proposal,
                    Decision(s.cause, Liability.OPERATOR, True),
                )
                for s in outage
            ],
            DEFAULTS,
        )
        assert decided.days == proposed.days_at_most >= proposed.days
        assert decided.length_ms(Standing.COUNTS) == proposed.counted_ms + proposed.to_decide_ms
