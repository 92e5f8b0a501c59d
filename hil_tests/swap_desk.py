"""Replacements as fleet ops orders and watches them, over the server's HTTP interface."""

from __future__ import annotations

import time
from typing import Any

import httpx

from hil_tests.errors import BenchError

ENDED = ("done", "rolled_back")
PERSON = "person"
_LOOK_S = 0.1
_CONSOLE_S = 60.0
_ACTS = {"abort": "abort", "waive": "waiver", "resume": "resumption"}


class SwapDesk:
    """`ops` and `technician` are clients that are signed in."""

    def __init__(self, ops: httpx.Client, technician: httpx.Client) -> None:
        self._ops = ops
        self._technician = technician

    def order(self, contract: str, position: str, old: str, new: str, outlets: int) -> int:
        """Have a technician at the customer's begin a replacement at once; gives its number."""
        body = {
            "contract": contract,
            "position": position,
            "old_serial": old,
            "new_serial": new,
            "trigger": "technician",
            "outlets": outlets,
            "reason": "made-up trial",
        }
        answer = _patiently(self._technician, "POST", "/api/v1/replacements", json=body)
        return int(_said(answer)["id"])

    def read(self, swap_id: int) -> dict[str, Any]:
        """Where it stands; tried again while the console is down."""
        return _said(_patiently(self._ops, "GET", f"/api/v1/replacements/{swap_id}"))

    def act(self, swap_id: int, what: str, reason: str = "made-up trial") -> None:
        """abort, waive or resume. Raises BenchError when that is not possible now."""
        path = f"/api/v1/replacements/{swap_id}/{_ACTS[what]}"
        _said(_patiently(self._ops, "POST", path, json={"reason": reason}))

    def wait(self, swap_id: int, timeout_s: float) -> dict[str, Any]:
        """Until it has ended or needs a person; as it is then, or when the time is up."""
        deadline = time.monotonic() + timeout_s
        while True:
            found = self.read(swap_id)
            if found["phase"] in (*ENDED, PERSON) or time.monotonic() > deadline:
                return found
            time.sleep(_LOOK_S)


def _patiently(client: httpx.Client, method: str, path: str, **words: Any) -> httpx.Response:
    """Ask again while the console is being started anew; a GET also when it went meanwhile."""
    again = httpx.TransportError if method == "GET" else httpx.ConnectError
    deadline = time.monotonic() + _CONSOLE_S
    while True:
        try:
            return client.request(method, path, **words)
        except again as error:
            if time.monotonic() > deadline:
                raise BenchError(f"no answer to {method} {path}: {error}") from error
            time.sleep(_LOOK_S)


def _said(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_error:
        raise BenchError(f"{answer.request.url} answered {answer.status_code}: {answer.text}")
    found: dict[str, Any] = answer.json() if answer.content else {}
    return found
