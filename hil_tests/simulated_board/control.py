"""How another process acts on a running simulated board.

The supervising process of a board listens on the Unix socket `control.sock` in the board's folder.
One connection carries one request and one answer, each a JSON object on a line of its own:

    {"action": "power_cut", "hold_up_ms": 50}
    {"ok": true, "action": "power_cut", "signalled_at": 1.0, "dark_at": 1.05, "killed_at": 1.05}

A refused request is answered `{"ok": false, "error": "<what to do>"}`. Times are Unix times in
seconds by the clock of the bench; the same lines are appended to `actions.jsonl`.
"""

import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from hil_tests.errors import BoardNotRunningError, BoardRefusedError
from hil_tests.simulated_board.spec import BoardFolder

DEFAULT_HOLD_UP_MS = 50
DEFAULT_ADDRESS = "203.0.113.10"
"""Of the made-up hosts: documentation, RFC 5737."""
MAX_LINE_BYTES = 65_536

Answer = Mapping[str, Any]
NetworkMode = Literal["plug", "unplug", "refuse"]


@contextmanager
def short_socket_path(path: Path) -> Iterator[str]:
    """Give a name for `path` that fits into a socket address (108 bytes), however deep it lies."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class BoardControl:
    """Acts on the running board `name` of the state folder `state`.

    Every method waits until the action is done and returns what the supervising process said,
    with the times of the bench's clock. Raises BoardNotRunningError when nothing answers, and
    BoardRefusedError when the action is not possible now.
    """

    def __init__(self, state: Path, name: str) -> None:
        self.name = name
        self.folder = BoardFolder.of(state, name)

    @property
    def serial_port(self) -> Path:
        return self.folder.serial_port

    def state(self) -> Answer:
        """Return name, endpoint_id, runtime, powered, pid, boots, network, supply_mv, card, ...

        `powered` is true while the machine has power; `pid` is null while it is off; `boots`
        counts the starts of the machine since the supervising process began.
        """
        return self._ask({"action": "state"})

    def build_digest(self) -> str:
        """SHA-256 of the agent that was flashed last; "" where it runs from source."""
        entries = map(json.loads, self.folder.actions_log.read_text().splitlines())
        digests = [entry["digest"] for entry in entries if entry["action"] == "flash"]
        return str(digests[-1]) if digests else ""

    def power_cut(self, hold_up_ms: float = DEFAULT_HOLD_UP_MS) -> Answer:
        """Signal power fail, wait the hold-up time, darken the uplink, kill the machine.

        Without hold-up time there is no signal. Answers `signalled_at` (null without a signal),
        `dark_at` and `killed_at`. A board with a charged battery goes on: `carried` is true then,
        and the next cut is the end of the battery.
        """
        return self._ask({"action": "power_cut", "hold_up_ms": hold_up_ms}, hold_up_ms / 1000)

    def power_signal(self, for_ms: float = DEFAULT_HOLD_UP_MS) -> Answer:
        """The power-fail signal alone, power is back at once; answers `signalled_at` and
        `heard_at`, when the board first said something on its uplink within `for_ms`."""
        return self._ask({"action": "power_signal", "for_ms": for_ms}, for_ms / 1000)

    def power_restore(self) -> Answer:
        """The mains is back; a board that is off starts, cause power on. Answers `restored_at`."""
        return self._ask({"action": "power_restore"})

    def supply(self, volts: float, for_ms: float | None = None) -> Answer:
        """Set the supply rail, for good or for `for_ms`, after which it is nominal again."""
        request = {"action": "supply", "volts": volts, "for_ms": for_ms}
        return self._ask(request, (for_ms or 0) / 1000)

    def wave(self, kind: str, percent: float, for_ms: float = 0, seed: int = 1) -> Answer:
        """Play a dip, swell, interruption or transient to the board's sampler, in percent of
        nominal (of a transient: of the crest). Answers what is true of it."""
        request = {"action": "wave", "kind": kind, "percent": percent, "for_ms": for_ms}
        return self._ask({**request, "seed": seed})

    def card(self, inserted: bool, kind: str | None = None, number: str = "") -> Answer:
        """Insert a smart card, of a kind of card_slot.py (`number` is its serial number, else that
        of the kind) or the last one; or remove it."""
        request = {"action": "card", "inserted": inserted, "kind": kind, "number": number}
        return self._ask(request)

    def refresh_card(self) -> Answer:
        """Broadcast entitlement messages for the card; answers `last_emm`, Unix seconds."""
        return self._ask({"action": "refresh_card"})

    def battery(self, fitted: bool) -> Answer:
        """Fit a full battery into a voice modem, or take it out."""
        return self._ask({"action": "battery", "fitted": fitted})

    def phone(self, off_hook: bool, dialled: str = "") -> Answer:
        """Lift the telephone, with a number dialled and answered where one is given; or hang up."""
        call = "Connected" if dialled else "Idle"
        return self.set_facts("voice", off_hook=off_hook, call=call, dialled=dialled)

    def set_facts(self, subject: str, **values: Any) -> Answer:
        """Change some of what the board's hardware knows about a subject."""
        return self._ask({"action": "set_facts", "subject": subject, "values": values})

    def visit(self, host: str, address: str = DEFAULT_ADDRESS) -> bool:
        """The customer asks for a name, which has this address now, and goes there; without a name
        straight to the address. Tell whether the board's filter let that through."""
        answer = self._ask({"action": "visit", "host": host, "address": address})
        return bool(answer["reached"])

    def dial(self, number: str) -> bool:
        """The customer dials; tell whether the board lets the call go out."""
        return bool(self._ask({"action": "dial", "number": number})["allowed"])

    def network(self, mode: NetworkMode) -> Answer:
        """Unplug: bytes stop and nothing is closed. Plug: they flow on. Refuse: dialling fails."""
        return self._ask({"action": "network", "mode": mode})

    def time_server(self, mode: str, offset_ms: int = 0) -> Answer:
        """How the board's time server behaves: see time_server.py; at first it is silent."""
        return self._ask({"action": "time_server", "mode": mode, "offset_ms": offset_ms})

    def reset(self) -> Answer:
        """Press the reset button: the machine is killed and started at once, the uplink closes."""
        return self._ask({"action": "reset"})

    def shut_down(self) -> Answer:
        """End the supervising process and its machine."""
        return self._ask({"action": "shut_down"})

    def wait_for_boots(self, boots: int, timeout_s: float) -> Answer:
        """Wait until the machine has been started `boots` times; raises BoardRefusedError late."""
        deadline = time.monotonic() + timeout_s
        while (answer := self.state())["boots"] < boots:
            if time.monotonic() > deadline:
                raise BoardRefusedError(f"{self.name}: no boot {boots} within {timeout_s:.0f} s")
            time.sleep(0.02)
        return answer

    def _ask(self, request: Mapping[str, Any], takes_s: float = 0) -> Answer:
        try:
            with self._connect(10 + takes_s) as connection:
                connection.sendall(json.dumps(request).encode() + b"\n")
                line = connection.makefile("rb").readline(MAX_LINE_BYTES)
        except OSError as error:
            raise BoardNotRunningError(
                f"{self.name}: no board answers at {self.folder.control_socket} ({error}); start it"
            ) from error
        if not line:
            raise BoardNotRunningError(f"{self.name}: ended before it answered {request['action']}")
        answer: dict[str, Any] = json.loads(line)
        if not answer.pop("ok"):
            raise BoardRefusedError(f"{self.name}: {answer['error']}")
        return answer

    def _connect(self, timeout_s: float) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.settimeout(timeout_s)
            with short_socket_path(self.folder.control_socket) as address:
                connection.connect(address)
        except OSError:
            connection.close()
            raise
        return connection
