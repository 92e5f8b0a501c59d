"""Runs the agent of a Linux machine: cpe-agent [--config FILE] [--check]

--config names the configuration, /etc/cpe-agent.toml unless told otherwise; --check says what of
the machine the agent can use, and ends.
"""

import asyncio
import gc
import sys

from agent.errors import ConfigurationError
from agent.main import Agent
from agent.ports.linux import LinuxBoard, card_report, filter_report
from agent.ports.linux_config import read_config
from agent.ports.linux_manager import keep_manager_informed
from agent.ports.linux_sources import Sources

_CONFIG = "/etc/cpe-agent.toml"
_CONFIGURATION_EXIT = 78  # EX_CONFIG: a service manager need not try again


async def serve(board):
    """Run until the board ends the process; ends only by the error of a task that failed."""
    agent = Agent(board)
    board.watch(agent.restart)
    informing = asyncio.create_task(keep_manager_informed())
    try:
        await agent.run()
    finally:
        informing.cancel()
        board.unwatch()


def main():
    """The program `cpe-agent`."""
    words = sys.argv[1:]
    path = _CONFIG
    if words[:1] == ["--config"] and len(words) > 1:
        path = words[1]
        words = words[2:]
    if words not in ([], ["--check"]):
        sys.stdout.write(__doc__)
        return 0 if words in (["--help"], ["-h"]) else 2
    try:
        config = read_config(path)
        card = card_report(config)
    except ConfigurationError as error:
        sys.stderr.write(f"cpe-agent: {error.text}; {error.next}\n")
        return _CONFIGURATION_EXIT
    if words:
        sources = Sources(config["sysfs"], config["customer_interface"], config["voice_facts"])
        for line in sources.report():
            sys.stdout.write(line + "\n")
        sys.stdout.write(filter_report(config) + "\n" + card + "\n")
        return 0
    gc.freeze()  # what is there stays: no collection need look at it again
    asyncio.run(serve(LinuxBoard(config)))
    return 1


if __name__ == "__main__":
    sys.exit(main())
