"""Which live sessions have to be ended, because the certificate they began with is revoked."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, exists, select, update

from fleet_server.services import tables as t

_MOST_AT_ONCE = 20


def to_end(connection: Connection) -> list[str]:
    """Endpoints whose certificates are revoked, and whose session was not ended since.

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
        .distinct()
        .limit(_MOST_AT_ONCE)
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
