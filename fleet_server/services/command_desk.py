"""The dispatcher's decisions: what was heard goes into the commands, what is due comes out.

One turn is one transaction: it takes in the answers and the controller's news, finds by an index
what is due, and writes what is to be sent before any of it leaves. Which command of a device waits
for which: command_passing.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select, update

from agent.wire.codes import OVERTAKE
from agent.wire.topics import agent_topic
from fleet_server.domain.admission import TokenBucket
from fleet_server.domain.back_off import retry_after
from fleet_server.domain.command import (
    UNDER_WAY,
    Event,
    OvertakingRefused,
    OvertakingSent,
    Refusal,
    Refused,
    Sent,
    State,
    Step,
    TimeOver,
    next_step,
)
from fleet_server.domain.presence import ONLINE
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services import (
    admission,
    command_answers,
    command_news,
    command_passing,
    command_store,
)
from fleet_server.services import tables as t
from fleet_server.services.authorisation import Token, raise_counter, sign_command
from fleet_server.services.command_answers import About, Heard, Kind
from fleet_server.services.command_store import ANSWER_TIMEOUT
from fleet_server.services.ports import SigningKey
from fleet_server.services.records import Outgoing, wrap

_MOST_AT_ONCE = 200
_SOON = timedelta(seconds=1)
_SHORTEST_PARK, _LONGEST_PARK = timedelta(seconds=5), timedelta(hours=1)


@dataclass(slots=True)
class CommandDesk:
    """`key` signs what our own devices obey."""

    controller_id: str
    key: SigningKey
    bucket: TokenBucket = field(default_factory=admission.commands_bucket)
    _outgoing: list[Outgoing] = field(default_factory=list)

    def turn(
        self, connection: Connection, heard: Sequence[Heard], now: datetime, *, may_send: bool
    ) -> list[Outgoing]:
        """Take in what was heard; gives what to publish once the transaction is committed."""
        self._outgoing = []
        self._take_answers(connection, heard, now)
        take_news(connection, now)
        if may_send:
            for row in _due(connection, self.bucket, now):
                self._look_after(connection, row, now)
        return self._outgoing

    def _take_answers(self, connection: Connection, heard: Sequence[Heard], now: datetime) -> None:
        asked = {id(one): command_answers.about(one.message.header.msg_id) for one in heard}
        numbers = {about.number for about in asked.values() if about is not None}
        endpoints = _endpoints(connection, numbers) if numbers else {}
        for one in heard:
            about = asked[id(one)]
            if about is not None and endpoints.get(about.number) == one.endpoint_id:
                _take_answer(connection, about, one.message, now)

    def _look_after(self, connection: Connection, row: Row[Any], now: datetime) -> None:
        if _heeds_time(row) and now >= command_store.over_at(row):
            command_store.apply(connection, row, [TimeOver()], now)
        elif not row.is_there or not row.is_first:
            _park(connection, row, now)
        elif not self._was_passed(connection, row, now):
            self._take_step(connection, row, now)

    def _was_passed(self, connection: Connection, row: Row[Any], now: datetime) -> bool:
        """What is silent lets the next one go; once that has left, its own answer is awaited, no
        more. What was called back is asked to stop all the same."""
        silent_from = command_passing.silent_from(row)
        if silent_from is None or now < silent_from:
            return False
        command_passing.let_pass(connection, row, now)
        may_stop = row.cancelling and row.request_path
        if may_stop or not command_passing.was_passed(connection, row):
            return False
        _set_due(connection, row, command_store.over_at(row), row.tries)
        return True

    def _take_step(self, connection: Connection, row: Row[Any], now: datetime) -> None:
        step = next_step(
            command_store.command_of(row),
            token_is_good=row.token_expires_at is not None and row.token_expires_at > now,
            is_new_connection=row.connection != row.agent_connection,
        )
        if step is Step.SEND:
            self._send(connection, row, now)
        elif step is Step.OVERTAKE:
            self._overtake(connection, row, now)
        elif step is Step.LOOK:
            self._ask(row, command_answers.look_message(row))
            _set_due(connection, row, _again_at(row, now), row.tries + 1)
        elif step is Step.STOP:
            self._ask(row, command_answers.stop_message(row))
            _set_due(connection, row, _again_at(row, now), row.tries + 1)
        else:
            _set_due(connection, row, _wait_until(row, now), row.tries)

    def _send(self, connection: Connection, row: Row[Any], now: datetime) -> None:
        more: dict[str, Any] = {"tries": row.tries + 1, "connection": row.agent_connection}
        counter, text = row.counter, row.token
        if row.signed and not counter:
            args = json.loads(row.args)
            token = self._sign(connection, row, row.command, row.command_key, args, now)
            counter, text = token.counter, token.text
            more |= {"token": text, "token_expires_at": token.expires_at}
        more["sent_at"] = now if row.state == State.QUEUED else row.sent_at
        more["due_at"] = _again_at(row, now)
        command_store.apply(connection, row, [Sent(counter)], now, more)
        self._ask(row, command_answers.command_message(row, counter, text))

    def _overtake(self, connection: Connection, row: Row[Any], now: datetime) -> None:
        """The same overtaking again until its time is over, then one with a higher counter."""
        counter, text = row.overtaking, row.overtaking_token
        more: dict[str, Any] = {"tries": row.tries + 1, "due_at": _again_at(row, now)}
        if not counter or row.overtaking_expires_at <= now:
            key = command_answers.overtaking_key(row)
            token = self._sign(connection, row, OVERTAKE, key, {}, now)
            counter, text = token.counter, token.text
            more |= {"overtaking_token": text, "overtaking_expires_at": token.expires_at}
        command_store.apply(connection, row, [OvertakingSent(counter)], now, more)
        self._ask(row, command_answers.overtaking_message(row, counter, text))

    def _sign(
        self,
        connection: Connection,
        row: Row[Any],
        command: str,
        key: str,
        args: dict[str, str],
        now: datetime,
    ) -> Token:
        return sign_command(connection, self.key, row.endpoint_id, command, key, args, now)

    def _ask(self, row: Row[Any], message: usp.Msg) -> None:
        """What the broker keeps for a device that is away ends with what it could still do."""
        topic = row.response_topic or agent_topic(row.endpoint_id)
        payload = wrap(message, self.controller_id, row.endpoint_id)
        self._outgoing.append(
            Outgoing(topic, payload, expiry_s=round(ANSWER_TIMEOUT.total_seconds()))
        )


def is_under_way(connection: Connection, now: datetime) -> bool:
    """Whether a device has a command that may end at any moment: one that left minutes ago."""
    query = select(t.command.c.id).where(
        t.command.c.finished_at.is_(None),
        t.command.c.state.in_(UNDER_WAY),
        t.command.c.sent_at > now - command_passing.TIME_TO_END,
    )
    return connection.execute(query.limit(1)).first() is not None


def has_news(connection: Connection) -> bool:
    """Whether the controller heard anything that was not taken in."""
    return connection.execute(select(t.command_news.c.id).limit(1)).first() is not None


def is_due(connection: Connection, now: datetime) -> bool:
    """Whether a command has to be looked at."""
    return any(
        connection.execute(_is_due(select(t.command.c.id), state, now).limit(1)).first()
        for state in _DISPATCHED
    )


def hurry(connection: Connection, now: datetime) -> None:
    """Ask soon for what was sent over a connection that has ended; answers on their way come first.

    Nobody knows whether it left, or whether the broker still had it.
    """
    soon = now + _SOON
    connection.execute(
        update(t.command)
        .where(
            t.command.c.finished_at.is_(None),
            t.command.c.state == State.SENT,
            t.command.c.due_at > soon,
        )
        .values(due_at=soon)
    )


def take_news(connection: Connection, now: datetime) -> None:
    """Take in what the controller heard."""
    news = command_news.take(connection)
    for one in news:
        if one.event is not None:
            _tell(connection, one, one.event, now)
    arrived = sorted({one.endpoint_id for one in news if one.event is None})
    if arrived:
        command_passing.wake(connection, arrived, now)


_DISPATCHED = (State.SENT, State.ACCEPTED, State.QUEUED)


def _tell(connection: Connection, one: command_news.News, event: Event, now: datetime) -> None:
    query = select(t.command).where(
        t.command.c.command_key == one.command_key, t.command.c.endpoint_id == one.endpoint_id
    )
    row = connection.execute(query).first()
    if row is not None:
        command_store.apply(connection, row, [event], now)


def _take_answer(connection: Connection, asked: About, message: usp.Msg, now: datetime) -> None:
    row = connection.execute(select(t.command).where(t.command.c.id == asked.number)).one()
    more: dict[str, Any] = {}
    if asked.kind is Kind.LOOK:
        more = {"connection": _connection_of(connection, row.endpoint_id), "due_at": now}
        raise_counter(connection, row.endpoint_id, command_answers.counter_in(message) or 0)
    event = command_answers.event_of(row, asked, message)
    if event is None or row.finished_at is not None:
        return
    if isinstance(event, OvertakingRefused) and event.refusal is Refusal.SPENT:
        more = {"connection": 0}  # it accepted a counter that we do not know: look first
    if (
        isinstance(event, Refused)
        and event.refusal in (Refusal.BUSY, Refusal.FULL)
        and not row.signed
        and command_passing.was_passed(connection, row)
    ):
        event = replace(event, refusal=Refusal.FINAL)  # it is not sent again
    command_store.apply(connection, row, [event], now, more)


def _endpoints(connection: Connection, numbers: set[int]) -> dict[int, str]:
    query = select(t.command.c.id, t.command.c.endpoint_id).where(t.command.c.id.in_(numbers))
    return {row.id: row.endpoint_id for row in connection.execute(query)}


def _connection_of(connection: Connection, endpoint_id: str) -> int:
    query = select(t.agent.c.connection).where(t.agent.c.endpoint_id == endpoint_id)
    return connection.scalar(query) or 0


def _due(connection: Connection, bucket: TokenBucket, now: datetime) -> list[Row[Any]]:
    """What to look at now: commands under way first, then those that did not leave yet."""
    rows: list[Row[Any]] = []
    for state in (State.SENT, State.ACCEPTED):
        rows += connection.execute(_is_due(_rows(now), state, now).limit(_MOST_AT_ONCE)).all()
    queued = connection.execute(_is_due(_rows(now), State.QUEUED, now).limit(_MOST_AT_ONCE)).all()
    return rows + _admitted(connection, bucket, queued, now)


def _admitted(
    connection: Connection, bucket: TokenBucket, queued: Sequence[Row[Any]], now: datetime
) -> list[Row[Any]]:
    """Without those that would leave and may not yet; they stay due."""
    leaving = [row.id for row in queued if row.is_there and row.is_first and now < row.expires_at]
    held = set(leaving[admission.may_send(connection, bucket, len(leaving), now) :])
    return [row for row in queued if row.id not in held]


def _is_due(query: Select[Any], state: State, now: datetime) -> Select[Any]:
    return query.where(
        t.command.c.finished_at.is_(None), t.command.c.state == state, t.command.c.due_at <= now
    ).order_by(t.command.c.due_at, t.command.c.id)


def _park(connection: Connection, row: Row[Any], now: datetime) -> None:
    """Until its device connects, or the one before it has ended. Whoever brings that about wakes
    it; in case nobody did, it is looked at again after as long as it has waited."""
    waited = min(max(now - row.queued_at, _SHORTEST_PARK), _LONGEST_PARK)
    until = now + waited
    if _heeds_time(row):
        until = min(until, command_store.over_at(row))
    _set_due(connection, row, until, row.tries)


def _heeds_time(row: Row[Any]) -> bool:
    """Whether the end of its time says anything new; it does again once the device is known to have
    begun."""
    return not row.time_over or row.state == State.ACCEPTED


def _set_due(connection: Connection, row: Row[Any], at: datetime, tries: int) -> None:
    connection.execute(
        update(t.command).where(t.command.c.id == row.id).values(due_at=at, tries=tries)
    )


def _wait_until(row: Row[Any], now: datetime) -> datetime:
    """When to look again at what only has to be waited for."""
    silent_from = command_passing.silent_from(row)
    over_at = command_store.over_at(row)
    return over_at if silent_from is None or silent_from <= now else min(silent_from, over_at)


def _again_at(row: Row[Any], now: datetime) -> datetime:
    """When to ask again what got no answer."""
    return now + max(ANSWER_TIMEOUT, retry_after(row.tries + 1))


def _rows(now: datetime) -> Select[Any]:
    """Commands with what their device says of itself; `is_first`: it waits for no other."""
    return (
        select(
            t.command,
            (func.coalesce(t.presence.c.state, "") == ONLINE).label("is_there"),
            func.coalesce(t.agent.c.connection, 0).label("agent_connection"),
            func.coalesce(t.agent.c.response_topic, "").label("response_topic"),
            command_passing.waits_for_none(now).label("is_first"),
        )
        .outerjoin(t.presence, t.presence.c.endpoint_id == t.command.c.endpoint_id)
        .outerjoin(t.agent, t.agent.c.endpoint_id == t.command.c.endpoint_id)
    )
