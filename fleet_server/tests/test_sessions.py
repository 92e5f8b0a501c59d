"""Sessions whose certificate was revoked: ended once the broker's list has it, and not before."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from fleet_server.services import sessions
from fleet_server.services.last_assignment import revoke_certificates
from fleet_server.services.sessions import Revocations
from fleet_server.tests.databases import Database
from fleet_server.tests.service_desk import STB, VOICE_MODEM
from fleet_server.tests.swap_bench import NEW_MODEM, NEW_STB, SwapBench, prepare_bench

_TURN = timedelta(seconds=5)


class Trial:
    """The turns of a courier: when the list was written, and whose session was ended then."""

    def __init__(self, bench: SwapBench) -> None:
        self.fleet, self.now = bench.fleet, bench.now
        self.written: list[datetime] = []
        self.ended: list[str] = []
        self._revocations = Revocations(bench.fleet, self.written.append, self._end)

    def revoke(self, endpoint_id: str) -> None:
        with self.fleet.writing() as connection:
            revoke_certificates(connection, endpoint_id, self.now)

    def turn(self) -> None:
        self.now += _TURN
        self._revocations.follow(self.now)

    def _end(self, endpoint_id: str) -> None:
        self.ended.append(endpoint_id)
        with self.fleet.writing() as connection:
            sessions.ended(connection, endpoint_id, self.now)


@pytest.fixture
def trial(tmp_path: Path, database: Database) -> Trial:
    return Trial(SwapBench(tmp_path, database.fresh(prepare_bench)))


def test_a_session_is_ended_a_turn_after_the_list_has_its_certificate(trial: Trial) -> None:
    trial.turn()
    trial.revoke(VOICE_MODEM)
    trial.turn()
    assert trial.ended == []
    assert trial.written[-1] == trial.now
    trial.turn()
    trial.turn()
    assert trial.ended == [VOICE_MODEM]
    assert len(trial.written) == 2


def test_certificates_that_are_revoked_all_the_while_hold_no_session_up(trial: Trial) -> None:
    trial.turn()
    for endpoint_id in (VOICE_MODEM, NEW_MODEM, STB, NEW_STB):
        trial.revoke(endpoint_id)
        trial.turn()
    assert trial.ended == [VOICE_MODEM, NEW_MODEM, STB]
    assert len(trial.written) == 5
