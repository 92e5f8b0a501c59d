"""The versions of the allow-list: signed, published to the network, rolled out, confirmed.

A list is published first to the operator's systems and then to every device on a contract, as each
is connected. A device has confirmed a version when it says that this version is in force: with the
event `AllowListChanged!`, or by its parameter at its next connection. The newest published version
that has not expired is the one that is rolled out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    cast,
    func,
    literal,
    literal_column,
    select,
)

from agent.wire.allow_list import claims_of, split_document
from fleet_server.domain.errors import UnknownAllowListError
from fleet_server.domain.operations import GiveAllowList, PublishAllowList, System
from fleet_server.domain.presence import ONLINE
from fleet_server.services import audit, outbox
from fleet_server.services import tables as t
from fleet_server.services.allow_list import read_allow_list, sign_allow_list
from fleet_server.services.audit import Actor, Detail, Entry
from fleet_server.services.fleet import Fleet
from fleet_server.services.subscriptions import ALLOW_LIST_VERSION
from fleet_server.services.upsert import insert_new

_NETWORK_STAGE, _DEVICE_STAGE = 1, 2
_MOST_AT_ONCE = 500
_DECISION = "allow-list-"
# Written out, not bound: a partial index is used only for the very text of its condition.
_IS_VERSION: ColumnElement[bool] = literal_column(f"parameter.path = '{ALLOW_LIST_VERSION}'")


@dataclass(frozen=True, slots=True)
class AllowListVersion:
    """One list; `confirmed` counts the devices that said it is in force, of `devices` in service.

    `published_at` is None for a list that was signed and not published.
    """

    version: int
    signed_at: datetime
    expires_at: datetime
    published_at: datetime | None
    in_network: bool
    confirmed: int
    devices: int


def sign(
    connection: Connection, fleet: Fleet, text: str, actor: Actor, reason: str, now: datetime
) -> tuple[int, str]:
    """Sign the list of a TOML text and keep it; gives its version and document.

    The same list again gives the document of before. Raises InvalidAllowListError or
    OlderAllowListError.
    """
    wanted = read_allow_list(text)
    document = sign_allow_list(fleet, wanted, _signed_before(connection), now)
    expires_at = datetime.fromtimestamp(wanted.expires_at, UTC)
    row = {
        "version": wanted.version,
        "document": document,
        "expires_at": expires_at,
        "signed_at": now,
    }
    if insert_new(connection, t.allow_list, [row], ("version",)):
        detail: Detail = {"expires_at": expires_at.isoformat(), "characters": len(document)}
        entry = Entry("allow_list_signed", f"allow_list:{wanted.version}", detail)
        audit.append(connection, actor, [entry], now, reason)
    return wanted.version, document


def keep(connection: Connection, documents: Mapping[int, str]) -> None:
    """Put lists on record that were signed before, each by its version."""
    rows = []
    for version, document in documents.items():
        claims = claims_of(split_document(document)[0])
        expires_at = datetime.fromtimestamp(claims["exp"], UTC)
        signed_at = datetime.fromtimestamp(claims["iat"], UTC)
        row = {"version": version, "document": document, "expires_at": expires_at}
        rows.append({**row, "signed_at": signed_at})
    insert_new(connection, t.allow_list, rows, ("version",))


def publish(connection: Connection, version: int, actor: Actor, reason: str, now: datetime) -> None:
    """Give a signed list to the operator's systems; devices follow as they are connected.

    Publishing it again does nothing. Raises UnknownAllowListError.
    """
    document = connection.scalar(
        select(t.allow_list.c.document).where(t.allow_list.c.version == version)
    )
    if document is None:
        raise UnknownAllowListError(
            "No allow-list with version %(version)s was signed.", version=version
        )
    if published_version(connection) == version:
        return
    entry = Entry("allow_list_published", f"allow_list:{version}")
    audit.append(connection, actor, [entry], now, reason)
    operation = PublishAllowList(version, document)
    stage = ((System.ACCESS, operation), (System.VOICE, operation))
    outbox.queue(connection, _decision(version), [stage], now)


def published_version(connection: Connection) -> int | None:
    """The newest list that was published."""
    name = literal(_DECISION) + cast(t.allow_list.c.version, String)
    version: int | None = connection.scalar(
        select(func.max(t.allow_list.c.version)).where(
            select(t.outbox.c.id).where(t.outbox.c.decision == name).exists()
        )
    )
    return version


def roll_out(connection: Connection, now: datetime) -> int:
    """Queue the list in force for devices that are connected and have another; gives how many."""
    version = published_version(connection)
    row = connection.execute(
        select(t.allow_list).where(
            t.allow_list.c.version == version, t.allow_list.c.expires_at > now
        )
    ).one_or_none()
    if row is None:
        return 0
    decision = _decision(row.version)
    name = literal(f"{decision}/") + t.unit.c.endpoint_id
    queued = select(t.outbox.c.id).where(t.outbox.c.operation_id == name).exists()
    has_it = (
        select(t.parameter.c.value)
        .where(
            t.parameter.c.endpoint_id == t.unit.c.endpoint_id,
            t.parameter.c.path == ALLOW_LIST_VERSION,
            t.parameter.c.value == str(row.version),
        )
        .exists()
    )
    outdated = connection.scalars(
        _in_service()
        .join(t.presence, t.presence.c.endpoint_id == t.unit.c.endpoint_id)
        .where(t.presence.c.state == ONLINE, ~queued, ~has_it)
        .limit(_MOST_AT_ONCE)
    ).all()
    for endpoint_id in outdated:
        give = GiveAllowList(endpoint_id, row.version, row.document)
        to = (System.DEVICE, give)
        outbox.queue_one(connection, decision, endpoint_id, _DEVICE_STAGE, to, now)
    return len(outdated)


def list_versions(connection: Connection) -> list[AllowListVersion]:
    """Every list, the newest first, with how far it has come."""
    said = select(t.parameter.c.value, func.count()).where(_IS_VERSION)
    counts = connection.execute(said.group_by(t.parameter.c.value)).all()
    confirmed: dict[str, int] = {value: count for value, count in counts}
    devices = connection.scalar(select(func.count()).select_from(_in_service().subquery())) or 0
    rows = connection.execute(select(t.allow_list).order_by(t.allow_list.c.version.desc())).all()
    return [_version(connection, row, confirmed.get(str(row.version), 0), devices) for row in rows]


def document_of(connection: Connection, version: int) -> str:
    """Raises UnknownAllowListError."""
    document: str | None = connection.scalar(
        select(t.allow_list.c.document).where(t.allow_list.c.version == version)
    )
    if document is None:
        raise UnknownAllowListError(
            "No allow-list with version %(version)s was signed.", version=version
        )
    return document


def _version(connection: Connection, row: Any, confirmed: int, devices: int) -> AllowListVersion:
    network = connection.execute(
        select(t.outbox.c.queued_at, t.outbox.c.state).where(
            t.outbox.c.decision == _decision(row.version), t.outbox.c.stage == _NETWORK_STAGE
        )
    ).all()
    return AllowListVersion(
        version=row.version,
        signed_at=row.signed_at,
        expires_at=row.expires_at,
        published_at=min((one.queued_at for one in network), default=None),
        in_network=bool(network) and all(one.state == outbox.State.DONE for one in network),
        confirmed=confirmed,
        devices=devices,
    )


def _in_service() -> Any:
    return (
        select(t.unit.c.endpoint_id)
        .join(t.assignment, t.assignment.c.unit_id == t.unit.c.id)
        .where(t.open_assignment, t.unit.c.endpoint_id.is_not(None))
        .distinct()
    )


def _signed_before(connection: Connection) -> dict[int, str]:
    rows = connection.execute(select(t.allow_list.c.version, t.allow_list.c.document))
    return {row.version: row.document for row in rows}


def _decision(version: int) -> str:
    return f"{_DECISION}{version}"
