"""A fault that takes the agent down is on disk when it is down."""

import asyncio
import json

import pytest

from agent.core.store import Store
from agent.main import run
from agent.ports.storage import Storage
from agent.tests.fakes import FakeBoard


def test_what_ends_the_agent_is_written_down_before_it_ends(tmp_path):
    board = FakeBoard(root=str(tmp_path))

    def broken_line():
        raise RuntimeError("the line is broken")

    board.console = broken_line
    with pytest.raises(RuntimeError):
        asyncio.run(run(board))
    faults = json.loads(Store(Storage(str(tmp_path))).load("faults"))[2]
    assert [fault[3] for fault in faults] == ["RuntimeError: the line is broken"]
    assert "broken_line" in faults[0][4]
