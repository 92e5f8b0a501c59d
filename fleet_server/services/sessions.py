"""Live sessions have to be ended when the certificate they began with is revoked.

The broker looks at its list of revoked certificates when somebody connects, and never again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, exists, func, select, update

from fleet_server.services import tables as t
from fleet_server.services.fleet import Fleet
from fleet_server.services.last_assignment import revoked_certificates

_MOST_AT_ONCE = 20
_MOST_KNOWN = 1000


@dataclass(slots=True)
class Revocations:
    """Keeps the broker's list of revoked certificates, and ends the sessions of those on it.

    `write` the list as it is at a moment; the broker has read it a turn later, so that whoever is
    thrown out then cannot come back. `end` the session of an endpoint, and put that down.
    """

    fleet: Fleet
    write: Callable[[datetime], None]
    end: Callable[[str], None]
    _count: int = -1
    _listed: set[str] = field(default_factory=set)

    def follow(self, now: datetime) -> None:
        """One turn, whether more certificates were revoked meanwhile or not."""
        with self.fleet.reading() as connection:
            waiting = to_end(connection)
            count = revoked_certificates(connection)  # after: what waits is always counted
        for endpoint_id in [one for one in waiting if one in self._listed][:_MOST_AT_ONCE]:
            self.end(endpoint_id)
        if count != self._count:
            self.write(now)
            self._count = count
        self._listed = set(waiting)


def to_end(connection: Connection) -> list[str]:
    """Endpoints whose certificates are revoked, and whose session was not ended since; those that
    wait longest.

    One that has a certificate in force again is left alone: its session is a new one.
    """
    certificate, other = t.certificate.c, t.certificate.alias("other")
    in_force = exists().where(
        other.c.endpoint_id == certificate.endpoint_id, other.c.revoked_at.is_(None)
    )
    query = (
        select(certificate.endpoint_id)
        .where(certificate.revoked_at.is_not(None), certificate.session_ended_at.is_(None))
        .where(~in_force)
        .group_by(certificate.endpoint_id)
        .order_by(func.min(certificate.revoked_at), certificate.endpoint_id)
        .limit(_MOST_KNOWN)
    )
    return list(connection.scalars(query))


def ended(connection: Connection, endpoint_id: str, now: datetime) -> None:
    """Put down that the session of an endpoint was ended."""
    certificate = t.certificate.c
    connection.execute(
        update(t.certificate)
        .where(
            certificate.endpoint_id == endpoint_id,
            certificate.revoked_at.is_not(None),
            certificate.session_ended_at.is_(None),
        )
        .values(session_ended_at=now)
    )
