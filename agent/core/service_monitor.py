"""Keeps the filter in step with time, clock and network, and tells what changed in the service.

What it tells is kept beside the state, so that a change that was kept is told after a power cut
too. An event that was recorded just before a cut may be told once more: it is true both times.
"""

from agent.compat import const
from agent.core.parts import part
from agent.errors import StorageError

_LOOK_AGAIN_MS = const(3600000)  # the clock may be put right meanwhile
_RETRY_MS = const(10000)


class Monitor:
    def __init__(self, device, endpoint) -> None:
        self._device = device
        self._endpoint = endpoint
        self._has_television = device.board.product_class == "STB"
        self._network = None
        self._dated = device.clock.trusted
        device.service_news = True
        self._enforce(0)

    def look(self, now_ms: int) -> None:
        device = self._device
        network = device.facts("network") if self._has_television else None
        dated = device.clock.trusted
        if device.service_news or network != self._network or dated != self._dated:
            self._network = network
            self._dated = dated
            device.service_news = False
            self._tell(now_ms)
        elif now_ms < self._due_ms:
            return
        self._enforce(now_ms)

    def _enforce(self, now_ms):
        device = self._device
        edge_s = part("service").apply(device)
        self._due_ms = now_ms + _LOOK_AGAIN_MS
        if device.board.filter and device.board.filter.failure:
            self._due_ms = now_ms + _RETRY_MS
        elif edge_s:
            self._due_ms = min(self._due_ms, edge_s * 1000 - device.offset_ms)

    def _tell(self, now_ms):
        try:
            part("service_events").tell(self._device, self._endpoint, now_ms)
        except StorageError:
            self._device.service_news = True
