"""Runs a board that is this Linux machine: python -m agent --state DIR --console PATH ..."""

import argparse
import asyncio
import os
import sys

from agent.main import run
from agent.ports.linux import LinuxBoard
from agent.wire import codes

_IDENTITY = (
    ("manufacturer", "IPKO"),
    ("manufacturer-oui", None),
    ("product-class", "MODEM"),
    ("model-name", "Linux gateway"),
    ("serial-number", None),
    ("hardware-version", "1"),
)


def _arguments(words):
    parser = argparse.ArgumentParser(prog="python -m agent", description=__doc__)
    parser.add_argument("--state", required=True, help="folder of persistent storage")
    parser.add_argument("--console", required=True, help="serial device or pseudo-terminal")
    parser.add_argument("--cause", choices=codes.RESET_NAMES, default=codes.RESET_NAMES[0])
    parser.add_argument("--lab", action="store_true", help="built with the lab key")
    for name, default in _IDENTITY:
        parser.add_argument("--" + name, default=default, required=default is None)
    return parser.parse_args(words)


def main(words):
    """Run until the process is ended or a task of the agent fails."""
    arguments = _arguments(words)
    identity = {"lab": arguments.lab}
    for name, _ in _IDENTITY:
        attribute = name.replace("-", "_")
        identity[attribute] = getattr(arguments, attribute)
    code = os.environ.pop("AGENT_RESET_CAUSE", "")
    cause = int(code) if code else codes.RESET_NAMES.index(arguments.cause)
    asyncio.run(run(LinuxBoard(arguments.state, arguments.console, identity, cause)))


if __name__ == "__main__":
    main(sys.argv[1:])
