"""The desk of one person at an installation: its HTTP interface, signed in."""

import secrets
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

import httpx

from hil_tests.errors import BenchError

_TIMEOUT_S = 60.0
_PAGE = 200


class Office:
    """A context manager; for several threads at once. Raises BenchError at a wrong password."""

    def __init__(self, http_port: int, username: str, password: str) -> None:
        base = f"http://127.0.0.1:{http_port}/api/v1"
        self._http_port = http_port
        self._client = httpx.Client(base_url=base, timeout=_TIMEOUT_S)
        sign_in = {"username": username, "password": password}
        token = self.call("POST", "/session", sign_in)["token"]
        self._client.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The answer, None where it is empty; waits where it asks too often.

        Raises BenchError when it is refused.
        """
        while True:
            answer = self._client.request(method, path, json=body)
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                break
            time.sleep(float(answer.headers["Retry-After"]))  # as the server asks
        if answer.is_error:
            raise BenchError(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
        return answer.json() if answer.content else None

    def rows(self, path: str, **query: str) -> Iterator[dict[str, Any]]:
        """All rows of a list, page by page."""
        asked = {**query, "limit": _PAGE}
        while True:
            page = self.call("GET", f"{path}?{urlencode(asked)}")
            yield from page["items"]
            if page["next"] is None:
                return
            asked["after"] = page["next"]

    def colleague(self, role: str) -> "Office":
        """Another person of that role, with an account made now; for an administrator's desk."""
        username, password = f"{role}-{secrets.token_hex(4)}", secrets.token_urlsafe(16)
        account = {"username": username, "role": role, "password": password}
        self.call("POST", "/accounts", account)
        return Office(self._http_port, username, password)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()
