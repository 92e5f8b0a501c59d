"""One run of the suite on a lab: boards up, looked over, tested, left in order, report signed."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from firmware_tools.errors import ToolError
from firmware_tools.registry import Registry
from hil_tests.errors import BenchError
from hil_tests.instance import Instance
from hil_tests.lab import evidence
from hil_tests.lab.bench_board import BenchBoard
from hil_tests.lab.certificates import LabAuthority
from hil_tests.lab.lab_file import SIMULATED, Lab, LabBoard, Server
from hil_tests.lab.plugin import FAILED, LabPlugin, Result
from hil_tests.lab.report import write_report
from hil_tests.lab.rfc2217 import RFC2217Server
from hil_tests.simulated_board.board import SimulatedBoard
from hil_tests.simulated_board.spec import BoardSpec
from hil_tests.waiting import all_at_once

SUITE = Path(__file__).resolve().parents[1] / "suite"
_TEST_S = 180


@dataclass(slots=True)
class Outcome:
    """What a run came to; `order` says how each board was left."""

    folder: Path
    results: list[Result] = field(default_factory=list)
    sick: dict[str, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def green(self) -> bool:
        failed = any(result.outcome == FAILED for result in self.results)
        return bool(self.results) and not (failed or self.sick or self.interrupted)


def run_lab(lab: Lab, folder: Path, only: str = "") -> Outcome:
    """Run the suite, or the tests whose name fits `only`, and leave the signed report in `folder`.

    Raises BenchError or ToolError where the lab itself does not come up.
    """
    signer = evidence.signing_key(lab)
    outcome = Outcome(folder)
    folder.mkdir(parents=True)
    began_at = datetime.now(UTC)
    with ExitStack() as stack, _terminated_as_interrupted():
        boards = _boards(lab, stack)
        try:
            features = _look_over(boards, outcome)
            _run_suite(boards, features, outcome, only)
        except KeyboardInterrupt:
            outcome.interrupted = True
        finally:
            _leave_in_order(boards, outcome)
            for board in boards.values():
                board.close()
        facts = _facts(lab, boards, outcome, began_at)
    write_report(folder / "report.html", facts, boards, outcome.results)
    evidence.sign(folder, facts, signer)
    return outcome


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM leaves the boards in order too."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _boards(lab: Lab, stack: ExitStack) -> dict[str, BenchBoard]:
    state = Path(tempfile.mkdtemp(prefix="hil-"))
    stack.callback(shutil.rmtree, state, ignore_errors=True)
    registry = _registry(lab.server, state, stack) if lab.server else None
    simulated = {b.name: SimulatedBoard(state, _spec(b)) for b in lab.boards if b.simulated}
    for each in simulated.values():
        stack.callback(each.stop)
    all_at_once([each.start for each in simulated.values()])
    authority = LabAuthority()
    made = {}
    for board in lab.boards:
        control = simulated.get(board.name)
        port = _port(board, control, stack)
        serves = registry if board.contract else None
        made[board.name] = BenchBoard(board, port, authority, control, serves)
    return made


def _registry(server: Server, state: Path, stack: ExitStack) -> Registry:
    url, password = server.url, ""
    if url == SIMULATED:
        instance = Instance(state, ())
        stack.callback(instance.stop)
        instance.start_processes()
        instance.load_demo_data()
        url, password = instance.server.url, instance.password(server.username)
    elif server.password_file is not None:
        try:
            password = server.password_file.read_text().strip()
        except OSError as error:
            raise BenchError(f"{server.password_file}: {error.strerror}") from error
    registry = stack.enter_context(Registry(url))
    registry.sign_in(server.username, password)
    return registry


def _spec(board: LabBoard) -> BoardSpec:
    return BoardSpec(
        name=board.name,
        product_class=board.product_class,
        serial_number=board.serial_number or f"9{crc32(board.name.encode()) % 10**7:07d}",
        hardware_version=board.hardware_version or "A0",
        lab=board.lab_board,
        sensors=tuple(name for name in ("supply", "power_fail") if name in board.features),
        card_inserted=True if "card" in board.features else None,
        vanishing_port=board.vanishing_port,
    )


def _port(board: LabBoard, control: SimulatedBoard | None, stack: ExitStack) -> str:
    if control is None:
        return board.port
    folder = control.folder
    path = str(folder.usb_ports if board.vanishing_port else folder.serial_port)
    if not board.rfc2217:
        return path
    server = RFC2217Server(path)
    stack.callback(server.close)
    return server.url


def _look_over(boards: dict[str, BenchBoard], outcome: Outcome) -> dict[str, set[str]]:
    features: dict[str, set[str]] = {}

    def look(board: BenchBoard) -> None:
        try:
            features[board.name] = board.look_over()
        except (BenchError, ToolError) as error:
            features[board.name] = set()
            outcome.sick[board.name] = str(error)

    all_at_once([lambda board=board: look(board) for board in boards.values()])  # type: ignore[misc]
    return features


def _run_suite(
    boards: dict[str, BenchBoard], features: dict[str, set[str]], outcome: Outcome, only: str
) -> None:
    plugin = LabPlugin(boards, features, outcome.sick, outcome.folder)
    outcome.results = plugin.results
    words = [
        str(SUITE),
        f"--confcutdir={SUITE}",
        "--numprocesses=0",
        "-Wignore::pytest.PytestAssertRewriteWarning",
        "-p",
        "no:cacheprovider",
        f"--junitxml={outcome.folder / 'junit.xml'}",
        f"--timeout={_TEST_S}",
    ]
    if only:
        words += ["-k", only]
    code = pytest.main(words, plugins=[plugin])
    outcome.interrupted = code == pytest.ExitCode.INTERRUPTED


def _leave_in_order(boards: dict[str, BenchBoard], outcome: Outcome) -> None:
    """Every board powered and provisioned, whatever came before."""

    def leave(board: BenchBoard) -> None:
        try:
            board.leave_in_order()
            outcome.left[board.name] = "powered and provisioned"
        except (BenchError, ToolError) as error:
            outcome.left[board.name] = f"NOT in order: {error}"

    all_at_once([lambda board=board: leave(board) for board in boards.values()])  # type: ignore[misc]


def _facts(
    lab: Lab, boards: dict[str, BenchBoard], outcome: Outcome, began_at: datetime
) -> dict[str, Any]:
    return {
        "lab": lab.name,
        "simulated": lab.simulated,
        "began_at": began_at.isoformat(timespec="seconds"),
        "ended_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "green": outcome.green,
        "interrupted": outcome.interrupted,
        "boards": [_board_facts(board, outcome) for board in boards.values()],
        "results": [
            {
                "board": result.board,
                "test": result.test,
                "outcome": result.outcome,
                "seconds": round(result.ended_at - result.began_at, 2),
                "reason": result.reason.strip().splitlines()[-1] if result.reason else "",
            }
            for result in outcome.results
        ],
    }


def _board_facts(board: BenchBoard, outcome: Outcome) -> dict[str, Any]:
    identity = board.identity
    digest = board.control.build_digest() if board.control else board.spec.build_digest
    return {
        "name": board.name,
        "endpoint_id": identity.endpoint_id if identity else "",
        "hardware_version": identity.hardware_version if identity else "",
        "software_version": identity.software_version if identity else "",
        "build_digest": digest or "not named in the lab file",
        "console": _way(board),
        "features": list(board.spec.features),
        "sick": outcome.sick.get(board.name, ""),
        "left": outcome.left.get(board.name, ""),
    }


def _way(board: BenchBoard) -> str:
    if not board.spec.simulated:
        return board.port
    port = "a port that vanishes" if board.spec.vanishing_port else "a stable port"
    return f"simulated board, {port}" + (", over RFC 2217" if board.spec.rfc2217 else "")
