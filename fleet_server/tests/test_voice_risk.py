"""What can be said of a telephone line: a table by hand from articles 7.3.7 and 11.3."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fleet_server.domain.voice_risk import LineEvidence, battery_minutes_left, judge

HELD = datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
SEEN = datetime(2027, 3, 4, 11, 59, tzinfo=UTC)
TURNED = datetime(2027, 3, 4, 12, 1, tzinfo=UTC)
SAID = datetime(2027, 3, 4, 12, 5, tzinfo=UTC)
SINCE = datetime(2027, 3, 4, 12, 4, 30, tzinfo=UTC)

# presence, its evidence, reachable, reason; verdict, why, since
TABLE = [
    ("", "", "", "", "unknown", "NeverSeen", HELD),
    ("online", "connect", "", "", "unknown", "NotReported", TURNED),
    ("online", "connect", "true", "", "ready", "", SINCE),
    ("online", "connect", "false", "NotRegistered", "no", "NotRegistered", SINCE),
    ("online", "connect", "false", "NoNetwork", "no", "NoNetwork", SINCE),
    ("online", "connect", "unknown", "MainsLost", "unknown", "MainsLost", SINCE),
    ("online", "connect", "perhaps", "x", "unknown", "NotReported", TURNED),
    ("offline", "power_loss", "true", "", "no", "PowerLost", TURNED),
    ("offline", "will", "true", "", "unknown", "Silent", SEEN),
    ("offline", "disconnect", "true", "", "unknown", "Silent", SEEN),
    ("suspect", "missed_periodic", "true", "", "unknown", "Silent", SEEN),
    ("suspect", "missed_periodic", "false", "NoNetwork", "unknown", "Silent", SEEN),
]


@pytest.mark.parametrize(
    ("presence", "evidence", "reachable", "reason", "reach", "why", "since"), TABLE
)
def test_a_line_is_ready_only_when_it_says_so_now(
    presence: str,
    evidence: str,
    reachable: str,
    reason: str,
    reach: str,
    why: str,
    since: datetime,
) -> None:
    found = judge(
        LineEvidence(
            held_since_at=HELD,
            presence=presence,
            presence_evidence=evidence,
            presence_since_at=TURNED if presence else None,
            seen_at=SEEN,
            reachable=reachable,
            reason=reason,
            line_since_at=SINCE,
            said_at=SAID,
        )
    )
    assert (found.reach, found.reason, found.since_at) == (reach, why, since)
    assert found.at_risk is (reach != "ready")


def test_a_line_without_a_date_of_its_own_counts_from_the_report() -> None:
    line = LineEvidence(HELD, "online", "connect", TURNED, SEEN, "false", "LineError", None, SAID)
    assert judge(line).since_at == SAID


@pytest.mark.parametrize(
    ("reported_s", "minutes_ago", "left"),
    [(3600, 0, 60), (3600, 25, 35), (3600, 90, 0), (59, 0, 0), (3600, -5, 60)],
)
def test_battery_minutes_run_down_since_they_were_reported(
    reported_s: int, minutes_ago: int, left: int
) -> None:
    now = SAID + timedelta(minutes=minutes_ago)
    assert battery_minutes_left(reported_s, SAID, now) == left


def test_a_battery_nobody_reported_is_not_invented() -> None:
    assert battery_minutes_left(None, SAID, SAID) is None
    assert battery_minutes_left(3600, None, SAID) is None
