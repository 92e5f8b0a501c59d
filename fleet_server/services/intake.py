"""Takes in what agents publish: a batch of Records in, rows and answers out.

Everything a batch changes is written on one connection, whose transaction the caller commits before
it publishes any of the answers. A bad Record is counted and otherwise left alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from agent.wire.codes import (
    BOOT_EVENT,
    EMERGENCY_EVENT,
    PERIODIC_EVENT,
    POWER_LOSS_EVENT,
    POWER_RESTORED_EVENT,
    TRANSIENT_EVENT,
    UNKNOWN_TIME,
)
from fleet_server.domain import presence as rules
from fleet_server.domain.admission import Line, TokenBucket, return_window_s
from fleet_server.domain.event import product_class_of
from fleet_server.domain.policy import DEFAULTS
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services import (
    absence,
    command_news,
    event_log,
    gasps,
    interruptions,
    model_cache,
    readiness,
    storms,
    swap_store,
    telemetry,
)
from fleet_server.services import agents as store
from fleet_server.services import tables as t
from fleet_server.services.agents import Agent
from fleet_server.services.onboarding import ModelKey, Onboarding, Target
from fleet_server.services.outages import correlate
from fleet_server.services.policy import read_policy
from fleet_server.services.records import (
    ANSWER,
    CONNECT,
    DISCONNECT,
    WILL_REASON,
    BadRecordError,
    Incoming,
    Outgoing,
    Publication,
    notify_response,
    read,
    wrap,
)
from fleet_server.services.surroundings import KnownTopology
from fleet_server.services.telemetry import HealthPolicy
from fleet_server.services.upsert import add_to
from fleet_server.services.voice_risk import follow_assignments, refresh_lines, with_lines

REQUEST_EXPIRY_S = 60
_LOOK_EVERY = 5  # Periodic!, between two looks at what events do not tell
_CLEAR_EVERY = timedelta(hours=1)
_UNDATED_AFTER_CONNECT = timedelta(seconds=5)
_GREET_AGAIN = timedelta(seconds=10)
_CORRELATE_EVERY = timedelta(seconds=3)
_FOLLOW_LINES_EVERY = timedelta(seconds=60)
_SETTLE_EVERY = timedelta(seconds=5)
# So long after a connection to the broker was made Wills may still be of a broker that ended.
_BACKLOG = timedelta(seconds=30)
_RETURN = timedelta(seconds=60)  # beyond the window in which all come back after such an end
_RETURN_EVENTS = (BOOT_EVENT, POWER_RESTORED_EVENT)


@dataclass(slots=True)
class Heard:
    """One good Record of the batch, with the row it may become."""

    publication: Publication
    incoming: Incoming
    row: dict[str, Any] | None = None
    new: bool = False
    gasp: bool = False


@dataclass(slots=True)
class Intake:
    """The controller's memory between batches; the database holds all that must survive.

    `started_at` is when this process began to listen: silence before it proves nothing.
    `listening_since` is when the present connection to the broker was made. `arrivals` wait to be
    onboarded, at the rate of the policy; nothing that agents tell waits for that. Within
    `return_window_s` all agents come back that lost the broker.
    """

    controller_id: str
    periodic_interval_s: int
    new_id: Callable[[], str]
    started_at: datetime
    known_models: set[ModelKey] = field(default_factory=set)
    health: HealthPolicy = field(default_factory=HealthPolicy)
    agents: dict[str, Agent] = field(default_factory=dict)
    topology: KnownTopology = field(default_factory=KnownTopology)
    arrivals: Line[str] = field(
        default_factory=lambda: Line(TokenBucket(DEFAULTS.onboarding_per_second))
    )
    listening_since: datetime | None = None
    return_window_s: int = 0
    _cleared_at: datetime | None = None
    _correlated_at: datetime | None = None
    _followed_at: datetime | None = None
    _settled_at: datetime | None = None

    @property
    def _interval(self) -> timedelta:
        return timedelta(seconds=self.periodic_interval_s)

    def take(
        self,
        connection: Connection,
        batch: Sequence[Publication],
        now: datetime,
        unreadable: int = 0,
    ) -> list[Outgoing]:
        """Write what the batch says; gives what to publish once that is committed.

        `unreadable` counts what came beside it and was not even an MQTT packet.
        """
        refused: Counter[str] = Counter()
        if unreadable:
            refused["unreadable_packet"] = unreadable
        heard = list(self._read(batch, refused))
        self._meet(connection, heard, now)
        self._count_connections(heard, now)
        self._store_events(connection, heard, refused, now)
        outgoing: list[Outgoing] = []
        for one in heard:
            outgoing += self._react(one, now)
        outgoing += self.admit(now)
        touched = {one.incoming.endpoint_id for one in heard}
        self._write(connection, touched, [one for one in heard if one.new], now)
        arrived = {one.incoming.endpoint_id for one in heard if one.incoming.kind == CONNECT}
        command_news.add_connected(connection, arrived, now)
        for reason, count in refused.items():
            add_to(connection, t.ingest_counter, {"name": reason}, "value", count)
        return outgoing

    def greet(self, connection: Connection, now: datetime) -> list[Outgoing]:
        """Speak to every agent that may be there, after the broker forgot our session.

        What they published meanwhile, a connect Record perhaps, was dropped by the broker. Who is
        not known to be there lets all others go first.
        """
        names = store.reachable(connection)
        self.agents.update(store.load(connection, names - self.agents.keys(), now))
        for name in sorted(names):
            agent = self.agents[name]
            is_there = agent.presence is not None and agent.presence.state == rules.ONLINE
            self._queue(agent, behind=not is_there)
        return self.admit(now)

    def admit(self, now: datetime) -> list[Outgoing]:
        """The first requests to the agents whose turn has come to be onboarded."""
        outgoing = []
        for name in self.arrivals.admit(now):
            agent = self.agents[name]
            if agent.presence is not None and agent.presence.state == rules.OFFLINE:
                agent.onboarding = None  # its next connection joins the line anew
            elif agent.onboarding is not None:
                agent.looked_at = now
                outgoing += self._send(agent, agent.onboarding.start(now))
        return outgoing

    def poll(self, connection: Connection, now: datetime) -> list[Outgoing]:
        """What time alone brings: requests to repeat, agents that fell silent."""
        outgoing = []
        for agent in self.agents.values():
            if agent.onboarding is not None and agent.onboarding.busy:
                outgoing += self._send(agent, agent.onboarding.poll(now))
        if now - self.started_at >= 3 * self._interval:
            absence.look_for_silence(connection, self.agents, self._interval, now)
        if _is_due(self._settled_at, _SETTLE_EVERY, now):
            self._settled_at = now
            self._follow_policy(connection, now)
            topology = self.topology.read(connection, now)
            patience = timedelta(seconds=self.return_window_s) + _RETURN
            absence.settle_doubts(connection, self.agents, topology, patience, now)
        if _is_due(self._cleared_at, _CLEAR_EVERY, now):
            self._cleared_at = now
            telemetry.forget_old(connection, self.health, now)
        if _is_due(self._correlated_at, _CORRELATE_EVERY, now):
            self._correlated_at = now
            correlate(connection, self.topology.read(connection, now), now)
        if _is_due(self._followed_at, _FOLLOW_LINES_EVERY, now):
            more = follow_assignments(connection, now)
            self._followed_at = None if more else now
        return outgoing

    def _follow_policy(self, connection: Connection, now: datetime) -> None:
        policy = read_policy(connection)
        self.arrivals.bucket.per_second = policy.onboarding_per_second
        devices = store.present(connection)
        self.return_window_s = return_window_s(devices, policy.reconnections_per_second)
        readiness.report(connection, readiness.ONBOARDING, str(len(self.arrivals)), now)

    def _read(self, batch: Sequence[Publication], refused: Counter[str]) -> Iterable[Heard]:
        for publication in batch:
            try:
                yield Heard(publication, read(publication, self.controller_id))
            except BadRecordError as error:
                refused[error.reason] += 1

    def _meet(self, connection: Connection, heard: list[Heard], now: datetime) -> None:
        unmet = {h.incoming.endpoint_id for h in heard} - self.agents.keys()
        if unmet:
            self.agents.update(store.load(connection, unmet, now))
        arrived = {h.incoming.endpoint_id for h in heard if h.incoming.kind == CONNECT} - unmet
        if arrived:
            store.check_registry(connection, [self.agents[name] for name in arrived])

    def _count_connections(self, heard: list[Heard], now: datetime) -> None:
        for one in heard:
            agent = self.agents[one.incoming.endpoint_id]
            if one.incoming.kind == CONNECT:
                agent.connected(now, one.publication.packet_id, one.publication.duplicate)

    def _store_events(
        self, connection: Connection, heard: list[Heard], refused: Counter[str], now: datetime
    ) -> None:
        for one in list(heard):
            agent = self.agents[one.incoming.endpoint_id]
            try:
                if telemetry.is_report(one.incoming):
                    telemetry.keep(connection, one.incoming, agent.connection, now)
                else:
                    one.row = event_log.row_of(one.incoming, agent.connection, now)
            except BadRecordError as error:
                refused[error.reason] += 1
                heard.remove(one)
        new = event_log.store(connection, [one.row for one in heard if one.row is not None])
        for one in heard:
            if one.row is not None:
                key = (one.row["endpoint_id"], one.row["event_key"])
                one.new = key in new
                new.discard(key)

    def _react(self, one: Heard, now: datetime) -> list[Outgoing]:
        agent = self.agents[one.incoming.endpoint_id]
        incoming = one.incoming
        agent.judge(self._evidence(agent, one, now), now)
        if incoming.kind != DISCONNECT:
            agent.heard_on(one.publication.response_topic)
        outgoing = []
        if incoming.kind == CONNECT:
            outgoing += self._onboard(agent, now)
        elif incoming.kind == ANSWER and incoming.message and agent.onboarding:
            outgoing += self._send(agent, agent.onboarding.take(incoming.message, now))
        elif incoming.kind != DISCONNECT and (
            _is_stranger(agent) or self._lacks_time(agent, incoming, now)
        ):
            outgoing += self._onboard(agent, now)
        elif _event_name(incoming) == PERIODIC_EVENT:
            outgoing += self._look_again(agent, now)
        return outgoing + self._answer(agent, incoming)

    def _answer(self, agent: Agent, incoming: Incoming) -> list[Outgoing]:
        if incoming.message is None or incoming.kind == ANSWER:
            return []
        notify = incoming.message.body.request.notify
        if not notify.send_resp:
            return []
        answer = notify_response(incoming.msg_id, notify.subscription_id)
        payload = wrap(answer, self.controller_id, agent.endpoint_id)
        return [Outgoing(agent.topic, payload, answers=True)]

    def _onboard(self, agent: Agent, now: datetime) -> list[Outgoing]:
        """Tell it the time at once, and have it wait for its turn."""
        agent.greeted_at = now
        return self._send(agent, self._queue(agent).greet(now))

    def _lacks_time(self, agent: Agent, incoming: Incoming, now: datetime) -> bool:
        """Whether one of ours has no clock, though a greeting had time to reach it: that was lost,
        or its connect Record was."""
        if product_class_of(agent.endpoint_id) is None or incoming.message is None:
            return False
        told = incoming.message.body.request.notify.event.params
        return told.get("Time") == UNKNOWN_TIME and _is_due(agent.greeted_at, _GREET_AGAIN, now)

    def _queue(self, agent: Agent, *, behind: bool = False) -> Onboarding:
        agent.onboarding = self._new_onboarding(agent)
        self.arrivals.join(agent.endpoint_id, behind=behind)
        return agent.onboarding

    def _look_again(self, agent: Agent, now: datetime) -> list[Outgoing]:
        if agent.onboarded_at is None and not agent.is_being_asked:
            return self._onboard(agent, now)
        if not agent.look_is_due(now, (_LOOK_EVERY - 0.5) * self._interval):
            return []
        agent.looked_at = now
        agent.onboarding = self._new_onboarding(agent)
        return self._send(agent, agent.onboarding.refresh(now))

    def _new_onboarding(self, agent: Agent) -> Onboarding:
        target = Target(
            agent.endpoint_id,
            self.controller_id,
            self.periodic_interval_s,
            self.health.interval_s,
            self.return_window_s,
        )
        return Onboarding(target, self.new_id, self.known_models)

    def _send(self, agent: Agent, messages: Iterable[Any]) -> list[Outgoing]:
        return [
            Outgoing(
                agent.topic,
                wrap(message, self.controller_id, agent.endpoint_id),
                expiry_s=REQUEST_EXPIRY_S,
            )
            for message in messages
        ]

    def _evidence(self, agent: Agent, one: Heard, now: datetime) -> str:
        if one.incoming.kind == CONNECT:
            return rules.CONNECT
        if one.incoming.kind == DISCONNECT:
            return self._farewell(agent, one.incoming.reason, now)
        name = _event_name(one.incoming)
        if name == PERIODIC_EVENT:
            return rules.PERIODIC
        if one.new and name in _RETURN_EVENTS:
            return rules.BOOT
        if one.new and name == POWER_LOSS_EVENT and _is_gasp(agent, one.row or {}, now):
            one.gasp = True
            return rules.POWER_LOSS
        return rules.RECORD

    def _farewell(self, agent: Agent, reason: str, now: datetime) -> str:
        if reason != WILL_REASON:
            return rules.DISCONNECT
        since = self.listening_since
        is_older = since is not None and (agent.connected_at is None or agent.connected_at < since)
        if since is not None and is_older and now - since < _BACKLOG:
            return rules.UNPROVEN_WILL
        return rules.WILL

    def _write(
        self, connection: Connection, touched: set[str], new: list[Heard], now: datetime
    ) -> None:
        agents = [self.agents[name] for name in sorted(touched)]
        for agent in agents:
            model_cache.keep_findings(connection, agent, self.known_models, now)
        told = [
            (one.incoming.endpoint_id, one.row["kind"], one.incoming.message.body.request.notify)
            for one in new
            if one.row is not None and one.incoming.message is not None
        ]
        model_cache.keep_told(connection, told, now)
        gasps.count(connection, ((one.row, one.gasp) for one in new if one.row is not None))
        turned = {agent.endpoint_id for agent in agents if agent.changes}
        store.save(connection, agents)
        command_news.add_connected(connection, turned, now)
        swap_store.wake(connection, turned, now)
        command_news.add_notifications(connection, _notifications(new), now)
        suspicious = turned | _tellers(new, interruptions.POWER_EVENTS)
        if suspicious:
            topology = self.topology.read(connection, now)
            interruptions.refresh(connection, topology, suspicious, now)
        refresh_lines(connection, with_lines(turned | _tellers(new, (EMERGENCY_EVENT,))), now)
        surges = [one.row for one in new if one.row and one.row["name"] == TRANSIENT_EVENT]
        if surges:
            storms.note_surges(connection, self.topology.read(connection, now), surges, now)


def _is_due(last_at: datetime | None, every: timedelta, now: datetime) -> bool:
    return last_at is None or now - last_at >= every


def _notifications(new: Iterable[Heard]) -> Iterable[tuple[str, usp.Notify]]:
    for one in new:
        if one.incoming.message is not None:
            yield one.incoming.endpoint_id, one.incoming.message.body.request.notify


def _tellers(new: Iterable[Heard], names: tuple[str, ...]) -> set[str]:
    """Who told one of these events for the first time."""
    return {one.incoming.endpoint_id for one in new if _event_name(one.incoming) in names}


def _is_stranger(agent: Agent) -> bool:
    return agent.onboarding is None and agent.onboarded_at is None


def _event_name(incoming: Incoming) -> str:
    if incoming.message is None or incoming.kind == ANSWER:
        return ""
    return incoming.message.body.request.notify.event.event_name


def _is_gasp(agent: Agent, row: dict[str, Any], now: datetime) -> bool:
    """Whether a `PowerLoss!` was sent by the power that failed, not from the journal later on."""
    if agent.connected_at is None:
        return True
    if row["device_at"] is None:
        return now - agent.connected_at > _UNDATED_AFTER_CONNECT
    latest: datetime = row["device_at"] + timedelta(milliseconds=row["device_error_ms"] or 0)
    return latest >= agent.connected_at
