"""What the controller keeps in mind of each agent, and how that reaches the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from agent.wire.topics import agent_topic
from fleet_server.domain import presence as rules
from fleet_server.domain.presence import Presence
from fleet_server.services import tables as t
from fleet_server.services.onboarding import Onboarding
from fleet_server.services.upsert import upsert

_SEEN_LAG = timedelta(seconds=5)
_LONGEST_TOPIC = 256


@dataclass(slots=True)
class Agent:
    """One agent. `changes` are the changes of presence that are not in the database yet."""

    endpoint_id: str
    first_seen_at: datetime
    registered: bool = False
    response_topic: str = ""
    connection: int = 0
    connected_at: datetime | None = None
    connect_packet_id: int | None = None
    onboarded_at: datetime | None = None
    presence: Presence | None = None
    onboarding: Onboarding | None = None
    looked_at: datetime | None = None
    greeted_at: datetime | None = None
    dirty: bool = True
    changes: list[dict[str, Any]] = field(default_factory=list)
    saved_seen_at: datetime | None = None

    @property
    def topic(self) -> str:
        """Where the agent reads: its last Response Topic, or the one it must subscribe."""
        return self.response_topic or agent_topic(self.endpoint_id)

    @property
    def is_being_asked(self) -> bool:
        """Whether an onboarding or a look at the state is under way and not stalled."""
        return self.onboarding is not None and not self.onboarding.stalled

    def look_is_due(self, now: datetime, every: timedelta) -> bool:
        """Whether to ask for the state: it was not asked for so long, or the last try failed."""
        if self.is_being_asked:
            return False
        if self.onboarding is not None and self.onboarding.stalled:
            return True
        return self.looked_at is None or now - self.looked_at >= every

    def heard_on(self, response_topic: str) -> None:
        """Remember a Response Topic, if it is one that this agent alone may read."""
        own = agent_topic(self.endpoint_id)
        allowed = response_topic == own or response_topic.startswith(own + "/")
        if allowed and response_topic != self.response_topic and _is_name(response_topic):
            self.response_topic, self.dirty = response_topic, True

    def connected(self, at: datetime, packet_id: int | None, duplicate: bool) -> None:
        """Count a connect Record, unless the broker only delivers the last one again."""
        if duplicate and packet_id == self.connect_packet_id:
            return
        self.connection += 1
        self.connected_at, self.connect_packet_id, self.dirty = at, packet_id, True

    def judge(self, evidence: str, at: datetime) -> None:
        """Take evidence of presence into account."""
        before = self.presence
        self.settle(rules.after(before, evidence, at, self.connected_at), at)
        if evidence == rules.CONNECT and before is not None and before.state == rules.ONLINE:
            self._note(rules.ONLINE, at, before.seen_at, evidence)

    def settle(self, after: Presence, at: datetime) -> None:
        """Take over a presence, noting a change of state."""
        before, self.presence = self.presence, after
        if before is None or before.state != after.state:
            self._note(after.state, at, before.seen_at if before else at, after.evidence)

    def _note(self, state: str, at: datetime, seen_at: datetime, evidence: str) -> None:
        self.changes.append(
            {
                "endpoint_id": self.endpoint_id,
                "state": state,
                "at": at,
                "seen_at": seen_at,
                "evidence": evidence,
            }
        )

    def presence_is_due(self) -> bool:
        """Whether the database should learn the presence now."""
        if self.presence is None:
            return False
        if self.changes or self.saved_seen_at is None:
            return True
        return self.presence.seen_at - self.saved_seen_at >= _SEEN_LAG


def load(connection: Connection, endpoint_ids: Iterable[str], now: datetime) -> dict[str, Agent]:
    """Every agent asked for; one that never spoke before comes as new."""
    wanted = sorted(set(endpoint_ids))
    agents = {endpoint_id: Agent(endpoint_id, now) for endpoint_id in wanted}
    for row in connection.execute(select(t.agent).where(t.agent.c.endpoint_id.in_(wanted))):
        found = agents[row.endpoint_id]
        found.first_seen_at = row.first_seen_at
        found.response_topic = row.response_topic
        found.connection = row.connection
        found.connected_at = row.connected_at
        found.connect_packet_id = row.connect_packet_id
        found.onboarded_at = row.onboarded_at
        found.dirty = False
    for row in connection.execute(select(t.presence).where(t.presence.c.endpoint_id.in_(wanted))):
        agents[row.endpoint_id].presence = Presence(
            row.state, row.since_at, row.seen_at, row.evidence
        )
        agents[row.endpoint_id].saved_seen_at = row.seen_at
    check_registry(connection, agents.values())
    return agents


def reachable(connection: Connection) -> set[str]:
    """Endpoints that may be connected: in service, or not known to be offline."""
    in_service = (
        select(t.unit.c.endpoint_id)
        .join(t.assignment, t.assignment.c.unit_id == t.unit.c.id)
        .where(t.open_assignment, t.unit.c.endpoint_id.is_not(None))
    )
    there = select(t.presence.c.endpoint_id).where(t.presence.c.state != rules.OFFLINE)
    return set(connection.scalars(in_service)) | set(connection.scalars(there))


def present(connection: Connection) -> int:
    """How many agents are not known to be offline."""
    there = select(func.count()).select_from(t.presence)
    return connection.scalar(there.where(t.presence.c.state != rules.OFFLINE)) or 0


def check_registry(connection: Connection, agents: Iterable[Agent]) -> None:
    """Look up which agents are units the operator owns."""
    by_id = {agent.endpoint_id: agent for agent in agents}
    known = set(
        connection.scalars(
            select(t.unit.c.endpoint_id).where(t.unit.c.endpoint_id.in_(list(by_id)))
        )
    )
    for endpoint_id, agent in by_id.items():
        registered = endpoint_id in known
        agent.dirty = agent.dirty or registered != agent.registered
        agent.registered = registered


def save(connection: Connection, agents: Iterable[Agent]) -> None:
    """Write what changed."""
    changed = list(agents)
    upsert(connection, t.agent, [_agent_row(agent) for agent in changed if agent.dirty])
    due = [agent for agent in changed if agent.presence_is_due()]
    upsert(connection, t.presence, [_presence_row(agent) for agent in due])
    changes = [change for agent in due for change in agent.changes]
    if changes:
        connection.execute(t.presence_change.insert(), changes)
    for agent in changed:
        agent.dirty = False
    for agent in due:
        agent.changes.clear()
        agent.saved_seen_at = agent.presence.seen_at if agent.presence else None


def _agent_row(agent: Agent) -> dict[str, Any]:
    return {
        "endpoint_id": agent.endpoint_id,
        "registered": agent.registered,
        "response_topic": agent.response_topic,
        "connection": agent.connection,
        "connected_at": agent.connected_at,
        "connect_packet_id": agent.connect_packet_id,
        "first_seen_at": agent.first_seen_at,
        "onboarded_at": agent.onboarded_at,
    }


def _presence_row(agent: Agent) -> dict[str, Any]:
    presence = agent.presence
    if presence is None:
        raise ValueError(agent.endpoint_id)
    return {
        "endpoint_id": agent.endpoint_id,
        "state": presence.state,
        "since_at": presence.since_at,
        "seen_at": presence.seen_at,
        "evidence": presence.evidence,
    }


def _is_name(topic: str) -> bool:
    return len(topic) <= _LONGEST_TOPIC and not set(topic) & set("+#\0")
