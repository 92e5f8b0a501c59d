"""A restart that was agreed to waits for a call that began since, and forgets nothing before."""

import asyncio

from agent.main import Agent
from agent.tests.fakes import FakeBoard, Restarted


class _Guard:
    """A line that is in use for a few more looks."""

    def __init__(self):
        self.left = 3

    def busy(self):
        self.left -= 1
        return "Call" if self.left > 0 else ""


class _Model:
    def __init__(self):
        self.guard = _Guard()
        self.forgotten_with_left = None

    def forget(self):
        self.forgotten_with_left = self.guard.left

    def leave_word(self, cause, reason, command_key):
        pass


def test_a_call_that_began_since_is_not_cut(tmp_path):
    board = FakeBoard(root=str(tmp_path))
    agent = Agent(board)
    agent.model = _Model()

    async def reset():
        agent.factory_reset("RemoteFactoryReset", "test")
        await agent._tasks[0]

    asyncio.run(reset())
    assert isinstance(agent._failure, Restarted)
    assert board.restarts == 1
    assert agent.model.guard.left == 0, "it looked until the line was free"
    assert agent.model.forgotten_with_left == 0


def test_the_console_is_told_why_it_must_wait(tmp_path):
    agent = Agent(FakeBoard(root=str(tmp_path)))
    assert agent.busy() == ""
    agent.model = _Model()
    assert agent.busy() == "busy: call"
