"""What is given back for an interruption of at least a day [5.4], with its proof line by line.

- For each service on its own. An outage is a run of stretches without service; a return to service
  shorter than the policy's minutes does not split it, and is itself no interruption.
- The operator-side time of the outage is added up. Whole periods of 24 elapsed hours count,
  whatever the civil clock does meanwhile; the remainder is shown.
- What is not the operator's is proposed as not counting, with its reason, and counts as *to decide*
  until a person has confirmed or refused it. What is still to decide gives no credit and takes
  none away: `days_at_most` says what it would come to if all of it counted.

Times are milliseconds since 1970, UTC; a stretch holds its start and not its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from fleet_server.domain.causes import Cause
from fleet_server.domain.errors import InvalidError
from fleet_server.domain.liability import Liability, Proposal
from fleet_server.domain.policy import Policy

_HOUR_MS = 3_600_000
_MINUTE_MS = 60_000


class InvalidDecisionError(InvalidError):
    """Liability and counting do not go together."""


class Standing(StrEnum):
    """Whether a stretch counts: decided or evident, decided not to, or for a person to say."""

    COUNTS = "counts"
    EXCLUDED = "excluded"
    TO_CONFIRM = "to_confirm"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's word on a stretch. Raises InvalidDecisionError for what makes no sense.

    What the operator answers for counts, but for announced work, which a person may exclude;
    what another answers for does not count.
    """

    cause: Cause
    liability: Liability
    counts: bool

    def __post_init__(self) -> None:
        if self.liability == Liability.UNDECIDED:
            raise InvalidDecisionError("A decision names who answers.")
        if self.liability != Liability.OPERATOR and self.counts:
            raise InvalidDecisionError("Only time that the operator answers for counts [5.4].")
        excluded = self.liability == Liability.OPERATOR and not self.counts
        if excluded and self.cause != Cause.MAINTENANCE:
            raise InvalidDecisionError("What the operator answers for counts [5.4].")


@dataclass(frozen=True, slots=True)
class Stretch:
    """Time without service that has one cause; `evidence` names what shows it."""

    start_ms: int
    end_ms: int
    cause: Cause
    proposal: Proposal
    decision: Decision | None = None
    evidence: frozenset[str] = frozenset()

    @property
    def length_ms(self) -> int:
        return self.end_ms - self.start_ms


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the proof."""

    stretch: Stretch
    liability: Liability
    standing: Standing


@dataclass(frozen=True, slots=True)
class Credit:
    """What one outage of one service comes to.

    `open_`: it lasts, and is reckoned up to its last stretch's end. `credit_days` are what is
    given back for the `days` that count; `remainder_ms` of the counted time makes no whole day.
    """

    lines: tuple[Line, ...]
    open_: bool
    day_ms: int
    days_per_day: int

    @property
    def start_ms(self) -> int:
        return self.lines[0].stretch.start_ms

    @property
    def end_ms(self) -> int:
        return self.lines[-1].stretch.end_ms

    def length_ms(self, *standings: Standing) -> int:
        """The time of the lines that stand so."""
        return sum(line.stretch.length_ms for line in self.lines if line.standing in standings)

    @property
    def counted_ms(self) -> int:
        return self.length_ms(Standing.COUNTS)

    @property
    def to_decide_ms(self) -> int:
        return self.length_ms(Standing.TO_CONFIRM, Standing.UNDECIDED)

    @property
    def excluded_ms(self) -> int:
        return self.length_ms(Standing.EXCLUDED)

    @property
    def days(self) -> int:
        return self.counted_ms // self.day_ms

    @property
    def days_at_most(self) -> int:
        return (self.counted_ms + self.to_decide_ms) // self.day_ms

    @property
    def credit_days(self) -> int:
        return self.days * self.days_per_day

    @property
    def remainder_ms(self) -> int:
        return self.counted_ms % self.day_ms

    @property
    def next_day_ms(self) -> int | None:
        """When one more day may count if it goes on as it is; None once it has ended."""
        if not self.open_:
            return None
        return self.end_ms + self.day_ms - (self.counted_ms + self.to_decide_ms) % self.day_ms


def outages(stretches: Iterable[Stretch], policy: Policy) -> list[list[Stretch]]:
    """The stretches of one service by outage, the oldest first, in whatever order they come."""
    join_ms = policy.credit_join_minutes * _MINUTE_MS
    found: list[list[Stretch]] = []
    for stretch in sorted(set(stretches), key=lambda one: (one.start_ms, one.end_ms)):
        if found and stretch.start_ms - found[-1][-1].end_ms < max(join_ms, 1):
            found[-1].append(stretch)
        else:
            found.append([stretch])
    return found


def assess(stretches: Sequence[Stretch], policy: Policy, open_: bool = False) -> Credit:
    """The credit of one outage; its stretches in order, without overlap. Raises ValueError."""
    if not stretches:
        raise ValueError("an outage has at least one stretch")
    for before, after in pairwise(stretches):
        if after.start_ms < before.end_ms:
            raise ValueError("a service has one cause at a time")
    return Credit(
        lines=tuple(_line(stretch) for stretch in stretches),
        open_=open_,
        day_ms=policy.credit_day_hours * _HOUR_MS,
        days_per_day=policy.credit_days_per_day,
    )


def _line(stretch: Stretch) -> Line:
    decision, proposal = stretch.decision, stretch.proposal
    if decision is not None:
        standing = Standing.COUNTS if decision.counts else Standing.EXCLUDED
        return Line(stretch, decision.liability, standing)
    if proposal.liability == Liability.UNDECIDED:
        return Line(stretch, proposal.liability, Standing.UNDECIDED)
    standing = Standing.TO_CONFIRM if proposal.excludes else Standing.COUNTS
    return Line(stretch, proposal.liability, standing)
