"""Idempotency keys: a write that is sent again is answered again, and done once.

A key belongs to one account. The first request claims it; the same request sent again gets the
stored answer; another request under the same key is refused; so is one that comes while the first
is still at work. A claim without an answer is never taken over: whether the first was done is then
not known, and a person has to look.

Kept are SHA-256 of the key, and an HMAC of the request under the key itself, which only the caller
knows: what was in the request, a password for instance, cannot be guessed from the table. An answer
that holds a secret or personal data is not kept (`fleet_server/api/idempotency.py` says which).

Source: draft-ietf-httpapi-idempotency-key-header-07, sections 2.2 to 2.7.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, delete, select, update

from fleet_server.domain.errors import ConflictError, InvalidError
from fleet_server.services import tables as t
from fleet_server.services.upsert import insert_new

LIFETIME = timedelta(hours=24)
SHORTEST_KEY, LONGEST_KEY = 16, 64
"""A UUID has 36 characters; shorter than 16 could be guessed."""


class InvalidKeyError(InvalidError):
    """Not 16 to 64 visible ASCII characters."""


class KeyReusedError(InvalidError):
    """The key stands for another request."""


class KeyInUseError(ConflictError):
    """The first request with this key has given no answer: at work still, or broken off."""


class AnswerNotKeptError(ConflictError):
    """The request was done; its answer held what is not kept."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the first request was answered."""

    status: int
    media_type: str
    location: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """One write: who sends it under which key, and what it is."""

    account_id: int
    key: str
    method: str
    target: str
    body: bytes

    def __post_init__(self) -> None:
        if not SHORTEST_KEY <= len(self.key) <= LONGEST_KEY or not (
            self.key.isascii() and self.key.isprintable() and " " not in self.key
        ):
            raise InvalidKeyError(
                f"Idempotency-Key has {SHORTEST_KEY} to {LONGEST_KEY} visible ASCII characters."
            )

    @property
    def key_hash(self) -> str:
        return hashlib.sha256(self.key.encode()).hexdigest()

    @property
    def fingerprint(self) -> str:
        line = f"{self.account_id} {self.method} {self.target}\n".encode()
        return hmac.new(self.key.encode(), line + self.body, hashlib.sha256).hexdigest()


def claim(connection: Connection, request: Request, now: datetime) -> Answer | None:
    """The stored answer, or None when this is the first request with its key.

    Raises KeyReusedError, KeyInUseError or AnswerNotKeptError. Clears what has ended.
    """
    kept = t.idempotency_key
    connection.execute(delete(kept).where(kept.c.claimed_at <= now - LIFETIME))
    claimed = {
        "account_id": request.account_id,
        "key_hash": request.key_hash,
        "fingerprint": request.fingerprint,
        "claimed_at": now,
    }
    if insert_new(connection, kept, [claimed], ("key_hash",)):
        return None
    row = connection.execute(select(kept).where(_is(request))).one()
    if row.fingerprint != request.fingerprint:
        raise KeyReusedError("This Idempotency-Key stands for another request.")
    if row.status is None:
        raise KeyInUseError("The first request with this Idempotency-Key has given no answer.")
    if row.body is None:
        raise AnswerNotKeptError(
            f"The request was done and answered {row.status}; its answer is not kept."
        )
    return Answer(row.status, row.media_type, row.location, row.body)


def keep(connection: Connection, request: Request, answer: Answer, *, whole: bool) -> None:
    """Put down the answer; without its body unless `whole`."""
    connection.execute(
        update(t.idempotency_key)
        .where(_is(request))
        .values(
            status=answer.status,
            media_type=answer.media_type,
            location=answer.location if whole else "",
            body=answer.body if whole else None,
        )
    )


def release(connection: Connection, request: Request) -> None:
    """Forget the claim of a request that was refused: nothing was done."""
    connection.execute(delete(t.idempotency_key).where(_is(request)))


def _is(request: Request) -> ColumnElement[bool]:
    kept = t.idempotency_key
    return and_(kept.c.account_id == request.account_id, kept.c.key_hash == request.key_hash)
