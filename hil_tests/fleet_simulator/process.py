"""A simulated fleet in a process of its own, for tests and figures: started, told, stopped."""

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hil_tests.errors import BenchError
from hil_tests.fleet_simulator.fleet import POLL_MS

_STOP_S = 60.0


class FleetProcess:
    """`agents` units of the server under `state`, registered and switched off; a context manager.

    `tell` does the words of `control.py`. Not for several threads at once.
    """

    def __init__(
        self, state: Path, agents: int, *, seed: int = 1, spares: int = 0, poll_ms: int = POLL_MS
    ) -> None:
        options = {
            "--state": state,
            "--agents": agents,
            "--seed": seed,
            "--spares": spares,
            "--poll-ms": poll_ms,
        }
        words = [str(word) for pair in options.items() for word in pair]
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-m", "hil_tests.fleet_simulator", *words, "--serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, do: str, **words: Any) -> dict[str, Any]:
        """Have it done; gives what came of it. Raises BenchError when it could not be."""
        assert self._process.stdin is not None, "opened above"
        self._process.stdin.write(json.dumps({"do": do, **words}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def stop(self) -> None:
        """Switch the units off and end the process; quiet when it has ended."""
        try:
            self._process.communicate(timeout=_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def __enter__(self) -> Self:
        try:
            self._answer()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None, "opened above"
        line = self._process.stdout.readline()
        if not line:
            raise BenchError("the simulated fleet has ended")
        answer: dict[str, Any] = json.loads(line)
        if not answer["ok"]:
            raise BenchError(f"the simulated fleet: {answer['why']}")
        return answer
