"""A slice of the swap campaign: whole agents in one process, the real broker and server."""

from pathlib import Path

import pytest

from hil_tests.fleet_simulator.household import SHARES, Fault, faults_of
from hil_tests.fleet_simulator.process import FleetProcess
from hil_tests.instance import Instance

_AGENTS, _SPARES = 16, 14
_KINDS = [Fault.UNPLUGGED, Fault.OLD_CUT, Fault.NEW_CUT, Fault.ABSENT]  # none takes minutes


def test_a_seed_always_draws_the_same_faults_each_at_one_home_at_least() -> None:
    drawn = faults_of(7, 40, list(SHARES))
    assert drawn == faults_of(7, 40, list(SHARES))
    assert drawn != faults_of(8, 40, list(SHARES))
    assert set(drawn) == {Fault.NONE, *SHARES}
    with pytest.raises(ValueError, match="6 faults need more than 5 homes"):
        faults_of(7, 5, list(SHARES))


@pytest.mark.timeout(300)
def test_a_campaign_replaces_units_by_post_whatever_goes_wrong_at_home(tmp_path: Path) -> None:
    instance = Instance(tmp_path / "state", [])
    try:
        instance.start_processes()
        with FleetProcess(instance.state, _AGENTS, spares=_SPARES, poll_ms=1000) as fleet:
            fleet.tell("on", within_s=1)
            fleet.tell("online")
            outcome = fleet.tell("swap", faults=_KINDS, within_s=3)
            assert outcome["wrong"] == []
            assert outcome["phases"] == {"done": _SPARES - 1, "rolled_back": 1}
            assert outcome["asked"] == []
            fleet.tell("confirmed")
            assert fleet.tell("check")["wrong"] == []
            assert fleet.tell("figures")["faults"] == []
    finally:
        instance.stop()
