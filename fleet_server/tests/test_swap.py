"""The saga of a swap, told as the cases that people meet."""

from __future__ import annotations

import pytest

from agent.wire import replacement as parts
from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.swap import (
    NO_ANSWER,
    Aborted,
    Ask,
    Done,
    Failed,
    Operation,
    Phase,
    PointOfNoReturnError,
    Step,
    Swap,
    Target,
    Unreachable,
    Waived,
    after,
    ask,
    may_waive,
    plan_for,
)

VOICE = ProductClass.VOICEMODEM


def walk_to(step: Step, swap: Swap) -> Swap:
    """Everything goes well until `step` is asked for."""
    while swap.plan[swap.at] != step:
        swap = done(swap)
    return swap


def done(swap: Swap) -> Swap:
    asked = ask(swap)
    assert asked is not None
    return after(swap, Done(asked))


def failed(swap: Swap, why: str = "refused") -> Swap:
    asked = ask(swap)
    assert asked is not None
    return after(swap, Failed(asked, why))


def unreachable(swap: Swap) -> Swap:
    asked = ask(swap)
    assert asked is not None
    return after(swap, Unreachable(asked))


def asked_until_the_end(swap: Swap) -> list[str]:
    said = []
    while (asked := ask(swap)) is not None:
        said.append(f"{asked.target} {asked.operation}")
        swap = after(swap, Done(asked))
    return [*said, swap.phase]


def test_a_voice_modem_on_one_outlet_is_dark_before_the_new_one_is_asked() -> None:
    assert asked_until_the_end(Swap(plan_for(VOICE, outlets=1))) == [
        "registry reserve",
        "old_unit prepare",
        "old_unit renew",
        "old_unit hold",
        "access close_old",
        "access open_new",
        "voice move_to_new",
        "new_unit adopt",
        "new_unit verify",
        "registry commit",
        "old_unit fence",
        "registry retire",
        "done",
    ]


def test_with_two_outlets_the_new_unit_is_awaited_before_the_old_goes_dark() -> None:
    said = asked_until_the_end(Swap(plan_for(ProductClass.STB, outlets=2)))
    assert said.index("new_unit see") < said.index("old_unit hold")
    assert "conditional_access move_to_new" in said


@pytest.mark.parametrize("has_old", [True, False])
def test_a_box_is_handed_over_once_it_reads_the_card_that_goes_into_it(has_old: bool) -> None:
    said = asked_until_the_end(Swap(plan_for(ProductClass.STB, outlets=2, has_old=has_old)))
    assert said.index("new_unit verify") < said.index("box verify") < said.index("registry commit")
    without = plan_for(ProductClass.STB, outlets=2, has_old=has_old, has_card=False)
    assert not {Step.PAIR_CARD, Step.VERIFY_CARD} & set(without)


def test_a_card_that_the_new_box_does_not_read_leads_back() -> None:
    swap = unreachable(walk_to(Step.VERIFY_CARD, Swap(plan_for(ProductClass.STB, outlets=2))))
    said = asked_until_the_end(swap)
    assert said[0] == "new_unit rollback" and "conditional_access move_to_old" in said
    assert said[-1] == "rolled_back"


def test_a_smart_card_is_paired_read_by_its_box_and_the_old_one_barred() -> None:
    assert asked_until_the_end(Swap(plan_for(ProductClass.CARD, outlets=1))) == [
        "registry reserve",
        "conditional_access move_to_new",
        "box verify",
        "registry commit",
        "conditional_access bar_old",
        "registry retire",
        "done",
    ]


def test_a_dead_old_unit_is_left_out_and_fenced_when_it_is_seen() -> None:
    swap = walk_to(Step.PREPARE_OLD, Swap(plan_for(VOICE, outlets=1)))
    swap = unreachable(unreachable(unreachable(swap)))
    swap = unreachable(walk_to(Step.FENCE_OLD, swap))
    fence = Ask(Target.OLD_UNIT, Operation.FENCE)
    swap = done(swap)
    assert (swap.phase, swap.owed) == (Phase.DONE, frozenset({fence}))
    swap = after(swap, Done(fence))  # months later
    assert (swap.phase, swap.owed) == (Phase.DONE, frozenset())


def test_a_new_unit_that_never_comes_up_leads_back() -> None:
    swap = unreachable(walk_to(Step.ADOPT_NEW, Swap(plan_for(VOICE, outlets=1))))
    assert (swap.phase, swap.why) == (Phase.BACK, NO_ANSWER)
    back = unreachable(swap)  # it does not hear that it is spare again either
    assert back.owed == {Ask(Target.NEW_UNIT, Operation.ROLLBACK)}
    assert asked_until_the_end(back) == [
        "voice move_to_old",
        "access close_new",
        "access open_old",
        "old_unit rollback",
        "registry release",
        "rolled_back",
    ]


def test_a_system_that_refuses_is_undone_itself_because_it_may_have_done_it() -> None:
    swap = failed(walk_to(Step.OPEN_NEW, Swap(plan_for(VOICE, outlets=1))), "no such MAC")
    assert swap.why == "no such MAC"
    assert asked_until_the_end(swap)[:2] == ["access close_new", "access open_old"]


def test_an_old_unit_that_cannot_be_brought_back_asks_for_a_person() -> None:
    swap = failed(walk_to(Step.VERIFY_NEW, Swap(plan_for(VOICE, outlets=1))))
    while ask(swap) != Ask(Target.OLD_UNIT, Operation.ROLLBACK):
        swap = done(swap)
    stuck = unreachable(swap)
    assert (stuck.phase, stuck.why) == (Phase.PERSON, NO_ANSWER)
    assert done(stuck).phase == Phase.BACK  # it came back by itself
    waived = after(stuck, Waived())
    assert done(waived).phase == Phase.ROLLED_BACK
    assert waived.owed == {Ask(Target.OLD_UNIT, Operation.ROLLBACK)}


def test_an_old_unit_that_was_dead_before_does_not_hold_up_the_way_back() -> None:
    swap = unreachable(walk_to(Step.HOLD_OLD, Swap(plan_for(VOICE, outlets=1))))
    swap = after(swap, Aborted("wrong contract"))
    while ask(swap) != Ask(Target.OLD_UNIT, Operation.ROLLBACK):
        swap = done(swap)
    assert unreachable(swap).phase == Phase.BACK


def test_an_abort_undoes_what_was_done_until_the_new_unit_serves() -> None:
    plan = Swap(plan_for(VOICE, outlets=1))
    early = after(walk_to(Step.PREPARE_OLD, plan), Aborted("wrong contract"))
    assert asked_until_the_end(early) == ["registry release", "rolled_back"]
    with pytest.raises(PointOfNoReturnError, match="order another swap"):
        after(walk_to(Step.FENCE_OLD, plan), Aborted("too late"))


@pytest.mark.parametrize("does_the_old_unit_answer", [True, False])
def test_a_network_that_does_not_close_the_old_unit_leaves_nobody_in_the_dark(
    does_the_old_unit_answer: bool,
) -> None:
    swap = unreachable(walk_to(Step.CLOSE_OLD, Swap(plan_for(VOICE, outlets=1))))
    assert ask(swap) == Ask(Target.OLD_UNIT, Operation.ROLLBACK)
    swap = done(swap) if does_the_old_unit_answer else unreachable(swap)
    assert asked_until_the_end(swap) == [
        "access open_old",
        "old_unit rollback",
        "registry release",
        "rolled_back",
    ]


def test_settings_that_are_not_had_anew_are_those_of_before() -> None:
    swap = walk_to(Step.RENEW_SETTINGS, Swap(plan_for(VOICE, outlets=1)))
    hold = Ask(Target.OLD_UNIT, Operation.HOLD)
    assert ask(failed(swap)) == ask(unreachable(swap)) == hold


def test_after_the_point_of_no_return_a_failure_waits_and_goes_on() -> None:
    swap = walk_to(Step.BAR_CARD, Swap(plan_for(ProductClass.CARD, outlets=1)))
    stuck = failed(swap, "card system down")
    assert (stuck.phase, ask(stuck)) == (Phase.PERSON, ask(swap))
    assert done(stuck).phase == Phase.FORWARD


@pytest.mark.parametrize(
    ("kind", "operation", "may_be_left"),
    [
        (VOICE, Operation.MOVE_TO_OLD, True),
        (VOICE, Operation.CLOSE_NEW, False),
        (VOICE, Operation.OPEN_OLD, True),
        (ProductClass.STB, Operation.MOVE_TO_OLD, True),
        (ProductClass.CARD, Operation.MOVE_TO_OLD, False),
    ],
)
def test_what_a_system_refuses_for_the_old_unit_may_be_left_to_a_person(
    kind: ProductClass, operation: Operation, may_be_left: bool
) -> None:
    swap = Swap(plan_for(kind, outlets=1))
    swap = after(walk_to(Step.COMMIT, swap), Aborted("wrong contract"))
    while (asked := ask(swap)) is not None and asked.operation != operation:
        swap = done(swap)
    assert after(swap, Waived()) == swap, "before it is refused"
    stuck = failed(swap)
    left = after(stuck, Waived())
    assert (may_waive(stuck), left != stuck) == (may_be_left, may_be_left)
    if may_be_left:
        assert (left.phase, left.owed) == (Phase.BACK, frozenset())
        assert asked_until_the_end(left)[-1] == "rolled_back"


def test_the_barring_of_an_old_card_may_be_left_to_a_person() -> None:
    stuck = failed(walk_to(Step.BAR_CARD, Swap(plan_for(ProductClass.CARD, outlets=1))))
    assert asked_until_the_end(after(stuck, Waived())) == ["registry retire", "done"]


def test_an_answer_to_something_else_changes_nothing() -> None:
    swap = walk_to(Step.CLOSE_OLD, Swap(plan_for(VOICE, outlets=1)))
    for event in (
        Done(Ask(Target.NEW_UNIT, Operation.ADOPT)),
        Failed(Ask(Target.OLD_UNIT, Operation.HOLD), "late"),
        Waived(),
    ):
        assert after(swap, event) == swap


# Part before, command, part after; "" is a refusal.
TABLE = """
spare    prepare    spare
active   prepare    active
fenced   prepare
spare    adopt      adopted
adopted  adopt      adopted
active   adopt
held     adopt
fenced   adopt
spare    hold
adopted  hold       held
active   hold       held
held     hold       held
fenced   hold
spare    fence      fenced
adopted  fence      fenced
active   fence      fenced
held     fence      fenced
fenced   fence      fenced
spare    rollback   spare
adopted  rollback   spare
active   rollback   active
held     rollback   active
fenced   rollback
"""


@pytest.mark.parametrize("line", TABLE.strip().splitlines())
def test_a_unit_takes_part_as_the_table_says(line: str) -> None:
    before, command, *expected = line.split()
    assert parts.after(before, command) == (expected[0] if expected else None)
