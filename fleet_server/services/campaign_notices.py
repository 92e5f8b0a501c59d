"""Notice of the swaps of a campaign, for all its customers at once [7.1.7]."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, exists, insert, literal, select

from fleet_server.domain.campaign import CampaignStateError, State, Why
from fleet_server.domain.campaign_plan import InvalidPlanError, SwapAction, decode_plan
from fleet_server.domain.errors import ImpossibleMomentError
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.campaign_exclusions import ready_swap
from fleet_server.services.campaigns import lock
from fleet_server.services.policy import read_policy
from fleet_server.services.swap_plan import Ground

_COLUMNS = (
    "contract_id",
    "service_position_id",
    "ground",
    "planned_at",
    "recorded_at",
    "notice_at",
)


def announce(
    connection: Connection,
    actor: Actor,
    campaign_id: int,
    planned_at: datetime,
    reason: str,
    now: datetime,
) -> int:
    """Put on record that the customers left out for want of notice were told now of a swap at
    `planned_at`; gives how many positions, without those that have their notice since. Plan the
    campaign again to take them in.

    Raises UnknownCampaignError, CampaignStateError, InvalidPlanError or ImpossibleMomentError.
    """
    row = lock(connection, campaign_id)
    if row.state != State.PLANNED:
        raise CampaignStateError(
            "The campaign is %(campaign_state)s: plan it, then announce its swaps.",
            campaign_state=row.state,
        )
    if not isinstance(decode_plan(row.plan).action, SwapAction):
        raise InvalidPlanError("%(part)s: only swaps are announced.", part="action")
    policy = read_policy(connection)
    hours = policy.swap_notice_hours
    if planned_at < now + timedelta(hours=hours):
        raise ImpossibleMomentError(
            "%(part)s: at least %(hours)s hours from now [7.1.7].", part="planned_at", hours=hours
        )
    moment = t.planned_swap.c.planned_at.type
    positions = (
        select(
            t.service_position.c.contract_id,
            t.service_position.c.id,
            literal(Ground.OPERATOR.value),
            literal(planned_at, moment),
            literal(now, moment),
            literal(now, moment),
        )
        .select_from(t.campaign_item)
        .join(t.assignment, t.assignment.c.unit_id == t.campaign_item.c.unit_id)
        .join(t.service_position, t.service_position.c.id == t.assignment.c.service_position_id)
        .where(
            t.campaign_item.c.campaign_id == campaign_id,
            t.campaign_item.c.why == Why.NO_NOTICE,
            t.open_assignment,
            ~exists(ready_swap(policy)),
        )
    )
    announced = connection.execute(
        insert(t.planned_swap).from_select(_COLUMNS, positions),
        execution_options={"preserve_rowcount": True},
    ).rowcount
    detail: audit.Detail = {"positions": announced, "planned_at": planned_at.isoformat()}
    entry = Entry("campaign_announced", f"campaign:{campaign_id}", detail)
    audit.append(connection, actor, [entry], now, reason)
    return announced
