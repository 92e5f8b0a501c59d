"""Which units a campaign leaves out, and why: one expression, for all of them or for a few.

The same expression decides in the dry run and once more when a unit's turn has come, because weeks
may lie between.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    case,
    exists,
    literal,
    or_,
    select,
    type_coerce,
)

from fleet_server.domain.campaign import CLAIMING, Why
from fleet_server.domain.campaign_plan import Plan, SwapAction
from fleet_server.domain.life_cycle import UnitState
from fleet_server.domain.policy import Policy
from fleet_server.domain.service_state import ServiceState
from fleet_server.services import tables as t
from fleet_server.services.selection_sql import contract_state, open_positions
from fleet_server.services.swap_plan import Ground

_GONE = (UnitState.STOLEN, UnitState.LOST, UnitState.SCRAPPED)


def exclusion(plan: Plan, campaign_id: int, policy: Policy, now: datetime) -> ColumnElement[str]:
    """The first reason that holds for a row of `unit`, "" for none."""
    is_swap = isinstance(plan.action, SwapAction)
    reasons: list[tuple[Why, ColumnElement[bool]]] = [
        (Why.LAB_BOARD, t.unit.c.lab),
        (Why.BLACKLISTED, t.unit.c.blacklisted),
        (Why.GONE, t.unit.c.state.in_(_GONE)),
    ]
    if is_swap:
        reasons.append((Why.NOT_IN_SERVICE, ~open_positions()))
    else:
        reasons.append((Why.NO_ENDPOINT, t.unit.c.endpoint_id.is_(None)))
    reasons += [
        (Why.EMERGENCY_SITE, open_positions(_is_protected())),
        (Why.SUSPENDED, open_positions(contract_state() != ServiceState.ACTIVE.value)),
        (Why.IN_CAMPAIGN, _in_another(campaign_id)),
        (Why.ON_SWAP, _on_swap()),
        (Why.NO_CONTACT, _no_contact(now - timedelta(days=policy.campaign_contact_days))),
    ]
    if is_swap:
        reasons.append((Why.NO_NOTICE, ~open_positions(exists(ready_swap(policy)))))
    return case(*((holds, why.value) for why, holds in reasons if why not in plan.admits), else_="")


def ready_swap(policy: Policy) -> Any:
    """The planned swaps of `service_position` with notice in time, or consent [7.1.7]; those that
    the unit of `assignment` has come by are done."""
    planned = t.planned_swap.c
    notice = timedelta(hours=policy.swap_notice_hours)
    before = _as_ms(planned.planned_at) - _as_ms(planned.notice_at)
    announced = and_(
        planned.ground == Ground.OPERATOR.value, before >= notice // timedelta(milliseconds=1)
    )
    consented = planned.ground == Ground.FAULTY.value
    if policy.faulty_swap_needs_consent:
        consented = and_(consented, planned.consent_at.is_not(None))
    return (
        select(planned.id)
        .where(
            planned.service_position_id == t.service_position.c.id,
            planned.cancelled_at.is_(None),
            t.assignment.c.since_at <= planned.recorded_at,
            or_(announced, consented),
        )
        .correlate(t.service_position, t.assignment)
    )


def _as_ms(column: ColumnElement[Any]) -> ColumnElement[int]:
    return type_coerce(column, BigInteger)


def _is_protected() -> ColumnElement[bool]:
    return exists(
        select(t.protected_contract.c.contract_id)
        .where(t.protected_contract.c.contract_id == t.contract.c.id)
        .correlate(t.contract)
    )


def _in_another(campaign_id: int) -> ColumnElement[bool]:
    return exists(
        select(t.campaign_item.c.unit_id)
        .join(t.campaign, t.campaign.c.id == t.campaign_item.c.campaign_id)
        .where(
            t.campaign_item.c.unit_id == t.unit.c.id,
            t.is_open,
            t.campaign.c.id != campaign_id,
            t.campaign.c.state.in_(CLAIMING),
        )
        .correlate(t.unit)
    )


def _on_swap() -> ColumnElement[bool]:
    """A replacement that has not ended has the unit."""
    return exists(
        select(t.swap_claim.c.subject)
        .where(t.swap_claim.c.subject == literal("unit:").concat(t.unit.c.id))
        .correlate(t.unit)
    )


def _no_contact(since: datetime) -> ColumnElement[bool]:
    seen = exists(
        select(t.presence.c.endpoint_id)
        .where(t.presence.c.endpoint_id == t.unit.c.endpoint_id, t.presence.c.seen_at >= since)
        .correlate(t.unit)
    )
    return and_(t.unit.c.endpoint_id.is_not(None), ~seen)
