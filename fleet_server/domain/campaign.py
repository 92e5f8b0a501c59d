"""Campaigns: one action for many units, in waves, stopped by a person or by its own failures.

A campaign is a draft until its units were planned (the dry run: who is in which wave, who is left
out and why), planned until another person approved exactly that plan, approved until it is started.
Running it acts on units; paused it begins nothing new and cuts no customer, what is under way goes
on. Aborting it stops at once whatever was not sent, and takes back what can be; it is aborted when
the last has ended.

An item is one unit in one campaign. It is acted on at most once: it leaves WAITING or DEFERRED to
be STARTED in the transaction that orders the action, and never comes back. An action that the
registry refuses is not tried again: it counts as failed, so that a campaign of such units stops. So
does one whose unit never said what became of it: nobody waits for that unit for ever.

| item | |
|---|---|
| excluded | left out, with the reason |
| waiting | its turn has not come |
| deferred | its turn came, but not now: offline, no stock, visit on a later day, notice runs |
| started, running | the action is ordered (a visit: until the technician begins), is under way |
| running, failing | it goes back, or needs a person: it counts as failed before it has ended |
| done, failed | how the action ended; failed too, where it could not be ordered |
| stopped | by the abort, or the end of the campaign, before the action did anything |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from fleet_server.domain.errors import ConflictError


class CampaignStateError(ConflictError):
    """The campaign is not in a state in which this can be done."""


class State(StrEnum):
    DRAFT = "draft"
    PLANNED = "planned"
    APPROVED = "approved"
    RUNNING = "running"
    PAUSED = "paused"
    ABORTING = "aborting"
    ABORTED = "aborted"
    FINISHED = "finished"


class Act(StrEnum):
    """What is done to a campaign; the last two are the engine's."""

    CHANGE = "change"
    PLAN = "plan"
    APPROVE = "approve"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    END_ABORT = "end_abort"
    FINISH = "finish"


_S, _A = State, Act
_NEXT: Mapping[tuple[State, Act], State] = {
    (_S.DRAFT, _A.CHANGE): _S.DRAFT,
    (_S.PLANNED, _A.CHANGE): _S.DRAFT,
    (_S.APPROVED, _A.CHANGE): _S.DRAFT,
    (_S.DRAFT, _A.PLAN): _S.PLANNED,
    (_S.PLANNED, _A.PLAN): _S.PLANNED,
    (_S.PLANNED, _A.APPROVE): _S.APPROVED,
    (_S.APPROVED, _A.START): _S.RUNNING,
    (_S.RUNNING, _A.PAUSE): _S.PAUSED,
    (_S.PAUSED, _A.RESUME): _S.RUNNING,
    (_S.DRAFT, _A.ABORT): _S.ABORTED,
    (_S.PLANNED, _A.ABORT): _S.ABORTED,
    (_S.APPROVED, _A.ABORT): _S.ABORTED,
    (_S.RUNNING, _A.ABORT): _S.ABORTING,
    (_S.PAUSED, _A.ABORT): _S.ABORTING,
    (_S.ABORTING, _A.END_ABORT): _S.ABORTED,
    (_S.RUNNING, _A.FINISH): _S.FINISHED,
}
# A unit may be in one campaign of these states at a time.
CLAIMING = (State.APPROVED, State.RUNNING, State.PAUSED, State.ABORTING)
WORKED_ON = (State.RUNNING, State.PAUSED, State.ABORTING)
# What one may do instead; words for people.
ADVICE: Mapping[State, str] = {
    _S.DRAFT: "plan it first",
    _S.PLANNED: "have another person approve it",
    _S.APPROVED: "start it",
    _S.RUNNING: "pause or abort it",
    _S.PAUSED: "resume or abort it",
    _S.ABORTING: "wait until what is under way has ended",
    _S.ABORTED: "make another campaign",
    _S.FINISHED: "make another campaign",
}


def next_state(state: State, act: Act) -> State:
    """Raises CampaignStateError, which says what is possible."""
    found = _NEXT.get((state, act))
    if found is None:
        raise CampaignStateError(
            "The campaign is %(campaign_state)s: %(advice)s.",
            campaign_state=state,
            advice=ADVICE[state],
        )
    return found


class ItemState(StrEnum):
    EXCLUDED = "excluded"
    WAITING = "waiting"
    DEFERRED = "deferred"
    STARTED = "started"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


_I = ItemState
NOT_BEGUN = (_I.WAITING, _I.DEFERRED)
UNDER_WAY = (_I.STARTED, _I.RUNNING)
OPEN = NOT_BEGUN + UNDER_WAY
ENDED = (_I.DONE, _I.FAILED, _I.STOPPED)
_ITEM_STEPS: Mapping[ItemState, frozenset[ItemState]] = {
    _I.EXCLUDED: frozenset(),
    _I.WAITING: frozenset({_I.DEFERRED, _I.STARTED, _I.FAILED, _I.STOPPED, _I.EXCLUDED}),
    _I.DEFERRED: frozenset({_I.DEFERRED, _I.STARTED, _I.FAILED, _I.STOPPED, _I.EXCLUDED}),
    _I.STARTED: frozenset({_I.RUNNING, _I.DONE, _I.FAILED, _I.STOPPED}),
    _I.RUNNING: frozenset({_I.RUNNING, _I.DONE, _I.FAILED, _I.STOPPED}),
    _I.DONE: frozenset(),
    _I.FAILED: frozenset(),
    _I.STOPPED: frozenset(),
}


def may_become(before: ItemState, after: ItemState) -> bool:
    return after in _ITEM_STEPS[before]


class Why(StrEnum):
    """Why an item is where it is; NONE where there is nothing to say."""

    NONE = ""
    # excluded, in the order in which they are told: the first that holds
    LAB_BOARD = "lab_board"
    BLACKLISTED = "blacklisted"
    GONE = "gone"
    NO_ENDPOINT = "no_endpoint"
    NOT_IN_SERVICE = "not_in_service"
    EMERGENCY_SITE = "emergency_site"
    SUSPENDED = "suspended"
    IN_CAMPAIGN = "in_campaign"
    ON_SWAP = "on_swap"
    NO_CONTACT = "no_contact"
    NO_NOTICE = "no_notice"
    # deferred
    OFFLINE = "offline"
    NO_STOCK = "no_stock"
    VISIT = "visit"
    NOTICE_RUNS = "notice_runs"
    # started
    TECHNICIAN = "technician"
    # running
    FAILING = "failing"
    # failed
    REFUSED = "refused"
    FAILED = "failed"
    EXPIRED = "expired"
    NO_ANSWER = "no_answer"
    ROLLED_BACK = "rolled_back"
    # stopped
    ABORTED = "aborted"
    CANCELLED = "cancelled"
    OVER = "over"


# What the author of a campaign may let in all the same, by name, for the approver to see.
ADMISSIBLE = (Why.SUSPENDED, Why.NO_CONTACT, Why.EMERGENCY_SITE)


class Pause(StrEnum):
    """Why a campaign stands still, or is aborted."""

    PERSON = "person"
    FAILURES = "failures"
    WAVE_MISSED = "wave_missed"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many items are in each wave and state; what moves leaves one place for another."""

    counts: Mapping[tuple[int, ItemState], int]

    def moved(self, wave: int, before: ItemState, after: ItemState, units: int = 1) -> Tally:
        """Raises ValueError for a step that is none, or of more items than are there."""
        if not may_become(before, after) or self.of(wave, before) < units:
            raise ValueError(f"{units} items of wave {wave} from {before} to {after}")
        counts = dict(self.counts)
        counts[wave, before] = counts.get((wave, before), 0) - units
        counts[wave, after] = counts.get((wave, after), 0) + units
        return Tally(MappingProxyType(counts))

    def of(self, wave: int, *states: ItemState) -> int:
        return sum(self.counts.get((wave, state), 0) for state in states)

    def all(self, *states: ItemState) -> int:
        """Over all waves; without states, every item there is."""
        return sum(
            units for (_, state), units in self.counts.items() if not states or state in states
        )
