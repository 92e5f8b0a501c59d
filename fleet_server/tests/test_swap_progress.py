"""Where each step of a swap stands: hand-written tables over swaps played by the domain's rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.swap import (
    Aborted,
    Ask,
    Done,
    Event,
    Failed,
    Operation,
    Phase,
    Step,
    Swap,
    Target,
    Unreachable,
    Waived,
    after,
    ask,
    plan_for,
)
from fleet_server.domain.swap_progress import Happening, Standing, gap_of, steps_of
from fleet_server.domain.swap_remark import Remark, Say, read_remark

START = datetime(2026, 11, 26, 1, 0, tzinfo=UTC)
PLAN = plan_for(ProductClass.VOICEMODEM, outlets=1)
FENCE = Ask(Target.OLD_UNIT, Operation.FENCE)


class Played:
    """A swap that is asked one second and answered one second later, at every step."""

    def __init__(self, plan: tuple[Step, ...] = PLAN) -> None:
        self.swap = Swap(plan)
        self.now = START
        self.happened: list[Happening] = []

    def put(self, kind: str, asked: Ask | None, text: str = "") -> None:
        self.now += timedelta(seconds=1)
        self.happened.append(Happening(self.now, kind, asked, read_remark(text)))

    def answer(self, event: Event, kind: str, text: str = "") -> None:
        asked = ask(self.swap)
        self.put("asked", asked)
        self.put(kind, asked, text)
        self.swap = after(self.swap, event)

    def go(self, steps: int) -> None:
        for _ in range(steps):
            asked = ask(self.swap)
            assert asked is not None
            self.answer(Done(asked), "done")

    def standings(self) -> str:
        """The steps as words, in the order of the plan."""
        return " ".join(f"{one.step}={one.standing}" for one in steps_of(self.swap, self.happened))


def test_a_swap_on_its_way_has_done_now_and_to_come() -> None:
    played = Played()
    played.go(4)
    played.put("asked", ask(played.swap))
    assert played.standings() == (
        "reserve=done prepare_old=done renew_settings=done hold_old=done close_old=now "
        "open_new=to_come move_voice=to_come adopt_new=to_come verify_new=to_come commit=to_come "
        "fence_old=to_come retire_old=to_come"
    )
    third = steps_of(played.swap, played.happened)[3]
    assert third.began_at == START + timedelta(seconds=7)
    assert third.length == timedelta(seconds=1)


def test_one_that_was_not_approved_has_begun_nothing() -> None:
    swap = Swap(PLAN)
    ordered = steps_of(swap, [], is_approved=False)
    assert [one.step for one in ordered] == list(PLAN)
    assert {one.standing for one in ordered} == {Standing.TO_COME}
    called_off = steps_of(replace(swap, phase=Phase.ROLLED_BACK), [], is_approved=False)
    assert {one.standing for one in called_off} == {Standing.NOT_REACHED}


def test_a_dead_old_unit_is_left_out_and_owed() -> None:
    played = Played()
    played.go(1)
    for _ in range(3):
        asked = ask(played.swap)
        assert asked is not None
        played.answer(Unreachable(asked), "unreachable", "no answer")
    played.go(6)
    fence = ask(played.swap)
    assert fence == FENCE
    played.answer(Unreachable(fence), "unreachable", "no answer")
    played.go(1)
    assert played.swap.phase == Phase.DONE
    assert played.standings() == (
        "reserve=done prepare_old=left_out renew_settings=left_out hold_old=left_out "
        "close_old=done open_new=done move_voice=done adopt_new=done verify_new=done commit=done "
        "fence_old=owed retire_old=done"
    )
    assert steps_of(played.swap, played.happened)[1].said == Remark(Say.NO_ANSWER)
    played.put("paid", FENCE)
    played.swap = after(played.swap, Done(FENCE))
    assert "fence_old=done" in played.standings()


def test_an_aborted_swap_is_undone_step_by_step() -> None:
    played = Played()
    played.go(5)
    played.put("asked", ask(played.swap))
    played.swap = after(played.swap, Aborted("the customer changed his mind"))
    assert played.standings() == (
        "reserve=done prepare_old=done renew_settings=done hold_old=done close_old=done "
        "open_new=undoing move_voice=not_reached adopt_new=not_reached verify_new=not_reached "
        "commit=not_reached fence_old=not_reached retire_old=not_reached"
    )
    played.go(2)
    assert played.standings().startswith(
        "reserve=done prepare_old=done renew_settings=done hold_old=undoing close_old=undone "
        "open_new=undone"
    )
    played.go(2)
    assert played.swap.phase == Phase.ROLLED_BACK
    assert played.standings().startswith(
        "reserve=undone prepare_old=done renew_settings=done hold_old=undone close_old=undone "
        "open_new=undone"
    )


def test_an_old_unit_that_is_to_serve_again_and_does_not_answer_waits_for_a_person() -> None:
    played = Played()
    played.go(4)
    asked = ask(played.swap)
    assert asked is not None
    played.answer(Failed(asked, "refused"), "failed", "refused")
    played.go(2)
    back = ask(played.swap)
    assert back == Ask(Target.OLD_UNIT, Operation.ROLLBACK)
    played.answer(Unreachable(back), "unreachable", "no answer")
    assert played.swap.phase == Phase.PERSON
    assert "hold_old=undoing" in played.standings()


def test_what_a_person_does_by_hand_is_not_shown_as_undone() -> None:
    played = Played()
    played.go(6)
    played.put("asked", ask(played.swap))
    played.swap = after(played.swap, Aborted("a test"))
    back = ask(played.swap)
    assert back == Ask(Target.VOICE, Operation.MOVE_TO_OLD)
    played.answer(Failed(back, "refused"), "failed", "refused")
    played.put("waived", back)
    played.swap = after(played.swap, Waived())
    assert "open_new=undoing move_voice=left_out" in played.standings()


def test_a_network_that_does_not_say_that_it_closed_leads_back_by_the_old_unit() -> None:
    played = Played()
    played.go(4)
    closing = ask(played.swap)
    assert closing is not None
    played.answer(Unreachable(closing), "unreachable")
    assert "hold_old=undoing close_old=done" in played.standings()
    played.go(1)
    assert "hold_old=done close_old=undoing" in played.standings()
    played.go(2)
    assert "hold_old=undone close_old=undone" in played.standings()


# (kind, outlets, steps answered, the gap in seconds so far; None while nothing was cut)
GAPS = [
    (ProductClass.VOICEMODEM, 1, 3, None),
    (ProductClass.VOICEMODEM, 1, 4, 0),
    (ProductClass.VOICEMODEM, 1, 6, 4),
    (ProductClass.VOICEMODEM, 1, 9, 10),
    (ProductClass.VOICEMODEM, 1, 12, 10),
    (ProductClass.MODEM, 2, 4, None),
    (ProductClass.MODEM, 2, 9, 8),
    (ProductClass.STB, 1, 9, 10),
    (ProductClass.STB, 1, 13, 12),
    (ProductClass.CARD, 1, 2, 0),
    (ProductClass.CARD, 1, 3, 2),
    (ProductClass.CARD, 1, 6, 2),
]


@pytest.mark.parametrize(("kind", "outlets", "steps", "gap_s"), GAPS)
def test_the_gap_runs_from_the_dark_to_the_proof(
    kind: ProductClass, outlets: int, steps: int, gap_s: int | None
) -> None:
    played = Played(plan_for(kind, outlets=outlets))
    played.go(steps)
    gap = gap_of(steps_of(played.swap, played.happened))
    length = gap.length(played.now) if gap else None
    assert length == (None if gap_s is None else timedelta(seconds=gap_s))


def test_the_gap_of_a_swap_that_went_back_ends_with_the_old_unit() -> None:
    played = Played()
    played.go(5)
    played.swap = after(played.swap, Aborted("a test"))
    played.go(4)
    gap = gap_of(steps_of(played.swap, played.happened))
    assert gap is not None
    assert gap.ended_at == START + timedelta(seconds=16)
    assert gap.length(played.now) == timedelta(seconds=8)
