"""A simulated board that a test or a command owns: its supervising process and control of it."""

import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from hil_tests.errors import BoardNotRunningError, BoardStartError
from hil_tests.simulated_board.control import BoardControl
from hil_tests.simulated_board.spec import BoardSpec

_START_S = 60.0
_STOP_S = 10.0


class SimulatedBoard(BoardControl):
    """One board in a process of its own, which ends when this object's process ends.

    State (flash image, console log, log of actions) stays in `state/boards/<name>` and is found
    again by the next start. Usable as a context manager; start() and stop() do the same.
    """

    def __init__(self, state: Path, spec: BoardSpec) -> None:
        super().__init__(state, spec.name)
        self.spec = spec
        self._state = state
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the board and wait until its machine runs. Raises BoardStartError."""
        self.folder.path.mkdir(parents=True, exist_ok=True)
        with self.folder.process_log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, our own arguments
                self._command(),
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_until_running()

    def stop(self) -> None:
        """End the supervising process, and with it the machine; quiet when it has ended already."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(_STOP_S)

    def process_ended(self) -> bool:
        """Tell whether the supervising process has ended by itself (or was never started)."""
        return self._process is None or self._process.poll() is not None

    def __enter__(self) -> "SimulatedBoard":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _command(self) -> list[str]:
        options = ["--until-stdin-closes", "--state", str(self._state)]
        module = "hil_tests.simulated_board"
        return [sys.executable, "-m", module, *options, "--spec", self.spec.to_json()]

    def _wait_until_running(self) -> None:
        deadline = time.monotonic() + _START_S
        while time.monotonic() < deadline:
            if self.process_ended():
                break
            try:
                if self.state()["boots"] > 0:
                    return
            except BoardNotRunningError:
                time.sleep(0.05)
        tail = self.folder.process_log.read_text(errors="replace")[-2000:]
        self.stop()
        raise BoardStartError(f"{self.name} did not start:\n{tail}")
