"""What an event makes of a command, case by case."""

from __future__ import annotations

import pytest

from fleet_server.domain.command import (
    LOST,
    NO_ANSWER,
    NO_END,
    Answered,
    Booted,
    CancelAsked,
    Command,
    Completed,
    Event,
    Looked,
    NotCompleted,
    Overtaken,
    OvertakingRefused,
    OvertakingSent,
    Refusal,
    Refused,
    Sent,
    State,
    Step,
    Taken,
    TimeOver,
    after,
    next_step,
)

SIGNED = Command(signed=True)
TWICE = Command(signed=True, repeatable=True)
PLAIN = Command(signed=False)
PLAIN_TWICE = Command(signed=False, repeatable=True)
STOPPED = NotCompleted(7023, "cancelled", stopped=True)


def told(command: Command, *events: Event) -> Command:
    for event in events:
        command = after(command, event)
    return command


# Command, what happened in this order, its state, whether it is past recall.
CASES: list[tuple[Command, list[Event], State, bool]] = [
    (SIGNED, [], State.QUEUED, False),
    (SIGNED, [Sent(5)], State.SENT, False),
    (SIGNED, [Sent(5), Answered(5)], State.DONE, False),
    (SIGNED, [Sent(5), Answered(4)], State.SENT, False),
    (SIGNED, [Answered(0)], State.QUEUED, False),
    (SIGNED, [Sent(5), Taken(5, "Device.LocalAgent.Request.1.")], State.ACCEPTED, False),
    (SIGNED, [Sent(5), Taken(5), Completed()], State.DONE, False),
    (SIGNED, [Sent(5), Completed()], State.DONE, False),
    (SIGNED, [Completed()], State.QUEUED, False),
    (SIGNED, [Sent(5), Taken(5), NotCompleted(7022, "no")], State.FAILED, False),
    (SIGNED, [Sent(5), Taken(5), Booted()], State.DONE, False),
    (SIGNED, [Booted()], State.QUEUED, False),
    # Not now, or never.
    (SIGNED, [Sent(5), Refused(Refusal.BUSY, 5)], State.QUEUED, False),
    (SIGNED, [Sent(5), Refused(Refusal.FULL, 5)], State.QUEUED, False),
    (SIGNED, [Sent(5), Refused(Refusal.SPENT, 5)], State.SENT, False),
    (SIGNED, [Sent(5), Refused(Refusal.STALE, 5)], State.SENT, False),
    (SIGNED, [Sent(5), Refused(Refusal.FINAL, 5)], State.FAILED, False),
    (SIGNED, [Sent(5), Refused(Refusal.FINAL, 4)], State.SENT, False),
    # What the device says it accepted last.
    (SIGNED, [Sent(5), Looked(4)], State.SENT, False),
    (SIGNED, [Sent(5), Looked(5)], State.ACCEPTED, False),
    (SIGNED, [Sent(5), Looked(6)], State.SENT, False),
    (SIGNED, [Sent(5), Looked(None)], State.SENT, False),
    (SIGNED, [Sent(5), Looked(6), OvertakingSent(7), Overtaken(7, 5)], State.ACCEPTED, False),
    (SIGNED, [Sent(5), Looked(6), OvertakingSent(7), Overtaken(7, 4)], State.QUEUED, False),
    (TWICE, [Sent(5), Looked(5)], State.QUEUED, True),
    (TWICE, [Sent(5), Looked(5), CancelAsked()], State.FAILED, True),
    (TWICE, [Sent(5), Looked(5), TimeOver()], State.FAILED, True),
    (TWICE, [Sent(5), Looked(6), OvertakingSent(7), Overtaken(7, 6)], State.QUEUED, True),
    # Called back.
    (SIGNED, [CancelAsked()], State.CANCELLED, False),
    (SIGNED, [Sent(5), CancelAsked()], State.SENT, False),
    (SIGNED, [Sent(5), Refused(Refusal.BUSY, 5), CancelAsked()], State.QUEUED, False),
    (SIGNED, [Sent(5), Refused(Refusal.FULL, 5), CancelAsked()], State.CANCELLED, False),
    (SIGNED, [Sent(5), CancelAsked(), Refused(Refusal.FULL, 5)], State.CANCELLED, False),
    (SIGNED, [Sent(5), CancelAsked(), Answered(5)], State.DONE, True),
    (SIGNED, [Sent(5), CancelAsked(), OvertakingSent(6), Overtaken(6, 4)], State.CANCELLED, False),
    (SIGNED, [Sent(5), CancelAsked(), OvertakingSent(6), Overtaken(6, 5)], State.ACCEPTED, True),
    (TWICE, [Sent(5), CancelAsked(), OvertakingSent(6), Overtaken(6, 5)], State.ACCEPTED, True),
    (SIGNED, [Sent(5), CancelAsked(), OvertakingSent(7), Overtaken(7, 6)], State.FAILED, True),
    (SIGNED, [Sent(5), CancelAsked(), OvertakingSent(6), Overtaken(4, 3)], State.SENT, False),
    (SIGNED, [Sent(5), Taken(5, "R."), CancelAsked()], State.ACCEPTED, True),
    (SIGNED, [Sent(5), Taken(5, "R."), CancelAsked(), STOPPED], State.CANCELLED, False),
    (SIGNED, [Sent(5), Taken(5, "R."), STOPPED], State.FAILED, False),
    # The overtaking fails.
    (
        SIGNED,
        [Sent(5), CancelAsked(), OvertakingSent(6), OvertakingRefused(Refusal.BUSY, 6)],
        State.SENT,
        False,
    ),
    (
        SIGNED,
        [Sent(5), CancelAsked(), OvertakingSent(6), OvertakingRefused(Refusal.STALE, 6)],
        State.SENT,
        False,
    ),
    (
        SIGNED,
        [Sent(5), CancelAsked(), OvertakingSent(6), OvertakingRefused(Refusal.SPENT, 6)],
        State.SENT,
        False,
    ),
    (TWICE, [Sent(5), OvertakingSent(6), OvertakingRefused(Refusal.FINAL, 6)], State.QUEUED, True),
    (
        SIGNED,
        [Sent(5), OvertakingSent(6), OvertakingRefused(Refusal.FINAL, 6)],
        State.FAILED,
        False,
    ),
    # Its time is over.
    (SIGNED, [TimeOver()], State.EXPIRED, False),
    (SIGNED, [Sent(5), TimeOver()], State.SENT, False),
    (SIGNED, [Sent(5), TimeOver(), OvertakingSent(6), Overtaken(6, 0)], State.EXPIRED, False),
    (SIGNED, [Sent(5), OvertakingSent(6), Overtaken(6, 0)], State.QUEUED, False),
    (SIGNED, [Sent(5), Taken(5), TimeOver()], State.FAILED, False),
    # Without a token.
    (PLAIN, [Sent()], State.SENT, False),
    (PLAIN, [Sent(), Answered()], State.DONE, False),
    (PLAIN, [CancelAsked()], State.CANCELLED, False),
    (PLAIN, [Sent(), CancelAsked()], State.SENT, True),
    (PLAIN, [Sent(), TimeOver()], State.FAILED, False),
    (PLAIN, [Sent(), Booted()], State.DONE, False),
    (PLAIN, [Sent(), Refused(Refusal.FULL)], State.QUEUED, True),
    (PLAIN, [Sent(), Refused(Refusal.BUSY), CancelAsked()], State.FAILED, True),
    (PLAIN, [Sent(), CancelAsked(), Refused(Refusal.BUSY)], State.FAILED, True),
    (PLAIN, [Sent(), CancelAsked(), Answered()], State.DONE, True),
    # What has ended stays so.
    (SIGNED, [CancelAsked(), Sent(5), Answered(5)], State.CANCELLED, False),
    (SIGNED, [TimeOver(), CancelAsked()], State.EXPIRED, False),
]


@pytest.mark.parametrize(("command", "events", "state", "past_recall"), CASES)
def test_an_event_makes_of_a_command_what_the_table_says(
    command: Command, events: list[Event], state: State, past_recall: bool
) -> None:
    found = told(command, *events)
    assert (found.state, found.past_recall) == (state, past_recall)


def test_a_failure_says_what_is_not_known() -> None:
    assert told(SIGNED, Sent(5), Taken(5), TimeOver()).error_text == NO_END
    assert told(SIGNED, Sent(5), OvertakingSent(7), Overtaken(7, 6)).error_text == LOST
    assert told(PLAIN, Sent(), TimeOver()).error_text == NO_ANSWER


def test_the_answer_is_kept_and_an_earlier_refusal_is_not() -> None:
    busy = told(SIGNED, Sent(5), Refused(Refusal.BUSY, 5, 7002, "busy: call"))
    assert (busy.error_code, busy.error_text) == (7002, "busy: call")
    done = told(busy, Sent(5), Answered(5, (("Settings", "x"),)))
    assert (done.outputs, done.error_code, done.error_text) == ((("Settings", "x"),), 0, "")


STEPS: list[tuple[Command, bool, bool, Step]] = [
    # Command, its token is good, the device connected anew, what is next.
    (SIGNED, False, False, Step.SEND),
    (told(SIGNED, Sent(5)), True, False, Step.SEND),
    (told(SIGNED, Sent(5)), True, True, Step.LOOK),
    (told(SIGNED, Sent(5), Refused(Refusal.SPENT, 5)), True, False, Step.OVERTAKE),
    (told(SIGNED, Sent(5), Looked(6)), True, False, Step.OVERTAKE),
    (told(SIGNED, Sent(5)), False, False, Step.OVERTAKE),
    (told(SIGNED, Sent(5), CancelAsked()), True, False, Step.OVERTAKE),
    (told(SIGNED, Sent(5), CancelAsked()), True, True, Step.LOOK),
    (told(SIGNED, Sent(5), TimeOver()), True, False, Step.OVERTAKE),
    (told(SIGNED, Sent(5), Refused(Refusal.BUSY, 5)), True, False, Step.SEND),
    (told(SIGNED, Sent(5), Refused(Refusal.BUSY, 5)), False, False, Step.OVERTAKE),
    (told(SIGNED, Sent(5), Refused(Refusal.FULL, 5)), False, False, Step.SEND),
    (told(SIGNED, Sent(5), Taken(5, "R.")), True, True, Step.WAIT),
    (told(SIGNED, Sent(5), Taken(5, "R."), CancelAsked()), True, False, Step.STOP),
    (told(SIGNED, Sent(5), Taken(5), CancelAsked()), True, False, Step.WAIT),
    (told(SIGNED, Sent(5), Answered(5)), True, True, Step.WAIT),
    (told(PLAIN, Sent()), False, True, Step.WAIT),
    (told(PLAIN_TWICE, Sent()), False, True, Step.SEND),
    (told(PLAIN_TWICE, Sent(), CancelAsked()), False, True, Step.WAIT),
    (told(PLAIN_TWICE, Sent(), Refused(Refusal.BUSY), Sent()), False, True, Step.SEND),
    (told(PLAIN, Sent(), CancelAsked(), Taken(0, "R.")), False, False, Step.STOP),
]


@pytest.mark.parametrize(("command", "good", "anew", "step"), STEPS)
def test_what_is_next(command: Command, good: bool, anew: bool, step: Step) -> None:
    assert next_step(command, token_is_good=good, is_new_connection=anew) == step
