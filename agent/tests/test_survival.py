"""Memory that does not suffice and a medium that fails end one piece of work, not the agent."""

import asyncio

from agent.core.survival import Survival
from agent.errors import StorageError
from agent.main import Agent
from agent.tests.fakes import FakeBoard, FakeStorage
from agent.tests.test_power import names, waiting
from agent.tests.usp_bench import Bench

FAULT = "X_IPKO-COM_Fault!"


class Monitor:
    """Fails so many times, and then looks."""

    def __init__(self, errors):
        self.errors = errors
        self.looks = 0

    def look(self, now_ms):
        if self.errors:
            raise self.errors.pop(0)
        self.looks += 1

    async def run(self):
        self.look(0)


def test_each_power_of_two_is_told_and_too_many_in_a_row_end_the_agent():
    told = []
    survival = Survival(lambda error, count: told.append(count))
    for _ in range(16):
        survival.met(MemoryError(), 1000)
    assert told == [1, 2, 4, 8, 16]
    try:
        survival.met(MemoryError("the last"), 1000)
        raise AssertionError("it went on")
    except MemoryError as error:
        assert error.args == ("the last",)
    survival.met(StorageError("append"), 700_000)
    assert survival.count == 18, "after ten minutes it is another matter"


def test_a_monitor_that_fails_stops_no_other_and_is_told():
    bench = Bench()
    failing, other = Monitor([MemoryError("no room"), StorageError("append", 5)]), Monitor([])
    bench.endpoint.monitors = [failing, other]
    for _ in range(3):
        bench.poll(250)
    assert (failing.looks, other.looks) == (1, 3)
    told = [args for _, name, args in waiting(bench) if name == FAULT]
    assert [args["Count"] for args in told] == ["1", "2"]
    assert told[0]["Reason"] == "MemoryError: no room"
    assert "StorageError" in told[1]["Reason"]


def test_what_was_put_off_and_could_not_be_kept_is_tried_again():
    bench = Bench()
    done = []

    def save():
        done.append(bench.now_ms)
        if len(done) < 3:
            raise StorageError("replace", 28)

    bench.model.later(save)
    bench.poll_for(200_000)
    assert len(done) == 3
    assert 60_000 <= done[1] - done[0] <= 61_000
    assert names(bench).count(FAULT) == 2


def test_a_chore_that_runs_out_of_memory_is_over_and_the_next_one_runs():
    bench = Bench()
    done = []

    def chore(fail):
        yield None
        if fail:
            raise MemoryError
        done.append(1)

    bench.model.chores.extend((chore(False), chore(True)))
    bench.poll(250)
    assert done == [1] and names(bench).count(FAULT) == 1


def test_a_medium_that_takes_nothing_is_survived_without_an_event():
    bench = Bench()

    def fail(name, data):
        raise StorageError("append", name, 5)

    append, bench.storage.append = bench.storage.append, fail
    bench.endpoint.monitors = [Monitor([StorageError("append")] * 3)]
    for _ in range(3):
        bench.poll(250)
    assert FAULT not in names(bench)
    bench.storage.append = append
    bench.endpoint.monitors = [Monitor([MemoryError()])]
    bench.poll(250)
    args = waiting(bench)[-1][2]
    assert args["Count"] == "4", "the first that can be told has the count"


def test_a_monitor_of_its_own_begins_anew():
    board = FakeBoard()
    storage = FakeStorage()
    board.storage = lambda: storage
    agent = Agent(board)
    agent.endpoint = Bench().endpoint
    monitor = Monitor([MemoryError()])
    asyncio.run(agent._keep_running(monitor))
    assert monitor.looks == 1
