"""Hypothesis against the real queue, dispatcher and database: any order of what may happen."""

from __future__ import annotations

import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Engine, event, select

from fleet_server.adapters.database import open_database
from fleet_server.adapters.migration import migrate
from fleet_server.domain.command import ENDED, State
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services import commands
from fleet_server.services import tables as t
from fleet_server.tests.command_bench import BOX, NOON, STATE, Desk, Device

_MOST = 4
_LONGEST_TIMES = (1, 20, 400, 4000)
_PING = "Device.IP.Diagnostics.IPPing()"


class _Template:
    """One migrated database, copied for each run."""

    data = b""

    @classmethod
    def copy(cls, folder: Path) -> Engine:
        path = folder / "fleet.db"
        if not cls.data:
            engine = open_database(f"sqlite:///{path}")
            migrate(engine)
            engine.dispose()
            cls.data = path.read_bytes()
        path.write_bytes(cls.data)
        engine = open_database(f"sqlite:///{path}")
        event.listen(engine, "connect", _without_waiting_for_the_disk)
        return engine


def _without_waiting_for_the_disk(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous=OFF")


class CommandMachine(RuleBasedStateMachine):
    """One device, up to four commands, a network that loses, doubles and reorders.

    `asked_about`: the number of the last command that the device was asked about.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.desk = Desk(_Template.copy(Path(self.folder.name)))
        self.device = Device()
        self.online = False
        self.repeatable: dict[str, bool] = {}
        self.asked_about = 0
        self.requests: list[usp.Msg] = []
        self.answers: list[usp.Msg] = []

    def teardown(self) -> None:
        self.desk.engine.dispose()
        self.folder.cleanup()

    @initialize()
    def connect_first(self) -> None:
        self.turn_connection()

    @precondition(lambda self: len(self.repeatable) < _MOST)
    @rule(repeatable=st.booleans(), has_token=st.booleans())
    def queue(self, repeatable: bool, has_token: bool) -> None:
        """Nothing keeps what the network doubles from running twice without a token."""
        key = f"c-{len(self.repeatable)}"
        self.repeatable[key] = repeatable or not has_token
        self.desk.queue(key, BOX, STATE if has_token else _PING, repeatable=repeatable)

    @precondition(lambda self: self.repeatable)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.repeatable)))
        if self.desk.read(key).state not in ENDED:
            self.desk.cancel(key)

    @rule()
    def turn_connection(self) -> None:
        self.online = not self.online
        self.desk.connect(BOX, "online" if self.online else "offline")

    @rule(take=st.booleans())
    def turn(self, take: bool) -> None:
        """The dispatcher works; the answers that arrived are among it, or are lost."""
        answers = [(BOX, one) for one in self.answers] if take else []
        self.answers = []
        asked = self.desk.turn(*answers)
        self.requests += asked
        for message in asked:
            number = int(message.header.msg_id.split(".")[1])
            assert number >= self.asked_about, "asked about what a later one has passed"
            self.asked_about = number

    @precondition(lambda self: self.requests and self.online)
    @rule(data=st.data(), again=st.booleans())
    def deliver(self, data: st.DataObject, again: bool) -> None:
        index = data.draw(st.integers(0, len(self.requests) - 1))
        message = self.requests[index] if again else self.requests.pop(index)
        self.answers.insert(0, self.device.answer(message))

    @rule(seconds=st.sampled_from(_LONGEST_TIMES))
    def later(self, seconds: int) -> None:
        self.desk.later(seconds=seconds)

    @rule(failure=st.sampled_from([None, (7002, "busy: call"), (7005, "full")]))
    def mood(self, failure: tuple[int, str] | None) -> None:
        self.device.fails = failure

    @rule()
    def somebody_elses_command(self) -> None:
        with self.desk.engine.begin() as connection:
            counter = self.desk.next_counter(connection)
        self.device.accepted = self.device.effective = counter

    @rule()
    def all_works(self) -> None:
        """With no more faults every command comes to an end that is known."""
        self.device.fails = None
        if not self.online:
            self.turn_connection()
        self.desk.later(seconds=int(timedelta(hours=1).total_seconds()))
        for _ in range(8):
            self.desk.run(self.device)
            self.desk.later(minutes=20)
        assert all(self.desk.read(key).has_ended for key in self.repeatable)

    @invariant()
    def tells_the_truth(self) -> None:
        ran = Counter(self.device.ran)
        for key, repeatable in self.repeatable.items():
            found = self.desk.read(key)
            assert repeatable or ran[key] <= 1, f"{key} ran {ran[key]} times"
            if found.state in (State.CANCELLED, State.EXPIRED):
                assert not ran[key], f"{key} is {found.state} and ran"
            if found.state is State.DONE:
                assert ran[key], f"{key} is done and did not run"

    @invariant()
    def adds_up(self) -> None:
        with self.desk.engine.begin() as connection:
            rows = connection.execute(select(t.command.c.state, t.command.c.signed)).all()
            counted = Counter(row.state for row in rows)
            assert commands.counts(connection) == {state: counted[state] for state in State}
        assert sum(row.signed and row.state == State.SENT for row in rows) <= 1
        assert self.desk.now >= NOON


CommandMachine.TestCase.settings = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestCommandMachine = CommandMachine.TestCase
