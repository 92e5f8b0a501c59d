"""What the silence of agents means: nothing here waits for a Record.

`agents` is the controller's memory; who is not in it yet is loaded into it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from fleet_server.domain import presence as rules
from fleet_server.domain.place import Topology
from fleet_server.services import agents as store
from fleet_server.services import interruptions
from fleet_server.services import tables as t
from fleet_server.services.agents import Agent
from fleet_server.services.voice_risk import refresh_lines, with_lines


def look_for_silence(
    connection: Connection, agents: dict[str, Agent], interval: timedelta, now: datetime
) -> None:
    """Agents of which nothing was heard for two periodic intervals are suspect."""
    quiet = connection.scalars(
        select(t.presence.c.endpoint_id).where(
            t.presence.c.state == rules.ONLINE, t.presence.c.seen_at < now - 2 * interval
        )
    )
    found = _loaded(connection, agents, quiet, now)
    for agent in found:
        if agent.presence is not None:
            agent.settle(rules.after_silence(agent.presence, now, interval), now)
    turned = {agent.endpoint_id for agent in found if agent.changes}
    store.save(connection, found)
    refresh_lines(connection, with_lines(turned), now)


def settle_doubts(
    connection: Connection,
    agents: dict[str, Agent],
    topology: Topology,
    patience: timedelta,
    now: datetime,
) -> None:
    """Agents that a Will made suspect and that stayed away are offline since then."""
    suspect = connection.scalars(
        select(t.presence.c.endpoint_id).where(
            t.presence.c.state == rules.SUSPECT,
            t.presence.c.evidence == rules.WILL,
            t.presence.c.since_at <= now - patience,
        )
    )
    found = _loaded(connection, agents, suspect, now)
    for agent in found:
        if agent.presence is not None:
            after = rules.after_doubt(agent.presence, now, patience)
            agent.settle(after, after.since_at)
    turned = {agent.endpoint_id for agent in found if agent.changes}
    store.save(connection, found)
    if turned:
        interruptions.refresh(connection, topology, turned, now)
        refresh_lines(connection, with_lines(turned), now)


def _loaded(
    connection: Connection, agents: dict[str, Agent], names: Iterable[str], now: datetime
) -> list[Agent]:
    wanted = set(names)
    agents.update(store.load(connection, wanted - agents.keys(), now))
    return [agents[name] for name in sorted(wanted)]
