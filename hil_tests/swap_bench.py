"""Replacements on real parts, with faults: server, broker and simulated boards.

One customer of the demo fleet and a row of spare units (swap_subjects.py). The new unit of a
replacement that was done is the old one of the next; that of one that was rolled back is tried
again. Who is in service is read off the operator's systems (service_watch.py), never off the
server's database.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from hil_tests.errors import BenchError, ServerStartError
from hil_tests.instance import ONLINE_S, Instance
from hil_tests.operator_systems import OperatorSystems
from hil_tests.service_watch import Home, gap_s, in_service, violations
from hil_tests.simulated_board.control import BoardControl
from hil_tests.swap_desk import ENDED, PERSON, SwapDesk
from hil_tests.swap_faults import Abort, BoardFault, Fault, ProcessFault, SystemFault
from hil_tests.swap_home import PluggedHome, Viewer
from hil_tests.swap_subjects import CARD, FIRST_CARD, SMART_CARD, VOICE_MODEM, Piece, Subject
from hil_tests.waiting import wait_until

_LOOK_S = 0.03
_SETTLED_S = 60.0
_BACK_S = 330.0  # an agent that was away dials again after 300 s at the latest
_SITE = "shop.example"
_DEBTS = "SELECT 1 FROM swap_debt WHERE endpoint_id = ?"
_CARD_SAID = """
SELECT params FROM event WHERE name = 'X_IPKO-COM_CardState!' AND endpoint_id = ?
ORDER BY id DESC LIMIT 1
"""
_PLACE, _REASON = "WH-1", "made-up trial"
_STEP = "SELECT plan, at, is_undoing FROM swap WHERE id = ?"


@dataclass(slots=True)
class Outcome:
    """How one replacement went; `problems` is empty when every promise was kept.

    `why` is the reason for which a person was needed, if one was. `gap_s`: nobody in service.
    """

    seed: int
    outlets: int
    faults: str
    phase: str = ""
    why: str = ""
    gap_s: float = 0.0
    seconds: float = 0.0
    view: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        needed = f", needed a person: {self.why}" if self.why else ""
        return (
            f"seed {self.seed}, {self.outlets} outlets, {self.faults or 'no fault'}: {self.phase}"
            f"{needed}; nobody in service {self.gap_s:.2f} s of {self.seconds:.1f} s; "
            f"problems: {self.problems or 'none'}"
        )


class SwapBench:
    """An installation with one customer and `spares` spare units; a context manager.

    `failpoint`: a place where processes of the server kill themselves, again and again.
    """

    def __init__(
        self, state: Path, spares: int, failpoint: str = "", subject: Subject = VOICE_MODEM
    ) -> None:
        self.subject = subject
        self._spares = [subject.spare(number) for number in range(spares)]
        self._serving = subject.first()
        boards = {piece.board.name: piece.board for piece in (self._serving, *self._spares)}
        environment = {"FLEET_FAILPOINT": failpoint} if failpoint else {}
        self.instance = Instance(state, list(boards.values()), environment=environment)
        self.systems = OperatorSystems(state)
        self._stack = ExitStack()

    @property
    def spares_left(self) -> int:
        return len(self._spares)

    def __enter__(self) -> Self:
        self._stack.callback(self.instance.stop)
        try:
            self.instance.start_processes()
            self.instance.load_demo_data()
            self._enter(self._spares)
            self.instance.provision_boards()
            self.instance.server.wait_until_ready(len(self.instance.fleet), ONLINE_S)
            self.desk = SwapDesk(
                self.instance.client("fleet_ops"), self.instance.client("technician")
            )
            if self.subject.has_card:
                self._give_card()
            for system in self.subject.calls:
                wait_until(partial(self.systems.calls, system), ONLINE_S, f"{system} knows it")
            self._set("swap_answer_minutes", 1)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def run(self, seed: int, faults: Sequence[Fault], *, outlets: int, limit_s: float) -> Outcome:
        """Replace the unit in service by the next spare one, while the faults happen."""
        new = self._spares[0]
        outcome = SwapRun(self, self._serving, new, outlets).go(seed, faults, limit_s)
        if outcome.phase == "done":
            self._serving = new
            self._spares.pop(0)
        elif outcome.view.get("todo") == "test_new":
            self._back_into_stock(new)
        return outcome

    def home(self, old: Piece, new: Piece) -> Home:
        known_by = {piece.serial_number: piece.addresses for piece in (old, new)}
        return Home(known_by, self.subject.line)

    def serves(self, piece: Piece) -> bool:
        """Whether the unit itself does: a card runs in its box, any other lets its customer's
        traffic through, and the customer's card runs in it where he has one."""
        if self.subject.product_class == CARD:
            return self._runs(piece.serial_number, piece)
        serves = self.instance.boards[piece.board.name].visit(_SITE)
        return serves and (not self.subject.has_card or self._runs(FIRST_CARD, piece))

    def _runs(self, card: str, piece: Piece) -> bool:
        """Whether the box of a piece said last that this card runs in it."""
        for (params,) in self.instance.query(_CARD_SAID, piece.board.spec.endpoint_id):
            told = json.loads(params)
            return (told["State"], told.get("SerialNumber")) == ("Running", card)
        return False

    def _set(self, name: str, value: int) -> None:
        client = self.instance.client("administrator")
        body = {"value": str(value), "reason": _REASON}
        client.put(f"/api/v1/policy/{name}", json=body).raise_for_status()

    def _enter(self, pieces: Sequence[Piece], subject: Subject | None = None) -> None:
        rows = [(subject or self.subject).registry_row(piece) for piece in pieces]
        client = self.instance.client("warehouse")
        answer = client.post("/api/v1/registry/units", json={"rows": rows, "reason": _REASON})
        if answer.is_error or answer.json()["refused"]:
            raise BenchError(f"the registry refuses the spare units: {answer.text}")

    def _back_into_stock(self, piece: Piece) -> None:
        """It failed for the faults of the run alone: somebody tested it."""
        client = self.instance.client("warehouse")
        body = {"state": "in_stock", "place": _PLACE, "reason": _REASON}
        client.post(f"/api/v1/units/{piece.serial_number}/move", json=body).raise_for_status()

    def _give_card(self) -> None:
        """The customer has the card that is in the box; from now on somebody looks after it."""
        card = SMART_CARD.first()
        self._enter([card], SMART_CARD)
        client = self.instance.client("fleet_ops")
        box = {"box": card.board.spec.serial_number, "reason": _REASON}
        client.put(f"/api/v1/units/{FIRST_CARD}/pairing", json=box).raise_for_status()
        held = {
            "serial_number": FIRST_CARD,
            "position": SMART_CARD.position,
            "handed_over_on": datetime.now(UTC).date().isoformat(),
            "reason": _REASON,
        }
        path = f"/api/v1/contracts/{SMART_CARD.contract}/assignments"
        client.post(path, json=held).raise_for_status()
        boxes = {
            board.spec.serial_number: self.instance.boards[board.name]
            for board in self.instance.fleet
        }
        self._stack.enter_context(Viewer(boxes, self.systems, FIRST_CARD))


class SwapRun:
    """One replacement, from its order until everything is well again."""

    def __init__(self, bench: SwapBench, old: Piece, new: Piece, outlets: int) -> None:
        self._bench, self._old, self._new, self._outlets = bench, old, new, outlets
        self._instance, self._desk = bench.instance, bench.desk
        boards = self._instance.boards
        self._boards: dict[str, BoardControl] = {
            side: boards[piece.board.name] for side, piece in (("old", old), ("new", new))
        }
        self._timers: list[threading.Timer] = []

    def go(self, seed: int, faults: Sequence[Fault], limit_s: float) -> Outcome:
        started = time.time()
        outcome = Outcome(seed, self._outlets, " and ".join(str(fault) for fault in faults))
        home = self._bench.home(self._old, self._new)
        pieces = {"old": self._old, "new": self._new}
        boards = {pieces[side].serial_number: board for side, board in self._boards.items()}
        for fault in faults:
            if isinstance(fault, SystemFault):
                self._bench.systems.behave(fault.system, **fault.behaviour())
        plugged = PluggedHome(home, boards, self._bench.systems, outlets=self._outlets)
        with plugged:
            swap_id = self._order()
            try:
                self._follow(swap_id, faults, limit_s)
            finally:
                self._heal()
            outcome.view = self._end(swap_id, outcome, limit_s)
        seen = plugged.seen()
        outcome.phase = str(outcome.view["phase"])
        outcome.seconds = time.time() - started
        outcome.gap_s = gap_s(home, seen, started)
        outcome.problems += violations(home, seen)
        self._check_end(outcome, in_service(home, seen[-1]))
        return outcome

    def _order(self) -> int:
        subject = self._bench.subject
        old, new = self._old.serial_number, self._new.serial_number
        return self._desk.order(subject.contract, subject.position, old, new, self._outlets)

    def _follow(self, swap_id: int, faults: Sequence[Fault], limit_s: float) -> None:
        """Have each fault happen at its step, once, until the replacement stands still."""
        waiting = [fault for fault in faults if not isinstance(fault, SystemFault)]
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            for fault in [one for one in waiting if one.step == self._step(swap_id)]:
                waiting.remove(fault)
                self._happen(fault, swap_id)
            if self._phase(swap_id) in (*ENDED, PERSON):
                return
            time.sleep(_LOOK_S)

    def _step(self, swap_id: int) -> str:
        ((plan, at, is_undoing),) = self._instance.query(_STEP, swap_id)
        return "" if is_undoing else str(plan.split(",")[at])

    def _phase(self, swap_id: int) -> str:
        ((phase,),) = self._instance.query("SELECT phase FROM swap WHERE id = ?", swap_id)
        return str(phase)

    def _happen(self, fault: BoardFault | ProcessFault | Abort, swap_id: int) -> None:
        if isinstance(fault, ProcessFault):
            with suppress(ServerStartError):  # it is just being started again
                self._instance.kill(fault.process)
        elif isinstance(fault, Abort):
            with suppress(BenchError):  # too late to call it off
                self._desk.act(swap_id, "abort")
        elif fault.kind == "power blink":
            if self._boards[fault.side].state()["powered"]:
                self._boards[fault.side].reset()
        elif fault.kind in ("power cut", "dead"):
            if self._boards[fault.side].state()["powered"]:
                self._boards[fault.side].power_cut(0)
            if fault.kind == "power cut":
                self._later(fault.seconds, partial(_restore, self._boards[fault.side]))
        elif self._outlets > 1:
            self._boards[fault.side].network("unplug")
            self._later(fault.seconds, partial(self._boards[fault.side].network, "plug"))

    def _later(self, seconds: float, action: Any) -> None:
        timer = threading.Timer(seconds, action)
        timer.start()
        self._timers.append(timer)

    def _heal(self) -> None:
        for timer in self._timers:
            timer.join()
        for system in self._bench.subject.calls:
            self._bench.systems.behave(system)
        for board in self._boards.values():
            _restore(board)

    def _end(self, swap_id: int, outcome: Outcome, limit_s: float) -> dict[str, Any]:
        """The replacement once it ended; a person does what it says where it asks for one."""
        found = self._desk.wait(swap_id, limit_s)
        if found["phase"] == PERSON:
            outcome.why = f"{found['why']} ({found['todo']})"
            self._desk.act(swap_id, "resume")
            wait_until(lambda: self._phase(swap_id) in ENDED, limit_s, "an end after a person came")
            found = self._desk.read(swap_id)
        if found["phase"] not in ENDED:
            outcome.problems.append(f"stands at {found['step']}: {found['waits_for']}")
        return found

    def _check_end(self, outcome: Outcome, serving: str) -> None:
        expected = {"done": self._new, "rolled_back": self._old}.get(outcome.phase)
        if expected is None:
            return
        wanted = expected.serial_number
        if serving != wanted:
            outcome.problems.append(f"{serving or 'nobody'} is in service, not {wanted}")
        other = self._old if expected is self._new else self._new
        serves = self._bench.serves
        try:
            wait_until(partial(serves, expected), _SETTLED_S, f"{wanted} serves")
            wait_until(lambda: not serves(other), _SETTLED_S, f"{other.serial_number} serves not")
            for piece in (self._old, self._new):
                agent = piece.board.spec.endpoint_id
                wait_until(partial(self._is_quits, agent), _BACK_S, f"{agent} is owed nothing")
        except BenchError as error:
            outcome.problems.append(str(error))

    def _is_quits(self, endpoint_id: str) -> bool:
        """Whether a unit that is back heard all that it has to."""
        return not self._instance.query(_DEBTS, endpoint_id)


def _restore(board: BoardControl) -> None:
    if not board.state()["powered"]:
        board.power_restore()
