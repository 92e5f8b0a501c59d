"""Counts every request, and logs those that change something, are refused, fail or are slow.

What is logged and counted is the route as it is declared (`/api/v1/units/{serial}`), never the
address or the query that was asked for, and nothing of the body: no personal data can be in it.
"""

from __future__ import annotations

import logging
import time

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

_READING = ("GET", "HEAD")
_SLOW_S = 1.0
_REFUSED = 400
_UNMATCHED = "(no such address)"


class RequestLog:
    """Stands before everything; its figures are in `registry`."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._requests = Counter(
            "fleet_http_requests",
            "Requests answered",
            ("method", "route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "fleet_http_request_seconds", "Time to answer", ("method", "route"), registry=registry
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began_s = 500, time.perf_counter()

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            self._note(scope, status, time.perf_counter() - began_s)

    def _note(self, scope: Scope, status: int, length_s: float) -> None:
        method, route = scope["method"], _route(scope)
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(length_s)
        if method not in _READING or status >= _REFUSED or length_s >= _SLOW_S:
            logger.info("%s %s %d, %.0f ms", method, route, status, length_s * 1000)


def _route(scope: Scope) -> str:
    route = getattr(scope.get("route"), "path", None)
    return f"{scope.get('root_path', '')}{route}" if route else _UNMATCHED
