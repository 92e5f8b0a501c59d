"""What the tools ask the fleet server over its HTTP API, and its refusals as our errors."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx

from firmware_tools.errors import (
    BlacklistedError,
    CertificateRefusedError,
    ContractError,
    PositionTakenError,
    ServerUnreachableError,
    SignInError,
    ToolError,
    UnitNotFreeError,
    UnknownSerialError,
)

_TIMEOUT_S = 15.0
_PROBLEM_PREFIX = "urn:ipko-fleet:problem:"
_ERRORS: Mapping[str, type[ToolError]] = {
    "wrong-sign-in": SignInError,
    "not-signed-in": SignInError,
    "not-permitted": SignInError,
    "too-many-attempts": SignInError,
    "unknown-unit": UnknownSerialError,
    "unknown-contract": ContractError,
    "unknown-position": ContractError,
    "wrong-kind": ContractError,
    "blacklisted": BlacklistedError,
    "lab-unit": UnitNotFreeError,
    "unapproved-model": UnitNotFreeError,
    "unit-in-service": UnitNotFreeError,
    "position-taken": PositionTakenError,
    "invalid-csr": CertificateRefusedError,
}


class Registry:
    """The fleet server as the tools see it; a context manager.

    Every method raises ServerUnreachableError when nothing answers, and the ToolError that fits
    when the server refuses.
    """

    def __init__(
        self, server: str, token: str | None = None, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._server = server.rstrip("/")
        if not self._server.startswith(("http://", "https://")):
            raise ServerUnreachableError(
                f"{server!r} is no address of a server",
                f"Begin it with http:// or https://, such as http://{server}.",
            )
        base = f"{self._server}/api/v1"
        try:
            self._client = httpx.Client(base_url=base, timeout=_TIMEOUT_S, transport=transport)
        except (httpx.InvalidURL, ValueError) as error:
            raise ServerUnreachableError(f"{server!r} is no address of a server") from error
        if token:
            self._use(token)

    def sign_in(self, username: str, password: str) -> None:
        answer = self._call("POST", "/session", {"username": username, "password": password})
        self._use(str(answer["token"]))

    def unit(self, serial_number: str) -> dict[str, Any]:
        """Return `endpoint_id`, `status` (in_stock, in_service, blacklisted), `contract`, ..."""
        return self._call("GET", f"/units/{quote(serial_number, safe='')}")

    def enrol(self, serial_number: str, csr: str, contract: str, position: str) -> dict[str, Any]:
        """Put the unit into its position; return what it must be given. `csr` is base64 DER."""
        body = {"csr": csr, "contract": contract, "position": position}
        return self._call("POST", f"/units/{quote(serial_number, safe='')}/enrolment", body)

    def console_token(self, serial_number: str, nonce: str) -> str:
        """Return the token that opens the console of a unit which is provisioned already."""
        path = f"/units/{quote(serial_number, safe='')}/console-token"
        return str(self._call("POST", path, {"nonce": nonce})["token"])

    def presence(self, serial_number: str) -> str:
        """Return online, suspect, offline or never."""
        answer = self._call("GET", f"/units/{quote(serial_number, safe='')}/presence")
        return str(answer["presence"])

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> "Registry":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _use(self, token: str) -> None:
        self._client.headers["Authorization"] = f"Bearer {token}"

    def _call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        try:
            answer = self._client.request(method, path, json=body)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ServerUnreachableError(
                f"{self._server}: no answer ({type(error).__name__}: {error})"
            ) from error
        content = _object(answer)
        if answer.is_success and content is not None:
            return content
        raise self._refusal(answer, content or {})

    def _refusal(self, answer: httpx.Response, problem: Mapping[str, Any]) -> ToolError:
        code = str(problem.get("type", "")).removeprefix(_PROBLEM_PREFIX)
        if code in _ERRORS:
            text = str(problem.get("detail") or problem.get("title"))
            return _ERRORS[code](text, problem.get("next"))
        if answer.status_code in (401, 403):
            return SignInError(f"{self._server}: {problem.get('title', 'not permitted')}")
        if not problem:
            return ServerUnreachableError(f"{self._server}: this is not a fleet server's answer")
        return ToolError(f"{self._server}: {problem.get('title')}: {problem.get('detail')}")


def _object(answer: httpx.Response) -> dict[str, Any] | None:
    try:
        content = answer.json()
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
