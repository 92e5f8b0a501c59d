"""The audit log: who changed what, when, why, on what evidence; added to, never changed.

Each entry holds the digest of the one before it: SHA-256 over the previous digest and the entry's
members as a JSON list, in the order of `_link`. Whoever keeps one digest can prove later that
nothing before it was changed; `verify` recomputes the chain.

No personal data enters the chain, so that it can be erased: `detail` holds codes, days and amounts,
and a person's words (`reason`) stand in a table apart, bound to the chain by a salted digest. When
the words are erased the chain still holds, and nobody can guess them from the digest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, select, update

from fleet_server.services import tables as t
from fleet_server.services.upsert import insert_new, random_bytes

GENESIS = "0" * 64
COMMAND_LINE = "command line"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_HEAD = 1
_BATCH = 5_000

Detail = Mapping[str, str | int | bool | None]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: an account by its number, or a part of the system by its name."""

    kind: str
    name: str

    @classmethod
    def account(cls, account_id: int) -> Actor:
        return cls("account", str(account_id))

    @classmethod
    def system(cls, name: str) -> Actor:
        return cls("system", name)

    @classmethod
    def command_line(cls, name: str) -> Actor:
        """Whoever says to be `name` on the machine of the server."""
        return cls.system(f"{COMMAND_LINE}, {name}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One change. `action` is past tense, `subject` is `<kind>:<key>`, such as `unit:00000002`.

    `evidence` names what it rests on, such as `event:12`.
    """

    action: str
    subject: str
    detail: Detail = field(default_factory=dict)
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry as it stands in the log; `reason` is None once the words were erased."""

    sequence: int
    at: datetime
    actor: Actor
    action: str
    subject: str
    detail: dict[str, Any]
    evidence: tuple[str, ...]
    reason: str | None


@dataclass(frozen=True, slots=True)
class ChainReport:
    """`broken_at` is the first sequence number that does not fit, None when all do."""

    entries: int
    digest: str
    broken_at: int | None


def append(
    connection: Connection,
    actor: Actor,
    entries: Sequence[Entry],
    now: datetime,
    reason: str = "",
) -> list[int]:
    """Add entries to the end of the chain, in the caller's transaction; gives their numbers.

    `reason` is why, in a person's words, and holds for all of them.
    """
    if not entries:
        return []
    reason_digest = _keep_reason(connection, reason)
    sequence, digest = _locked_head(connection)
    rows = []
    for entry in entries:
        sequence += 1
        row: dict[str, Any] = {
            "sequence": sequence,
            "at": now,
            "actor_kind": actor.kind,
            "actor": actor.name,
            "action": entry.action,
            "subject": entry.subject,
            "detail": json.dumps(dict(entry.detail), sort_keys=True, ensure_ascii=False),
            "evidence": json.dumps(entry.evidence, ensure_ascii=False),
            "reason_digest": reason_digest,
            "previous_digest": digest,
        }
        digest = row["digest"] = _link(row)
        rows.append(row)
    connection.execute(t.audit_entry.insert(), rows)
    connection.execute(
        update(t.audit_head)
        .where(t.audit_head.c.id == _HEAD)
        .values(sequence=sequence, digest=digest)
    )
    return [row["sequence"] for row in rows]


def verify(connection: Connection) -> ChainReport:
    """Recompute the whole chain, and the words that are still there."""
    number, digest = 0, GENESIS
    while True:
        batch = connection.execute(
            select(t.audit_entry, t.audit_reason.c.salt, t.audit_reason.c.text)
            .outerjoin(
                t.audit_reason, t.audit_reason.c.reason_digest == t.audit_entry.c.reason_digest
            )
            .where(t.audit_entry.c.sequence > number)
            .order_by(t.audit_entry.c.sequence)
            .limit(_BATCH)
        ).all()
        for row in batch:
            if not _fits(row, number, digest):
                return ChainReport(number, digest, number + 1)
            number, digest = row.sequence, row.digest
        if not batch:
            break
    head = connection.execute(select(t.audit_head)).one()
    whole = (head.sequence, head.digest) == (number, digest)
    return ChainReport(number, digest, None if whole else number + 1)


def history(
    connection: Connection, subject: str, before: int | None = None, limit: int = 50
) -> list[Recorded]:
    """What happened to a subject, the newest first; `before` is a sequence number to go on from."""
    query = (
        select(t.audit_entry, t.audit_reason.c.text)
        .outerjoin(t.audit_reason, t.audit_reason.c.reason_digest == t.audit_entry.c.reason_digest)
        .where(t.audit_entry.c.subject == subject)
        .order_by(t.audit_entry.c.sequence.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(t.audit_entry.c.sequence < before)
    return [_recorded(row) for row in connection.execute(query)]


def _recorded(row: Row[Any]) -> Recorded:
    return Recorded(
        sequence=row.sequence,
        at=row.at,
        actor=Actor(row.actor_kind, row.actor),
        action=row.action,
        subject=row.subject,
        detail=json.loads(row.detail),
        evidence=tuple(json.loads(row.evidence)),
        reason=row.text if row.reason_digest else "",
    )


def _locked_head(connection: Connection) -> tuple[int, str]:
    head = connection.execute(
        select(t.audit_head).where(t.audit_head.c.id == _HEAD).with_for_update()
    ).one()
    return head.sequence, head.digest


def _keep_reason(connection: Connection, reason: str) -> str:
    reason = reason.replace("\0", "")  # which no database takes
    if not reason:
        return ""
    salt = random_bytes(connection)
    digest = _reason_digest(salt, reason)
    insert_new(
        connection,
        t.audit_reason,
        [{"reason_digest": digest, "salt": salt, "text": reason}],
        ("reason_digest",),
    )
    return digest


def _reason_digest(salt: bytes, reason: str) -> str:
    return hashlib.sha256(salt + reason.encode()).hexdigest()


def _fits(row: Row[Any], number: int, digest: str) -> bool:
    if row.salt is not None and _reason_digest(row.salt, row.text) != row.reason_digest:
        return False
    follows = row.sequence == number + 1 and row.previous_digest == digest
    return bool(follows and row.digest == _link(row._asdict()))


def _link(row: Mapping[str, Any]) -> str:
    members = [
        row["previous_digest"],
        row["sequence"],
        (row["at"] - _EPOCH) // _MILLISECOND,
        row["actor_kind"],
        row["actor"],
        row["action"],
        row["subject"],
        row["detail"],
        row["evidence"],
        row["reason_digest"],
    ]
    return hashlib.sha256(json.dumps(members, ensure_ascii=False).encode()).hexdigest()
