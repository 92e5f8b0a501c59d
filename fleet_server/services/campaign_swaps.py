"""The swap of a unit as the action of a campaign: a new unit from the stock, then a replacement.

The customer was told beforehand or has agreed [7.1.7]. What is posted is ordered at once, the old
unit still serves until the moment announced; the rest waits for it. Two persons have said yes to
the campaign, so that its replacements are approved in the name of who approved it; but those of a
visit wait until the technician begins them at the customer's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, literal, select, update

from fleet_server.domain.campaign import ItemState, Why
from fleet_server.domain.campaign_plan import SwapAction, Way
from fleet_server.domain.errors import ConflictError, RuleError
from fleet_server.domain.policy import Policy
from fleet_server.domain.positions import product_classes_for
from fleet_server.domain.swap import Phase
from fleet_server.services import swaps
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor
from fleet_server.services.campaign_actions import Begun, NotNow, Refused, Standing
from fleet_server.services.campaign_exclusions import ready_swap
from fleet_server.services.chunks import chunks
from fleet_server.services.swap_orders import FREE
from fleet_server.services.swap_plan import read_swap
from fleet_server.services.swap_store import Happened
from fleet_server.services.swap_visits import call_off_visits, order_visit
from fleet_server.services.swaps import SwapOrder, Trigger

ABORTED = "the campaign was aborted"
_ACTOR = Actor.system("campaigns")
_STOCK_AGAIN = timedelta(hours=1)
_TRIGGERS = {Way.REMOTE: Trigger.REMOTE, Way.VISIT: Trigger.TECHNICIAN, Way.POSTED: Trigger.POSTED}


@dataclass(frozen=True, slots=True)
class UnitSwap:
    """A replacement of the unit by one of another model."""

    action: SwapAction

    @property
    def needs_device(self) -> bool:
        """From afar nothing can be handed over while the old unit is away."""
        return self.action.way == Way.REMOTE

    def obstacle(
        self, connection: Connection, unit: Row[Any], policy: Policy, now: datetime
    ) -> NotNow | None:
        planned = _planned(connection, unit.id, policy)
        may_start_at = read_swap(connection, planned).may_start_at if planned else None
        if may_start_at is None:
            return NotNow(Why.NO_NOTICE)
        if self.action.way != Way.POSTED and may_start_at > now:
            return NotNow(Why.NOTICE_RUNS, may_start_at)
        return None

    def start(
        self,
        connection: Connection,
        campaign: Row[Any],
        unit: Row[Any],
        policy: Policy,
        now: datetime,
    ) -> Begun | NotNow | Refused:
        held = _held(connection, unit.id)
        new = _from_stock(connection, self.action, [row.name for row in held])
        if new is None:
            return NotNow(Why.NO_STOCK, now + _STOCK_AGAIN)
        order = SwapOrder(
            contract=held[0].number,
            position="+".join(row.name for row in held),
            old_serial=unit.serial_number,
            new_serial=new.serial_number,
            trigger=_TRIGGERS[self.action.way],
            reason=f"campaign {campaign.id}",
            outlets=self.action.outlets,
            planned_swap=_planned(connection, unit.id, policy),
            posted_at=now if self.action.way == Way.POSTED else None,
        )
        try:
            with connection.begin_nested():
                swap_id = _order(connection, campaign, order, now)
        except RuleError as error:
            return Refused(str(error))
        is_visit = self.action.way == Way.VISIT
        return Begun(str(swap_id), new.id, Why.TECHNICIAN if is_visit else Why.NONE)

    def states(
        self, connection: Connection, references: Sequence[str], now: datetime
    ) -> Mapping[str, Standing]:
        found: dict[str, Standing] = {}
        for some in chunks(references):
            rows = connection.execute(
                select(t.swap).where(t.swap.c.id.in_([int(one) for one in some]))
            )
            found.update({str(row.id): _standing(row) for row in rows})
        return found

    def take_back_unsent(
        self, connection: Connection, campaign_id: int, references: Sequence[str], now: datetime
    ) -> Sequence[str]:
        taken: list[int] = []
        for some in chunks(references):
            ids = [int(one) for one in some]
            stopped = connection.scalars(
                update(t.swap)
                .where(t.swap.c.id.in_(ids), _has_not_begun())
                .values(phase=Phase.ROLLED_BACK, why=ABORTED, ended_at=now)
                .returning(t.swap.c.id)
            ).all()
            connection.execute(delete(t.swap_claim).where(t.swap_claim.c.swap_id.in_(stopped)))
            taken += stopped
        if taken:
            rows = [
                {"swap_id": one, "at": now, "kind": Happened.ABORTED, "text": ABORTED}
                for one in taken
            ]
            connection.execute(t.swap_event.insert(), rows)
        if self.action.way == Way.VISIT:
            call_off_visits(connection, taken, now)
        return [str(one) for one in taken]

    def stop(self, connection: Connection, reference: str, now: datetime) -> None:
        try:
            swaps.abort(connection, _ACTOR, int(reference), ABORTED, now)
        except ConflictError:
            return


def _order(connection: Connection, campaign: Row[Any], order: SwapOrder, now: datetime) -> int:
    if order.trigger == Trigger.TECHNICIAN:
        return order_visit(connection, _ACTOR, order, now)
    swap_id = swaps.order(connection, _ACTOR, order, now)
    kind, _, name = campaign.approved_by.partition(":")
    swaps.approve(connection, Actor(kind, name), swap_id, now)
    return swap_id


def _held(connection: Connection, unit_id: int) -> list[Row[Any]]:
    rows: list[Row[Any]] = list(
        connection.execute(
            select(t.service_position.c.name, t.contract.c.number)
            .join_from(t.assignment, t.service_position)
            .join(t.contract, t.contract.c.id == t.service_position.c.contract_id)
            .where(t.assignment.c.unit_id == unit_id, t.open_assignment)
        )
    )
    return sorted(rows, key=lambda row: row.name)


def _planned(connection: Connection, unit_id: int, policy: Policy) -> int | None:
    """The planned swap of a position of the unit, the earliest of those that are ready."""
    found: int | None = connection.scalar(
        select(t.planned_swap.c.id)
        .join(t.service_position, t.service_position.c.id == t.planned_swap.c.service_position_id)
        .join(t.assignment, t.assignment.c.service_position_id == t.service_position.c.id)
        .where(
            t.assignment.c.unit_id == unit_id,
            t.open_assignment,
            t.planned_swap.c.id.in_(ready_swap(policy)),
        )
        .order_by(t.planned_swap.c.planned_at, t.planned_swap.c.id)
        .limit(1)
    )
    return found


def _from_stock(
    connection: Connection, action: SwapAction, positions: Sequence[str]
) -> Row[Any] | None:
    """A unit of the model that is at the place and that nobody has taken or reserved, the oldest
    first."""
    fitting = set.intersection(*(set(product_classes_for(name)) for name in positions))
    claimed = exists(
        select(t.swap_claim.c.subject)
        .where(t.swap_claim.c.subject == literal("unit:").concat(t.unit.c.id))
        .correlate(t.unit)
    )
    enrolled = exists(
        select(t.certificate.c.endpoint_id)
        .where(
            t.certificate.c.endpoint_id == t.unit.c.endpoint_id,
            t.certificate.c.revoked_at.is_(None),
        )
        .correlate(t.unit)
    )
    owing = exists(
        select(t.swap_debt.c.swap_id)
        .where(t.swap_debt.c.endpoint_id == t.unit.c.endpoint_id)
        .correlate(t.unit)
    )
    return connection.execute(
        select(t.unit)
        .join(t.place, t.place.c.id == t.unit.c.place_id)
        .where(
            t.place.c.code == action.place,
            t.unit.c.model_name == action.model_name,
            t.unit.c.product_class.in_(sorted(fitting)),
            t.unit.c.state.in_([state.value for state in FREE]),
            ~t.unit.c.lab,
            ~t.unit.c.blacklisted,
            ~claimed,
            ~owing,
            t.unit.c.endpoint_id.is_(None) | enrolled,
        )
        .order_by(t.unit.c.id)
        .limit(1)
    ).one_or_none()


def _has_not_begun() -> Any:
    swap = t.swap.c
    return (
        (swap.at == 0)
        & (swap.asks == 0)
        & (swap.ask_key == "")
        & (swap.phase == Phase.FORWARD)
        & swap.ended_at.is_(None)
    )


def _standing(row: Row[Any]) -> Standing:
    if row.phase == Phase.DONE:
        return Standing(ItemState.DONE)
    if row.phase == Phase.ROLLED_BACK:
        if row.why == ABORTED or row.approved_at is None:
            return Standing(ItemState.STOPPED, Why.CANCELLED)
        return Standing(ItemState.FAILED, Why.ROLLED_BACK)
    if row.phase in (Phase.BACK, Phase.PERSON):
        return Standing(ItemState.RUNNING, Why.FAILING)
    untouched = row.at == 0 and row.asks == 0 and row.phase == Phase.FORWARD
    return Standing(ItemState.STARTED if untouched else ItemState.RUNNING)
