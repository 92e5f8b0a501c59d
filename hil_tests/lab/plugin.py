"""What makes the suite run on the boards of a lab: a plug-in of pytest.

Every test of the suite runs once for each board. A board that is sick, or lacks what the test
needs (`@pytest.mark.needs("power", "card")`), is skipped with the name of it and the reason. After
a test that did not pass, the board is put in order again.
"""

import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from firmware_tools.errors import ToolError
from hil_tests.errors import BenchError
from hil_tests.lab.bench_board import BenchBoard
from hil_tests.lab.recording import Kind, as_log

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclass(slots=True)
class Result:
    """How one test went on one board; times are Unix times."""

    board: str
    test: str
    title: str
    began_at: float
    ended_at: float = 0.0
    outcome: str = PASSED
    reason: str = ""
    log: str = ""


class LabPlugin:
    """Hands boards to tests and keeps what came of it in `results`; logs go to `folder`/console."""

    def __init__(
        self,
        boards: Mapping[str, BenchBoard],
        features: Mapping[str, set[str]],
        sick: Mapping[str, str],
        folder: Path,
    ) -> None:
        self.results: list[Result] = []
        self._boards = boards
        self._features = features
        self._sick = sick
        self._folder = folder / "console"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._current: Result | None = None

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", "needs(*features): what a board or its bench must have")

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "board" in metafunc.fixturenames:
            metafunc.parametrize("board", list(self._boards), indirect=True, scope="session")

    @pytest.fixture
    def board(self, request: pytest.FixtureRequest) -> BenchBoard:
        """The board under test, powered, answering and provisioned."""
        return self._boards[request.param]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        order = list(self._boards)
        items.sort(key=lambda item: order.index(_board_of(item)))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        function = getattr(item, "function", None)
        title = (getattr(function, "__doc__", None) or item.name).strip().splitlines()[0]
        self._current = Result(_board_of(item), _name_of(item), title, time.time())
        try:
            return (yield)
        finally:
            self._current.ended_at = time.time()
            self._write_log(self._current)
            self.results.append(self._current)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        board = _board_of(item)
        if board in self._sick:
            pytest.skip(f"board {board} is sick: {self._sick[board]}")
        needed = {word for mark in item.iter_markers("needs") for word in mark.args}
        missing = needed - self._features[board]
        if missing:
            pytest.skip(f"board {board} has no {', '.join(sorted(missing))}")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        result = self._current
        assert result is not None, "a test is being run"
        if report.skipped and isinstance(report.longrepr, tuple):
            result.outcome, result.reason = SKIPPED, report.longrepr[2].removeprefix("Skipped: ")
        elif report.failed:
            result.outcome, result.reason = FAILED, report.longreprtext
            self._boards[result.board].record.note(Kind.ACTION, "the test failed")
            self._put_in_order(result)
        return report

    def _put_in_order(self, result: Result) -> None:
        try:
            self._boards[result.board].leave_in_order()
        except (BenchError, ToolError) as error:
            result.reason += f"\nAfterwards the board could not be put in order: {error}"

    def _write_log(self, result: Result) -> None:
        if result.outcome == SKIPPED:
            return
        entries = self._boards[result.board].record.between(result.began_at, result.ended_at)
        path = self._folder / f"{result.board}-{result.test}.log"
        path.write_text(as_log(entries))
        result.log = path.name


def _board_of(item: pytest.Item) -> str:
    callspec: Any = getattr(item, "callspec", None)
    assert callspec is not None, "every test of the suite takes a board"
    name: str = callspec.params["board"]
    return name


def _name_of(item: pytest.Item) -> str:
    """The test's name without the board, such as `supply-dip`."""
    callspec: Any = getattr(item, "callspec", None)
    others = callspec.id.replace(_board_of(item), "", 1).strip("-")
    name = getattr(item, "originalname", item.name).removeprefix("test_")
    return f"{name}-{others}" if others else name
