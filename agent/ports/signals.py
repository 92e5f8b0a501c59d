"""A signal of the hardware, on machines that have no asyncio.ThreadSafeFlag or need none."""

import asyncio


class Signal:
    """A pin that was pulled: `wait` returns once for each time it was."""

    def __init__(self):
        self._event = asyncio.Event()

    def pull(self):
        self._event.set()

    def is_pulled(self):
        """Whether `wait` would return at once."""
        return self._event.is_set()

    async def wait(self):
        await self._event.wait()
        self._event.clear()
