"""An agent on the desk that restricts a service, for tests of real filters."""

from typing import Any

from agent.core.enrolment import packed
from agent.core.monitors import load
from agent.tests.fakes import FakeBoard
from agent.tests.signing import COMMAND_POINT, allow_list_document
from agent.tests.usp_bench import Bench


def agent_that_restricts(guard: Any, hosts: list[str]) -> Any:
    """The medium of an agent with the filter `guard`, after commands that leave `hosts` open."""
    agent = agent_started(guard)
    document = allow_list_document(1, hosts=[(1, 4_000_000_000, hosts)])
    agent.operate("Device.X_IPKO-COM_Service.SetAllowList()", {"Document": document})
    agent.operate("Device.X_IPKO-COM_Service.SetState()", {"State": "restricted"})
    return agent.storage.power_up()


def agent_started(guard: Any, storage: Any = None) -> Any:
    """An agent that is provisioned, its monitors loaded, on a medium that has been used or not."""
    board = FakeBoard(cause=1)
    board.filter = guard
    agent = Bench(storage=storage, board=board)
    agent.store.save("provisioning", packed({"command_key": COMMAND_POINT}))
    agent.endpoint.monitors = load(agent.model, agent.endpoint)
    return agent
