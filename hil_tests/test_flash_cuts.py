"""Every single cut of agent/tests/cut_campaign.py, on both Pythons."""

import pytest

from benchmarks import journal_cuts


@pytest.mark.soak
def test_nothing_is_lost_whatever_single_operation_the_power_cuts() -> None:
    points, violations = journal_cuts.measure()
    assert violations.value == 0
    assert points.value > 5000
