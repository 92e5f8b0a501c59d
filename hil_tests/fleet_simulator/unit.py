"""One simulated unit: the whole agent, its power in the bench's hand, its memory over boots."""

import asyncio
import json
import random
import time
from dataclasses import dataclass, field
from typing import Any

from agent.core.journal import Journal
from agent.core.replacement import RETURN_ME
from agent.core.session import Session
from agent.core.store import Store
from agent.main import Agent
from agent.tests.fakes import FakeStorage, PowerCut
from agent.wire import codes
from hil_tests.fleet_simulator import shared
from hil_tests.fleet_simulator.board import ROUTER_FILE, Restarting, UnitBoard
from hil_tests.fleet_simulator.link import Identities, Link, open_link
from hil_tests.fleet_simulator.plan import UnitPlan
from hil_tests.simulated_board.facts import ROUTERS, first_facts

HOLD_UP_S = 0.05
_REBOOT_S = 1.0
_BURY_S = 5.0
_END_S = 0.5


@dataclass(slots=True)
class Tally:
    """What the units of a fleet did, together."""

    dials: int = 0
    connections: int = 0
    restarts: int = 0
    handshake_s: float = 0.0
    failures: list[str] = field(default_factory=list)
    """Agents that ended by an error that nobody expected."""


class SimulatedAgent(Agent):
    """The agent; only its line is made light, and the bench can take its power away."""

    def __init__(
        self, board: UnitBoard, identities: Identities, tally: Tally, journals: dict[str, int]
    ) -> None:
        super().__init__(board)
        self._identities = identities
        self._tally = tally
        wipe = self.journal.wipe

        def wiped() -> None:
            journals[self.journal.epoch] = self.journal.last_sequence
            wipe()

        self.journal.wipe = wiped  # type: ignore[method-assign]  # the agent makes it
        self.link: Link | None = None
        self.left_behind: Link | None = None
        """The connection that the last power cut left at the broker."""

    def lose_power(self) -> Link | None:
        """Everything stops; returns the connection that nobody closes."""
        if self.link is not None:
            self.link.freeze()
        self._failure = PowerCut()
        self._ended.set()
        return self.link

    async def _open_link(self, settings: Any) -> Link:
        self._tally.dials += 1
        began_s = time.monotonic()
        self.link = await open_link(
            self._identities, settings.certificate, settings.key, settings.host, settings.port
        )
        self._tally.connections += 1
        self._tally.handshake_s += time.monotonic() - began_s
        if self.left_behind is not None:  # the broker finds out with the CONNECT that follows
            asyncio.get_running_loop().call_later(_BURY_S, self.left_behind.bury)
            self.left_behind = None
        return self.link


class Unit:
    """One unit. `poll_ms` is how often its agent looks around when nothing wakes it.

    `home` is the plan of the unit whose place in service it has; None for one that has none.
    `issued`: what it was given when it was enrolled, for whoever keeps a copy of it.
    """

    def __init__(
        self,
        plan: UnitPlan,
        provisioning: bytes,
        identities: Identities,
        tally: Tally,
        seed: int,
        poll_ms: int,
    ) -> None:
        self.plan = plan
        self.home = None if plan.spare else plan
        self.issued = provisioning if plan.is_enrolled else b""
        self.surges = 0
        self.power_cuts = 0
        self._identities = identities
        self._tally = tally
        self._poll_ms = poll_ms
        self._chance = random.Random(f"{seed} {plan.serial_number}")  # noqa: S311 - repeatable
        self._medium = FakeStorage()
        Store(self._medium).save("provisioning", provisioning)
        if plan.product_class in ROUTERS and not plan.spare:
            settings = json.dumps(first_facts(plan.spec)["settings"])
            self._medium.replace(ROUTER_FILE, [settings.encode()])
        self._wiped: dict[str, int] = {}
        self._board: UnitBoard | None = None
        self._agent: SimulatedAgent | None = None
        self._life: asyncio.Task[None] | None = None
        self._left_behind: Link | None = None

    @property
    def is_on(self) -> bool:
        return self._life is not None

    @property
    def is_online(self) -> bool:
        """Whether its connect Record left."""
        session: Session | None = self._agent.session if self._agent else None
        return session is not None and session.state == "online"

    @property
    def journal(self) -> Journal | None:
        """The journal of the last boot; None before the first."""
        return self._agent.journal if self._agent else None

    @property
    def journals(self) -> dict[str, int]:
        """The last sequence of each epoch of its journal; none before its first boot."""
        journal = self.journal
        return (
            self._wiped
            if journal is None
            else {**self._wiped, journal.epoch: journal.last_sequence}
        )

    @property
    def serves(self) -> bool:
        """Whether it lets its customer's traffic through, as far as it depends on the unit."""
        return self.is_on and self._board is not None and self._board.serves

    @property
    def is_fenced(self) -> bool:
        """Whether it shows "return me", and has forgotten who it was and for whom."""
        shows = self._board.shows if self._board else ""
        blank = Store(self._medium).load("provisioning") is None
        return blank and shows == RETURN_ME

    @property
    def settings(self) -> dict[str, Any] | None:
        """What the customer set on it; None where there is nothing to set."""
        router = self.board.customer
        return router.settings() if router else None

    @property
    def board(self) -> UnitBoard:
        """The hardware as it is powered now; raises AssertionError when it never was."""
        assert self._board is not None, "power_on first"
        return self._board

    def power_on(self, cause: int = codes.RESET_POWER_ON) -> None:
        """Start the agent, as it starts after that reset; nothing happens to a running unit."""
        if self._life is None:
            self._life = asyncio.create_task(self._live(cause))

    async def cut_power(self, gasps: bool = True) -> None:
        """The supply goes. `gasps`: the hold-up is long enough for the power-fail signal to work.

        The broker is not told: the connection stays until it finds out by itself.
        """
        life, self._life = self._life, None
        if life is None:
            return
        self.power_cuts += 1
        if gasps and self._agent and self._agent.session:
            self.board.fail_power()
            await asyncio.sleep(HOLD_UP_S)
        self.board.lose_power()
        if self._agent is not None:
            self._left_behind = self._agent.lose_power()
        await asyncio.wait({life}, timeout=_END_S)  # the agent ends its tasks itself
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)

    async def switch_off(self) -> None:
        """End it for good, and what is left of its connections."""
        await self.cut_power(gasps=False)
        if self._left_behind is not None:
            self._left_behind.bury()

    def surge(self) -> None:
        """A surge on the supply of a unit that is on."""
        if self._life is not None:
            self.surges += 1
            self.board.surge()

    async def _live(self, cause: int) -> None:
        while True:
            self._board = UnitBoard(self.plan, self._medium, self._chance, cause, self._poll_ms)
            context = shared.booted_now()
            boot = asyncio.get_running_loop().create_task(self._boot(), context=context)
            try:
                await boot
            except Restarting as restarting:
                cause = restarting.args[0]
                self._tally.restarts += 1
            except PowerCut:
                return
            except Exception as error:  # noqa: BLE001 - counted, and the unit starts anew
                self._tally.failures.append(f"{self.plan.serial_number}: {error!r}")
                cause = codes.RESET_CRASH
            finally:
                boot.cancel()
            await asyncio.sleep(_REBOOT_S)

    async def _boot(self) -> None:
        self._agent = SimulatedAgent(self.board, self._identities, self._tally, self._wiped)
        self._agent.left_behind, self._left_behind = self._left_behind, None
        await self._agent.run()
