"""The token that opens the serial console of a provisioned production unit.

Source: docs/developer/architecture.md, "Serial console", verb `open`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from agent.wire.authorisation import CONSOLE_COMMAND, signing_input, token_text
from fleet_server.domain.errors import BlacklistedUnitError
from fleet_server.services.fleet import Fleet
from fleet_server.services.views_units import read_unit

LIFETIME = timedelta(minutes=10)


def console_token(fleet: Fleet, serial_number: str, nonce: str, now: datetime) -> str:
    """A token for this unit and this `nonce` (of its last `hello`) alone.

    Raises UnknownUnitError, or BlacklistedUnitError: a stolen unit is opened by nobody.
    """
    with fleet.reading() as connection:
        unit = read_unit(connection, serial_number)
    if unit.blacklisted:
        raise BlacklistedUnitError(f"Unit {serial_number} is blacklisted.")
    signed = signing_input(
        unit.endpoint_id,
        CONSOLE_COMMAND,
        nonce,
        {},
        0,
        int(now.timestamp()),
        int((now + LIFETIME).timestamp()),
    )
    return token_text(signed, fleet.command_key.sign(signed))
