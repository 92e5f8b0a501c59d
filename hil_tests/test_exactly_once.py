"""Every event that a board recorded is stored once, whoever is killed meanwhile.

The slice that always runs is short; the campaign of 30 runs over 200 events each is `make soak`.
"""

from pathlib import Path

import pytest

from hil_tests.kill_campaign import FAILPOINTS, KillCampaign, find_faults

_RUNS = 30


def test_a_gap_and_a_second_copy_are_faults() -> None:
    assert find_faults([("0a", 1), ("0a", 2)]) == []
    assert find_faults([("0a", 1), ("0a", 3), ("0a", 3)]) == ["0a-3 2 times", "0a-2 is missing"]
    assert find_faults([("0a", 1), ("0b", 1)]) == ["journal epoch 0b as well"]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("failpoint", ["", "after_commit"])
def test_a_short_campaign_loses_and_doubles_nothing(tmp_path: Path, failpoint: str) -> None:
    outcome = KillCampaign(tmp_path / "state", seed=1, events=30, failpoint=failpoint).run()
    assert outcome.faults == [], outcome
    assert outcome.events >= 30
    assert not failpoint or outcome.kills["failpoint"] > 0, outcome


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(_RUNS))
def test_a_long_campaign_loses_and_doubles_nothing(
    tmp_path: Path, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every second run has a failpoint beside the random kills, each in its turn."""
    failpoint = FAILPOINTS[seed // 2 % len(FAILPOINTS)] if seed % 2 else ""
    outcome = KillCampaign(tmp_path / "state", seed, events=200, failpoint=failpoint).run()
    with capsys.disabled():
        print(f"\n{outcome}", end=" ")  # noqa: T201 - the record of the campaign
    assert outcome.faults == []
    assert outcome.events >= 200
