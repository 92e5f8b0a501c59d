"""A made-up fleet for campaigns: units on contracts below a node, and actions that are played."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, select, update

from fleet_server.domain import campaign_plan as plans
from fleet_server.domain.campaign import ItemState, Why
from fleet_server.domain.campaign_plan import CommandAction, Limits, Plan, Wave
from fleet_server.domain.policy import Policy
from fleet_server.services import campaign_engine, campaigns
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor
from fleet_server.services.campaign_actions import Action, Begun, NotNow, Refused, Standing
from fleet_server.services.campaign_views import CampaignView, list_items, read_campaign
from fleet_server.services.campaigns import Draft
from fleet_server.services.policy import read_policy

# 02:00 local time, when disruptive work is allowed.
NIGHT = datetime(2027, 1, 15, 1, 0, tzinfo=UTC)
ANNA, BESA = Actor.account(1), Actor.account(2)
MODEMS = {"field": "product_class", "is": "MODEM"}
OUI = "00256D"


@dataclass
class PlayedAction:
    """An action in the test's hand: what was begun, and how each stands."""

    needs_device: bool = True
    standings: dict[str, Standing] = field(default_factory=dict)
    sent: set[str] = field(default_factory=set)
    begun: Counter[str] = field(default_factory=Counter)
    stopped: Counter[str] = field(default_factory=Counter)
    not_now: NotNow | None = None
    refused: Refused | None = None

    def of(self, action: plans.Action) -> Action:
        return self

    def obstacle(
        self, connection: Connection, unit: Row[Any], policy: Policy, now: datetime
    ) -> NotNow | None:
        return None

    def start(
        self,
        connection: Connection,
        campaign: Row[Any],
        unit: Row[Any],
        policy: Policy,
        now: datetime,
    ) -> Begun | NotNow | Refused:
        told = self.not_now or self.refused
        if told is not None:
            return told
        reference = f"played-{campaign.id}.{unit.id}"
        self.begun[reference] += 1
        self.standings[reference] = Standing(ItemState.STARTED)
        return Begun(reference)

    def states(
        self, connection: Connection, references: Sequence[str], now: datetime
    ) -> Mapping[str, Standing]:
        return {key: self.standings[key] for key in references if key in self.standings}

    def take_back_unsent(
        self, connection: Connection, campaign_id: int, references: Sequence[str], now: datetime
    ) -> Sequence[str]:
        taken = [
            key
            for key in references
            if key not in self.sent and self.standings[key].state == ItemState.STARTED
        ]
        for key in taken:
            self.standings[key] = Standing(ItemState.STOPPED, Why.CANCELLED)
        return taken

    def stop(self, connection: Connection, reference: str, now: datetime) -> None:
        self.stopped[reference] += 1

    def end(self, reference: str, state: ItemState) -> None:
        why = Why.FAILED if state == ItemState.FAILED else Why.NONE
        self.sent.add(reference)
        self.standings[reference] = Standing(state, why)

    def under_way(self) -> list[str]:
        open_ = (ItemState.STARTED, ItemState.RUNNING)
        return sorted(key for key, one in self.standings.items() if one.state in open_)


class CampaignDesk:
    """Two people who run campaigns; `now` is the test's clock."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now = NIGHT
        self.played = PlayedAction()

    def add_units(self, number: int, product_class: str = "MODEM", **values: Any) -> list[int]:
        """That many units, each in service on a contract of its own, and online."""
        with self.engine.begin() as connection:
            return [self._add(connection, product_class, values) for _ in range(number)]

    def _add(self, connection: Connection, product_class: str, values: Mapping[str, Any]) -> int:
        element = self._element(connection)
        count = connection.scalar(select(func.count()).select_from(t.unit)) or 0
        serial = f"K{count:07}"
        endpoint_id = f"ops::{OUI}-{product_class}-{serial}"
        unit = {
            "serial_number": serial,
            "endpoint_id": endpoint_id,
            "manufacturer_oui": OUI,
            "product_class": product_class,
            "model_name": "CM-31",
            "received_at": self.now - timedelta(days=300),
            "state": "installed",
            **values,
        }
        unit_id = _insert(connection, t.unit, unit)
        contract_id = _insert(
            connection,
            t.contract,
            {
                "number": f"K-{count}",
                "created_at": self.now,
                "package": "TOP L",
                "network_element_id": element,
            },
        )
        position_id = _insert(
            connection,
            t.service_position,
            {"contract_id": contract_id, "name": "internet", "product_classes": product_class},
        )
        assigned = {
            "unit_id": unit_id,
            "service_position_id": position_id,
            "since_at": self.now,
            "recorded_at": self.now,
        }
        _insert(connection, t.assignment, assigned)
        self._seen(connection, endpoint_id, "online")
        return unit_id

    def _element(self, connection: Connection) -> int:
        found = connection.scalar(
            select(t.network_element.c.id).where(t.network_element.c.code == "K1-S1")
        )
        if found is not None:
            return int(found)
        node = _insert(connection, t.network_element, {"code": "K1", "kind": "node"})
        street = {"code": "K1-S1", "kind": "street", "parent_id": node}
        _insert(connection, t.network_element, {"code": "K2", "kind": "node"})
        return _insert(connection, t.network_element, street)

    def _seen(self, connection: Connection, endpoint_id: str, state: str) -> None:
        row = {
            "endpoint_id": endpoint_id,
            "state": state,
            "since_at": self.now,
            "seen_at": self.now,
            "evidence": "connect",
        }
        connection.execute(t.presence.delete().where(t.presence.c.endpoint_id == endpoint_id))
        connection.execute(t.presence.insert().values(row))

    def presence(self, unit_id: int, state: str) -> None:
        with self.engine.begin() as connection:
            endpoint_id = connection.scalar(
                select(t.unit.c.endpoint_id).where(t.unit.c.id == unit_id)
            )
            self._seen(connection, str(endpoint_id), state)

    def make(self, plan: Plan | None = None, selection: Any = MODEMS) -> int:
        with self.engine.begin() as connection:
            draft = Draft("New firmware later", selection, plan or whole())
            return campaigns.create(connection, ANNA, draft, "made up", self.now)

    def plan(self, campaign_id: int) -> CampaignView:
        with self.engine.begin() as connection:
            campaigns.plan(connection, ANNA, campaign_id, self.now)
        return self.look(campaign_id)

    def approve(self, campaign_id: int, actor: Actor = BESA, revision: int = 0) -> None:
        found = revision or self.look(campaign_id).revision
        with self.engine.begin() as connection:
            campaigns.approve(connection, actor, campaign_id, found, "looked at", self.now)

    def run(self, plan: Plan | None = None, selection: Any = MODEMS) -> int:
        """Made, planned, approved and started."""
        campaign_id = self.make(plan, selection)
        self.plan(campaign_id)
        self.approve(campaign_id)
        with self.engine.begin() as connection:
            campaigns.start(connection, BESA, campaign_id, self.now)
        return campaign_id

    def pause(self, campaign_id: int) -> None:
        with self.engine.begin() as connection:
            campaigns.pause(connection, ANNA, campaign_id, "made up", self.now)

    def resume(self, campaign_id: int) -> None:
        with self.engine.begin() as connection:
            campaigns.resume(connection, ANNA, campaign_id, "made up", self.now)

    def abort(self, campaign_id: int) -> None:
        with self.engine.begin() as connection:
            campaigns.abort(connection, ANNA, campaign_id, "made up", self.played, self.now)

    def step(self, seconds: float = 1) -> bool:
        self.now += timedelta(seconds=seconds)
        with self.engine.begin() as connection:
            return campaign_engine.step(connection, self.played, read_policy(connection), self.now)

    def look(self, campaign_id: int) -> CampaignView:
        with self.engine.connect().execution_options(writes=False) as connection:
            return read_campaign(connection, campaign_id)

    def counted(self, campaign_id: int) -> dict[tuple[int, str, str], int]:
        """The items as a scan counts them, by wave, state and reason."""
        columns = t.campaign_item.c
        query = (
            select(columns.wave, columns.state, columns.why, func.count())
            .where(columns.campaign_id == campaign_id)
            .group_by(columns.wave, columns.state, columns.why)
        )
        with self.engine.connect().execution_options(writes=False) as connection:
            return {(wave, state, why): n for wave, state, why, n in connection.execute(query)}

    def set(self, table: Any, key: int, **values: Any) -> None:
        with self.engine.begin() as connection:
            connection.execute(update(table).where(table.c.id == key).values(**values))

    def insert(self, table: Any, **values: Any) -> int:
        with self.engine.begin() as connection:
            return _insert(connection, table, values)


def whole(**values: Any) -> Plan:
    """One wave of everything, without limits that matter."""
    fast = Limits(per_minute=60_000, at_once=5_000, max_failed_percent=100)
    given: dict[str, Any] = {"action": CommandAction(), "waves": (Wave(),), "limits": fast}
    return Plan(**{**given, **values})


def _insert(connection: Connection, table: Any, values: Mapping[str, Any]) -> int:
    key = connection.execute(table.insert().values(**values)).inserted_primary_key
    return int(key[0]) if key else 0


def items(desk: CampaignDesk, campaign: int, state: ItemState | None = None) -> dict[int, Why]:
    """The units of a campaign, in one state or all, with why they stand so."""
    with desk.engine.connect().execution_options(writes=False) as connection:
        return {one.unit_id: one.why for one in list_items(connection, campaign, state)}
