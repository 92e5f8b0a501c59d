"""A device's console as provisioning uses it: one method per verb, pieces put together."""

from dataclasses import dataclass
from typing import Any

from firmware_tools.errors import DeviceChangedError, NoAnswerError
from firmware_tools.serial_link import SerialLink

PROTOCOL = 1
PIECE_CHARACTERS = 1024
"""Longest part of a value in one `install`; a line must stay under 2,048 bytes."""


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """What the device says about itself; `state` is blank, keyed or provisioned."""

    endpoint_id: str
    product_class: str
    serial_number: str
    model_name: str
    hardware_version: str
    software_version: str
    lab: bool
    state: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a report; `number` is the channel, or 0; `verdict` pass, fail or another word."""

    key: str
    number: int
    value: str
    verdict: str


class DeviceConsole:
    """Raises what SerialLink raises, and DeviceChangedError when the device is another one."""

    def __init__(self, link: SerialLink) -> None:
        self._link = link
        self._endpoint_id = ""

    def hello(self) -> DeviceIdentity:
        answer = self._link.request("hello")
        if answer.get("protocol") != PROTOCOL:
            raise NoAnswerError(
                f"the device speaks console protocol {answer.get('protocol')}, not {PROTOCOL}",
                "Install firmware tools that fit this device's software.",
            )
        names = DeviceIdentity.__dataclass_fields__
        identity = DeviceIdentity(**{name: answer.get(name, "") for name in names})
        if self._endpoint_id not in ("", identity.endpoint_id):
            raise DeviceChangedError(
                f"{identity.endpoint_id} answers now; it was {self._endpoint_id} before"
            )
        self._endpoint_id = identity.endpoint_id
        return identity

    def open(self, token: str) -> None:
        """Open the console of a production unit that is provisioned already."""
        self._link.request("open", {"token": token})

    def new_key(self) -> str:
        """Have the device make its key; return the certificate request (base64 DER)."""
        return str(self._link.request("new_key")["csr"])

    def install(self, name: str, value: str | int) -> None:
        """Stage one setting, long ones in pieces."""
        if not isinstance(value, str) or len(value) <= PIECE_CHARACTERS:
            self._link.request("install", {"name": name, "value": value})
            return
        for offset in range(0, len(value), PIECE_CHARACTERS):
            piece = value[offset : offset + PIECE_CHARACTERS]
            self._link.request("install", {"name": name, "value": piece, "offset": offset})

    def commit(self) -> None:
        """Make all that is staged take effect at once."""
        self._link.request("commit")

    def status(self) -> dict[str, Any]:
        """Return `link` (down, connecting, online), `error`, `journal_pending`, `clock`, ..."""
        return self._link.request("status")

    def report(self, name: str) -> list[Row]:
        """Return the rows of `status`, `levels`, `events`, `test`, or what else the device has."""
        rows: list[Row] = []
        start: int | None = 0
        while start is not None:
            answer = self._link.request("report", {"name": name, "from": start})
            rows += [Row(*row) for row in answer["rows"]]
            start = answer.get("next")
        return rows

    def reboot(self) -> None:
        self._link.request("reboot")
