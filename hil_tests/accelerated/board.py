"""A board in virtual time: its supply, its storage that survives a cut, and the agent on it."""

import asyncio
from collections.abc import Callable
from typing import Any

from agent.core.enrolment import packed
from agent.core.store import Store
from agent.main import Agent
from agent.ports.board import Board
from agent.ports.signals import Signal
from agent.tests.fakes import FakeStorage, PowerCut
from agent.wire import codes
from hil_tests.accelerated.controller import CONTROLLER
from hil_tests.accelerated.network import Link

NOMINAL_MV = 12_000


class Storage(FakeStorage):
    """Loses everything that is written once its power is gone."""

    dead = False

    def _step(self) -> None:
        if self.dead:
            raise PowerCut
        super()._step()


class VirtualBoard(Board):
    """The hardware: what it measures now, and why it started."""

    manufacturer = "IPKO-COM"
    manufacturer_oui = "00256D"
    model_name = "VIRTUAL"
    hardware_version = "A0"
    lab = True
    sensors = ("supply", "power_fail")

    def __init__(
        self,
        product_class: str,
        facts: dict[str, dict[str, Any]],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self.product_class = product_class
        self.serial_number = f"9{('MODEM', 'VOICEMODEM', 'STB').index(product_class):07}"
        self.known = facts
        self.supply = NOMINAL_MV
        self.cause = codes.RESET_POWER_ON
        self.medium = Storage()
        self.restarted = asyncio.Event()
        self._random_bytes = random_bytes
        self.power_fail = self._fail_signal = Signal()
        self.card: bool | None = True if product_class == "STB" else None
        self.card_changed = self.card_switch = Signal()

    def storage(self) -> Storage:
        return self.medium

    def random(self, size: int) -> bytes:
        return self._random_bytes(size)

    def lose_power(self) -> None:
        """From now on nothing more is written; what was is there after the next start."""
        self.medium.dead = True

    def find_power(self) -> None:
        before, self.medium = self.medium, Storage()
        self.medium.files = dict(before.files)

    def reset_cause(self) -> int:
        return self.cause

    def card_present(self) -> bool | None:
        return self.card

    def supply_mv(self) -> int:
        return self.supply

    def facts(self, subject: str) -> dict[str, Any] | None:
        return self.known.get(subject)

    def fail_power(self) -> None:
        """The comparator's signal."""
        self._fail_signal.pull()

    def restart(self) -> None:
        self.restarted.set()
        raise PowerCut

    def console(self) -> Any:
        return self._read, lambda data: None

    async def _read(self, size: int) -> bytes:
        await asyncio.Event().wait()
        return b""


def provision(board: VirtualBoard) -> None:
    """Leave what `commit` leaves; certificates mean nothing on this line."""
    names = ("certificate", "ca", "command_key", "key", "key_der")
    values = {name: b"made up" for name in names}
    values |= {
        "broker_host": b"broker",
        "broker_port": b"8883",
        "controller": CONTROLLER.encode(),
        "position": b"made up",
    }
    Store(board.medium).save("provisioning", packed(values))


class VirtualAgent(Agent):
    """The whole agent; only its line is not of this world."""

    def __init__(self, board: VirtualBoard, connect: Callable[[], Link]) -> None:
        self._connect = connect
        super().__init__(board)

    def journal_is_empty(self) -> bool:
        """Whether everything was delivered."""
        return self.journal.pending_count == 0

    async def _open_link(self, settings: object) -> Any:
        await asyncio.sleep(0.05)
        return self._connect()
