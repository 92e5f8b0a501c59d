"""The supervising process's end of the control socket; the protocol is in control.py."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from hil_tests.errors import BenchError, BoardRefusedError
from hil_tests.simulated_board.control import MAX_LINE_BYTES, short_socket_path
from hil_tests.simulated_board.supervisor import BoardSupervisor


class ControlServer:
    """Carries out requests on the board, one after the other; `shut_down` ends the process."""

    def __init__(self, board: BoardSupervisor, shut_down: Callable[[], None]) -> None:
        self._board = board
        self._shut_down = shut_down
        self._turn = asyncio.Lock()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        path = self._board.folder.control_socket
        path.unlink(missing_ok=True)
        with short_socket_path(path) as address:
            self._server = await asyncio.start_unix_server(
                self._serve, address, limit=MAX_LINE_BYTES
            )
        path.chmod(0o600)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self._board.folder.control_socket.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answer = {"ok": True, **await self._answer(await reader.readline())}
        except (BenchError, KeyError, TypeError, ValueError) as error:
            answer = {"ok": False, "error": str(error)}
        try:
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        except OSError:
            return
        finally:
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        request = json.loads(line)
        if request["action"] == "state":
            return self._board.state()
        async with self._turn:
            return await self._act(request)

    async def _act(self, request: dict[str, Any]) -> dict[str, Any]:
        board = self._board
        match request["action"]:
            case "power_cut":
                return await board.power_cut(float(request["hold_up_ms"]))
            case "power_signal":
                return await board.power_signal(float(request["for_ms"]))
            case "power_restore":
                return await board.power_restore()
            case "reset":
                return await board.reset()
            case "supply":
                return await board.supply(float(request["volts"]), request.get("for_ms"))
            case "wave":
                names = ("percent", "for_ms", "seed")
                percent, for_ms, seed = (request[name] for name in names)
                return board.wave(str(request["kind"]), float(percent), float(for_ms), int(seed))
            case "card":
                number = str(request.get("number", ""))
                return board.card(bool(request["inserted"]), request.get("kind"), number)
            case "refresh_card":
                return board.refresh_card()
            case "set_facts":
                return board.set_facts(str(request["subject"]), dict(request["values"]))
            case "visit":
                return board.visit(str(request["host"]), str(request["address"]))
            case "battery":
                return board.battery(bool(request["fitted"]))
            case "dial":
                return board.dial(str(request["number"]))
            case "network":
                return await board.network(str(request["mode"]))
            case "time_server":
                return board.time_server(str(request["mode"]), int(request["offset_ms"]))
            case "shut_down":
                self._shut_down()
                return {"action": "shut_down"}
            case unknown:
                raise BoardRefusedError(f"does not know the action {unknown!r}")
