"""What people type into forms: moments in the time of the contracts."""

from __future__ import annotations

from datetime import UTC, datetime

from fleet_server.domain.errors import InvalidTimeError
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
