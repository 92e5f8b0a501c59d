"""Runs one simulated board until SIGTERM, Ctrl-C, `shut_down` or (if asked) its parent's end.

    python -m hil_tests.simulated_board --state DIR --name voicemodem \
        --product-class VOICEMODEM --serial-number 00000002
"""

import argparse
import asyncio
import fcntl
import logging
import os
import signal
import sys
from pathlib import Path

from firmware_tools.errors import ToolError
from hil_tests.errors import BenchError, BoardStartError
from hil_tests.simulated_board.control_server import ControlServer
from hil_tests.simulated_board.spec import DEFAULT_HEAP_BYTES, BoardFolder, BoardSpec
from hil_tests.simulated_board.supervisor import BoardSupervisor

logger = logging.getLogger("simulated_board")


def main() -> int:
    options = _options()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    spec = BoardSpec.from_json(options.spec) if options.spec else _spec(options)
    try:
        asyncio.run(_run(spec, options.state, options.until_stdin_closes))
    except (BenchError, ToolError) as error:
        logger.error("%s: %s", spec.name, error)
        return 1
    return 0


async def _run(spec: BoardSpec, state: Path, until_stdin_closes: bool) -> None:
    folder = BoardFolder.of(state, spec.name)
    folder.path.mkdir(parents=True, exist_ok=True)
    lock = _only_one(folder)
    over = asyncio.Event()
    _end_when_told(over, until_stdin_closes)
    board = BoardSupervisor(spec, folder)
    control = ControlServer(board, over.set)
    try:
        await board.start()
        await control.open()
        logger.info("%s runs; serial port %s", spec.endpoint_id, folder.serial_port)
        await over.wait()
    finally:
        control.close()
        await board.close()
        os.close(lock)


def _only_one(folder: BoardFolder) -> int:
    """Hold the board's lock; raises BoardStartError when another process has it."""
    lock = os.open(folder.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise BoardStartError("runs already; stop the other one first") from error
    return lock


def _end_when_told(over: asyncio.Event, until_stdin_closes: bool) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, over.set)
    if until_stdin_closes:
        loop.add_reader(sys.stdin.fileno(), _read_parent, over)


def _read_parent(over: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        over.set()


def _spec(options: argparse.Namespace) -> BoardSpec:
    return BoardSpec(
        name=options.name,
        product_class=options.product_class,
        serial_number=options.serial_number,
        lab=options.lab,
        card_inserted=True if options.product_class == "STB" else None,
        heap_bytes=options.heap_bytes,
        cpython=options.cpython,
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m hil_tests.simulated_board")
    parser.add_argument("--state", type=Path, required=True, help="folder of the bench's state")
    parser.add_argument("--spec", help="the whole board as JSON, instead of the options below")
    parser.add_argument("--name", default="board", help="name of the board's folder")
    parser.add_argument("--product-class", default="MODEM", choices=("MODEM", "VOICEMODEM", "STB"))
    parser.add_argument("--serial-number", default="00000001")
    parser.add_argument("--lab", action="store_true", help="a board built with the lab key")
    parser.add_argument("--heap-bytes", type=int, default=DEFAULT_HEAP_BYTES)
    parser.add_argument("--cpython", action="store_true", help="run the agent on CPython")
    parser.add_argument("--until-stdin-closes", action="store_true", help="end with the parent")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
