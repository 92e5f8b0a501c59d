"""One command to one device: what is known of it, and what an event makes of that.

1. A command that can harm carries a token with a counter; the device accepts a counter once, and
   keeps it before it runs the command. Sending the same token again can run nothing twice.
2. A token is given up for a new one, and a command called cancelled or expired, only when it is
   known that the device did not accept the token and never will: the overtaking was accepted, a
   command without effect with a higher counter, and its answer names a lower one as the last that
   had an effect.
3. What the device accepted and never answered is unknown. A command that may run twice
   (`repeatable`) is then sent anew; any other one waits for its OperationComplete or Boot!, and
   fails as unknown when its time is over.
4. A command without a token (a vendor's device, or one that cannot harm) is sent once, or until it
   is answered when it may run twice; not after a later one (services/command_passing.py). Once it
   left, nothing calls it back; it is only not sent again.
5. A state is never ahead of the truth: SENT is stored before the message leaves; accepted, done and
   failed are what the device said; cancelled and expired mean that it never runs.

Source: docs/developer/commands.md; TR-369, "Operate Message" R-OPR.0 to R-OPR.7.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

Outputs = tuple[tuple[str, str], ...]

NO_ANSWER = "no answer in time: not known whether the device carried it out"
NO_END = "the device accepted it and did not say in time how it ended"
LOST = "its answer is lost: not known whether the device carried it out"


class State(StrEnum):
    """SENT: it may have left, and the device has not said anything of it."""

    QUEUED = "queued"
    SENT = "sent"
    ACCEPTED = "accepted"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"


ENDED = frozenset((State.DONE, State.FAILED, State.EXPIRED, State.CANCELLED))
UNDER_WAY = frozenset((State.SENT, State.ACCEPTED))


class Refusal(StrEnum):
    """Why a device did not do it; `services/command_answers.py` reads it from the answer."""

    BUSY = "busy"  # not now; the token is as good as before
    FULL = "full"  # not now; the token is used up
    SPENT = "spent"  # this counter, or a higher one, was accepted before
    STALE = "stale"  # the token's time is over
    FINAL = "final"  # it failed, or never will be done


class Step(StrEnum):
    """What the server does next about a command, as soon as the device is connected."""

    WAIT = "wait"
    SEND = "send"
    LOOK = "look"  # ask which counter the device accepted last
    OVERTAKE = "overtake"
    STOP = "stop"  # Cancel() of the Request that carries it out


@dataclass(frozen=True, slots=True)
class Command:
    """`counter` is that of the token that is out, 0 while none is; `overtaking` likewise.

    `cancelling`: a person wants it cancelled; `past_recall`: that is too late or not possible, for
    the device did it, or may have done it, at least once. `spent`: the device refused the token as
    used.
    """

    signed: bool
    repeatable: bool = False
    state: State = State.QUEUED
    counter: int = 0
    overtaking: int = 0
    spent: bool = False
    cancelling: bool = False
    time_over: bool = False
    past_recall: bool = False
    request_path: str = ""
    outputs: Outputs = ()
    error_code: int = 0
    error_text: str = ""

    @property
    def has_ended(self) -> bool:
        return self.state in ENDED

    @property
    def is_out(self) -> bool:
        """Whether a message is out that the device may still accept."""
        return self.state is State.SENT or (self.state is State.QUEUED and self.counter > 0)


@dataclass(frozen=True, slots=True)
class Sent:
    """The message leaves next, with this token; the same one again, or none (0)."""

    counter: int = 0


@dataclass(frozen=True, slots=True)
class OvertakingSent:
    counter: int


@dataclass(frozen=True, slots=True)
class Answered:
    """The device did it."""

    counter: int = 0
    outputs: Outputs = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """The device has begun; `request_path` names the Request, "" where there is none."""

    counter: int = 0
    request_path: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    refusal: Refusal
    counter: int = 0
    code: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Completed:
    """OperationComplete with this CommandKey."""

    outputs: Outputs = ()


@dataclass(frozen=True, slots=True)
class NotCompleted:
    """OperationComplete with a failure; `stopped`: because it was cancelled on the device."""

    code: int
    text: str
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Booted:
    """Boot! with this CommandKey: the device started because of this command."""


@dataclass(frozen=True, slots=True)
class Looked:
    """The last counter the device accepted, an overtaking's too; None: it does not tell."""

    counter: int | None


@dataclass(frozen=True, slots=True)
class Overtaken:
    """The overtaking with `counter` was accepted; `last` is the last one that had an effect."""

    counter: int
    last: int


@dataclass(frozen=True, slots=True)
class OvertakingRefused:
    refusal: Refusal
    counter: int


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """A person, or what queued it, wants it not to run."""


@dataclass(frozen=True, slots=True)
class TimeOver:
    """The moment until which it may be carried out has passed."""


Event = (
    Sent
    | OvertakingSent
    | Answered
    | Taken
    | Refused
    | Completed
    | NotCompleted
    | Booted
    | Looked
    | Overtaken
    | OvertakingRefused
    | CancelAsked
    | TimeOver
)


def after(command: Command, event: Event) -> Command:
    """The command once an event is known; one that says nothing of it changes nothing."""
    if command.has_ended:
        return command
    rule: Callable[[Command, Any], Command] = _RULES[type(event)]
    return rule(command, event)


def next_step(command: Command, *, token_is_good: bool, is_new_connection: bool) -> Step:
    """What to do about a command whose device is connected.

    `token_is_good`: the token that is out has not expired; `is_new_connection`: the device has
    connected again since anything was last sent to it.
    """
    if command.has_ended:
        return Step.WAIT
    if command.state is State.ACCEPTED:
        return Step.STOP if command.cancelling and command.request_path else Step.WAIT
    if not command.is_out:
        return Step.SEND
    if not command.signed:
        return Step.SEND if command.repeatable and not command.cancelling else Step.WAIT
    if is_new_connection:
        return Step.LOOK
    must_settle = command.cancelling or command.time_over or command.spent or not token_is_good
    return Step.OVERTAKE if must_settle else Step.SEND


def _sent(command: Command, event: Sent) -> Command:
    return replace(command, state=State.SENT, counter=event.counter)


def _overtaking_sent(command: Command, event: OvertakingSent) -> Command:
    return replace(command, overtaking=event.counter)


def _answered(command: Command, event: Answered) -> Command:
    if event.counter != command.counter or not _has_left(command):
        return command
    return _ended(command, State.DONE, outputs=event.outputs)


def _taken(command: Command, event: Taken) -> Command:
    if event.counter != command.counter or not _has_left(command):
        return command
    return replace(_accepted(command), request_path=event.request_path)


def _refused(command: Command, event: Refused) -> Command:
    if event.counter != command.counter or not command.is_out:
        return command
    told = replace(command, error_code=event.code, error_text=event.text)
    match event.refusal:
        case Refusal.BUSY | Refusal.FULL if not command.signed and command.cancelling:
            return _ended(told, State.FAILED, event.code, event.text)  # it is not sent again
        case Refusal.BUSY | Refusal.FULL if not command.signed:
            return replace(told, state=State.QUEUED, past_recall=True)  # another copy may run
        case Refusal.BUSY:
            return replace(told, state=State.QUEUED)
        case Refusal.FULL:
            return _did_not_run(told)
        case Refusal.SPENT:
            return replace(command, spent=True)
        case Refusal.STALE:
            return told
        case Refusal.FINAL:
            return _ended(told, State.FAILED, event.code, event.text)


def _completed(command: Command, event: Completed) -> Command:
    return _ended(command, State.DONE, outputs=event.outputs) if _has_left(command) else command


def _not_completed(command: Command, event: NotCompleted) -> Command:
    if not _has_left(command):
        return command
    if event.stopped and command.cancelling:
        return _ended(command, State.CANCELLED, event.code, event.text)
    return _ended(command, State.FAILED, event.code, event.text)


def _booted(command: Command, _event: Booted) -> Command:
    return _ended(command, State.DONE) if _has_left(command) else command


def _looked(command: Command, event: Looked) -> Command:
    if not command.is_out or not command.signed or event.counter is None:
        return command
    if event.counter == command.counter:
        return _unheard(command)
    return replace(command, spent=command.spent or event.counter > command.counter)


def _overtaken(command: Command, event: Overtaken) -> Command:
    if event.counter != command.overtaking or not command.is_out:
        return command
    if event.last < command.counter:
        return _did_not_run(command)
    return _unheard(command) if event.last == command.counter else _lost(command)


def _overtaking_refused(command: Command, event: OvertakingRefused) -> Command:
    if event.counter != command.overtaking or not command.is_out:
        return command
    if event.refusal is Refusal.BUSY:
        return command
    if event.refusal is not Refusal.FINAL:
        return replace(command, overtaking=0)
    return _lost(command)


def _cancel_asked(command: Command, _event: CancelAsked) -> Command:
    if command.state is State.ACCEPTED:
        return replace(command, cancelling=True, past_recall=True)
    if not command.is_out:
        return _given_up(command, State.CANCELLED)
    return replace(command, cancelling=True, past_recall=command.past_recall or not command.signed)


def _time_over(command: Command, _event: TimeOver) -> Command:
    if command.state is State.ACCEPTED:
        return _ended(command, State.FAILED, text=NO_END)
    if not command.is_out:
        return _given_up(command, State.EXPIRED)
    if not command.signed:
        return _ended(command, State.FAILED, text=NO_ANSWER)
    return replace(command, time_over=True)


def _has_left(command: Command) -> bool:
    return command.is_out or command.state is State.ACCEPTED


def _may_go_anew(command: Command) -> bool:
    return command.repeatable and not command.cancelling and not command.time_over


def _anew(command: Command) -> Command:
    return replace(command, state=State.QUEUED, counter=0, overtaking=0, spent=False)


def _did_not_run(command: Command) -> Command:
    """The token that was out is worth nothing any more."""
    if command.cancelling:
        return _given_up(command, State.CANCELLED)
    if command.time_over:
        return _given_up(command, State.EXPIRED)
    return _anew(command)


def _given_up(command: Command, state: State) -> Command:
    """Nothing of it is out any more."""
    if command.past_recall:
        return _ended(command, State.FAILED, text=LOST)
    return _ended(command, state)


def _unheard(command: Command) -> Command:
    """The device accepted it; what it answered is lost."""
    if _may_go_anew(command):
        return replace(_anew(command), past_recall=True)
    return _accepted(command)


def _lost(command: Command) -> Command:
    """The token is worth nothing any more; whether it was accepted before is not known."""
    if _may_go_anew(command):
        return replace(_anew(command), past_recall=True)
    return _ended(command, State.FAILED, text=LOST)


def _accepted(command: Command) -> Command:
    past_recall = command.past_recall or command.cancelling
    return replace(
        command, state=State.ACCEPTED, overtaking=0, spent=False, past_recall=past_recall
    )


def _ended(
    command: Command, state: State, code: int = 0, text: str = "", outputs: Outputs = ()
) -> Command:
    past_recall = command.past_recall or command.cancelling
    return replace(
        command,
        state=state,
        past_recall=past_recall and state is not State.CANCELLED,
        error_code=code,
        error_text=text,
        outputs=outputs,
    )


_RULES: dict[type[Any], Callable[[Command, Any], Command]] = {
    Sent: _sent,
    OvertakingSent: _overtaking_sent,
    Answered: _answered,
    Taken: _taken,
    Refused: _refused,
    Completed: _completed,
    NotCompleted: _not_completed,
    Booted: _booted,
    Looked: _looked,
    Overtaken: _overtaken,
    OvertakingRefused: _overtaking_refused,
    CancelAsked: _cancel_asked,
    TimeOver: _time_over,
}
