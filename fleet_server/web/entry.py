"""What people type into forms: moments in the time of the contracts, days, amounts."""

from __future__ import annotations

from datetime import UTC, date, datetime

from fleet_server.domain.errors import InvalidError, InvalidTimeError
from fleet_server.domain.local_time import ZONE


def moment_of(text: str) -> datetime:
    """A local moment such as `2027-03-09T01:00`, in UTC; of an hour that comes twice the first.

    Raises InvalidTimeError, also for a moment that the change to summer time leaves out.
    """
    try:
        local = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidTimeError("Not a moment: '%(text)s'.", text=text) from error
    if local.tzinfo is not None:
        return local.astimezone(UTC)
    found = local.replace(tzinfo=ZONE).astimezone(UTC)
    if found.astimezone(ZONE).replace(tzinfo=None) != local:
        raise InvalidTimeError("The clocks skip '%(text)s'.", text=text)
    return found


def day_of(text: str) -> date | None:
    """A day of a form, None where the field was left empty. Raises InvalidError."""
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise InvalidError("%(text)s is no day: write it as 2026-11-26.", text=text) from error


def cents_of(text: str) -> int | None:
    """Euro as a person writes them, in cents; None where nothing was written.

    Raises InvalidError.
    """
    wanted = text.strip().replace(",", ".")
    if not wanted:
        return None
    euro, _, fraction = wanted.partition(".")
    if not (euro.isascii() and euro.isdigit() and len(euro) <= 6 and len(fraction) <= 2):
        raise InvalidError("%(text)s is no amount: write it as 60,00.", text=text)
    if fraction and not (fraction.isascii() and fraction.isdigit()):
        raise InvalidError("%(text)s is no amount: write it as 60,00.", text=text)
    return int(euro) * 100 + int(fraction.ljust(2, "0") or 0)
