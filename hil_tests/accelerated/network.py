"""The line between an agent and its broker: takes time, goes dark, breaks, refuses."""

import asyncio
import random
from collections.abc import Callable

_RESET = 104
_UNREACHABLE = 113
_SLOWEST_S = 0.2


class Network:
    """What the line does now. Dark: bytes stop and nobody closes anything."""

    def __init__(self, loop: asyncio.AbstractEventLoop, chance: random.Random) -> None:
        self.loop = loop
        self.refuses = False
        self._chance = chance
        self._dark = False
        self._links: list[Link] = []

    def connect(self, serve: Callable[["Link"], None]) -> "Link":
        """A new connection, which `serve` takes at the far end. Raises OSError."""
        if self.refuses or self._dark:
            raise OSError(_UNREACHABLE)
        link = Link(self)
        self._links = [each for each in self._links if not each.closed]
        self._links.append(link)
        serve(link)
        return link

    def darken(self) -> None:
        self._dark = True

    def light(self) -> None:
        """Bytes flow on, those of before first."""
        self._dark = False
        for link in self._links:
            link.flow()

    def reset(self) -> None:
        """Every connection breaks, and both ends learn of it."""
        for link in self._links:
            link.close()

    @property
    def dark(self) -> bool:
        return self._dark

    def delay_s(self) -> float:
        return self._chance.random() ** 4 * _SLOWEST_S


class Link:
    """The agent's end, as `agent/ports/link.py`; `receive` and `send` are the broker's."""

    def __init__(self, network: Network) -> None:
        self.closed = False
        self.on_bytes: Callable[[bytes], None] = lambda data: None
        self.on_close: Callable[[], None] = lambda: None
        self._network = network
        self._arrived = bytearray()
        self._something = asyncio.Event()
        self._held: list[tuple[Callable[[bytes], None], bytes]] = []
        self._last_s = 0.0

    async def fill(self, view: memoryview) -> None:
        while len(self._arrived) < len(view):
            if self.closed:
                raise OSError(_RESET)
            self._something.clear()
            await self._something.wait()
        view[:] = self._arrived[: len(view)]
        del self._arrived[: len(view)]

    async def write(self, data: bytes | memoryview) -> None:
        if not self.write_now(data):
            raise OSError(_RESET)
        await asyncio.sleep(0)

    def write_now(self, data: bytes | memoryview) -> bool:
        if self.closed:
            return False
        self._carry(lambda arrived: self.on_bytes(arrived), bytes(data))
        return True

    def send(self, data: bytes) -> None:
        """From the broker to the agent."""
        self._carry(self._take, data)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._something.set()
            self._network.loop.call_soon(self.on_close)

    def flow(self) -> None:
        """What was held while it was dark goes on."""
        held, self._held = self._held, []
        for deliver, data in held:
            self._carry(deliver, data)

    def _take(self, data: bytes) -> None:
        self._arrived += data
        self._something.set()

    def _carry(self, deliver: Callable[[bytes], None], data: bytes) -> None:
        if self._network.dark:
            self._held.append((deliver, data))
            return
        now_s = self._network.loop.time()
        self._last_s = max(self._last_s, now_s + self._network.delay_s())
        self._network.loop.call_at(self._last_s, self._deliver, deliver, data)

    def _deliver(self, deliver: Callable[[bytes], None], data: bytes) -> None:
        if self._network.dark:
            self._held.append((deliver, data))
        elif not self.closed:
            deliver(data)
