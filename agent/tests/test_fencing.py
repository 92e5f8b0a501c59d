"""The end of a fenced unit: when it goes, and what it leaves."""

import asyncio

from agent.core import fencing
from agent.core.enrolment import packed
from agent.core.provisioning import BLANK, PROVISIONED, Provisioning
from agent.errors import StorageError
from agent.tests.fakes import FakeBoard, FakeCustomer, Restarted
from agent.tests.usp_bench import Bench

SECRET = b"a private key, made up"


class Session:
    """Is online and has told everything after so many looks."""

    def __init__(self, looks):
        self.looks = looks
        self.state = "connecting"
        self.closed = False

    def is_idle(self):
        self.looks -= 1
        return self.looks <= 0

    async def close(self):
        self.closed = True


class Agent:
    """What `leave` needs of the agent."""

    def __init__(self, looks=3):
        bench = Bench()
        self.board, self.store, self.journal = bench.board, bench.store, bench.journal
        self.model, self.endpoint_id, self.bench = bench.model, bench.endpoint_id, bench
        self.session = Session(looks)
        self.store.save("provisioning", packed({"key": SECRET, "certificate": b"made up"}))

    def state(self):
        return Provisioning(self.store, self.endpoint_id).state


def run(agent, seconds=2):
    """Whether the unit went within that time."""

    async def leave():
        try:
            await asyncio.wait_for(fencing.leave(agent), seconds)
        except Restarted:
            return True
        except asyncio.TimeoutError:
            return False

    return asyncio.run(leave())


def test_it_goes_once_it_is_online_and_everything_is_told():
    agent = Agent()
    assert not run(agent, 0.3), "it is not online"
    assert (agent.state(), agent.session.closed) == (PROVISIONED, False)
    agent.session.state = "online"
    epoch = agent.journal.epoch
    assert run(agent)
    assert (agent.state(), agent.session.closed, agent.board.restarts) == (BLANK, True, 1)
    for data in agent.bench.storage.files.values():
        assert SECRET not in bytes(data)
    assert agent.journal.epoch != epoch


def test_it_goes_though_its_connection_is_ended_for_it_once_it_has_answered():
    class Ended(Session):
        def is_idle(self):
            self.state = "down"  # with this look: its certificate was revoked
            return True

    agent = Agent()
    agent.session = Ended(1)
    agent.session.state = "online"
    agent.bench.endpoint.event("Device.X_IPKO-COM_Power.", "Dip!", {}, 5, True)
    assert not run(agent, 0.3), "an event may still leave"
    agent.session.state = "online"
    for sequence, _ in list(agent.journal.pending()):
        agent.journal.acknowledge(sequence)
    assert run(agent)
    assert agent.state() == BLANK


def test_it_goes_after_an_hour_when_its_connection_broke_with_the_answer():
    agent = Agent()
    agent.session.state = "down"  # for ever: its certificate was revoked
    assert not run(agent, 0.3)
    own, started = fencing.monotonic_ms, []

    def clock():
        started.append(own())
        return started[0] if len(started) == 1 else started[0] + 3600000

    fencing.monotonic_ms = clock
    try:
        assert run(agent)
    finally:
        fencing.monotonic_ms = own
    assert agent.state() == BLANK


def test_a_fenced_unit_that_starts_and_is_kept_out_goes():
    class Fenced(Agent):
        fenced = 0

        def fence(self):
            self.fenced += 1

    def kept_out(state):
        agent = Fenced()
        agent.session.state = state
        own, calls = fencing.monotonic_ms, []

        def clock():
            calls.append(1)
            return own() + len(calls) * 1800000

        async def wait():
            try:
                await asyncio.wait_for(fencing.go_unheard(agent), 0.5)
            except asyncio.TimeoutError:
                return agent.fenced

        fencing.monotonic_ms = clock
        try:
            return asyncio.run(wait())
        finally:
            fencing.monotonic_ms = own

    assert kept_out("down") == 1
    assert kept_out("online") == 0


def test_it_does_not_go_while_a_call_lasts():
    class Guard:
        def busy(self):
            return "Call"

    agent = Agent()
    agent.session.state = "online"
    agent.model.guard = Guard()
    assert not run(agent, 0.5)
    assert agent.state() == PROVISIONED


def test_events_that_nobody_has_get_their_time_and_stay_if_they_cannot_leave():
    agent = Agent(0)
    agent.session.state = "online"
    agent.bench.endpoint.event("Device.X_IPKO-COM_Power.", "Dip!", {}, 5, True)
    assert agent.journal.pending_count == 1
    assert not run(agent, 0.3)
    assert agent.state() == PROVISIONED
    later_ms = fencing.monotonic_ms() + 61000
    own, calls = fencing.monotonic_ms, []

    def clock():
        calls.append(1)
        return own() if len(calls) == 1 else later_ms

    fencing.monotonic_ms = clock
    try:
        assert run(agent)
    finally:
        fencing.monotonic_ms = own
    assert (agent.state(), agent.journal.pending_count) == (BLANK, 1)


def test_a_cut_before_the_customers_settings_were_wiped_is_made_good_at_the_start():
    board = FakeBoard()
    board.customer = FakeCustomer({"wifi": [{"ssid": "x", "passphrase": ""}]})
    fencing.resume(board)
    assert board.customer.kept["wifi"] == []
    board.customer.broken = "worn"
    try:
        fencing.resume(board)
    except StorageError as error:
        assert error.args == ("customer", "worn")
    else:
        raise AssertionError("it must be told")
