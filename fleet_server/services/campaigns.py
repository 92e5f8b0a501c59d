"""Campaigns by people: make, plan (the dry run), approve, start, pause, resume, abort.

Planning writes every unit that the selection matches with its wave, or why it is left out, in one
statement; nothing is acted on. Whoever approves names the revision that was looked at, so that
nobody approves what was changed meanwhile. What runs is services/campaign_engine.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from fleet_server.domain.campaign import (
    CLAIMING,
    ENDED,
    Act,
    ItemState,
    Pause,
    State,
    Why,
    next_state,
)
from fleet_server.domain.campaign_pace import check_hours
from fleet_server.domain.campaign_plan import InvalidPlanError, Plan, decode_plan, encode_plan
from fleet_server.domain.errors import ConflictError, InvalidError, NotFoundError
from fleet_server.domain.selection import parse_selection, read_selection
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.campaign_actions import Actions
from fleet_server.services.campaign_book import Book, forget, read_outcomes, read_tally
from fleet_server.services.campaign_planning import add_units
from fleet_server.services.policy import read_policy

_LONGEST_SELECTION = 64_000


class UnknownCampaignError(NotFoundError):
    """No campaign of this number."""


class SamePersonError(ConflictError):
    """Another person has to approve it."""


class OlderRevisionError(ConflictError):
    """The campaign was changed or planned anew since it was looked at."""


class NothingToDoError(ConflictError):
    """The plan leaves no unit to act on."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a campaign is to be; `selection` is JSON as parsed (domain/selection.py)."""

    name: str
    selection: Any
    plan: Plan


def create(connection: Connection, actor: Actor, draft: Draft, reason: str, now: datetime) -> int:
    """Raises InvalidSelectionError, InvalidPlanError or InvalidError."""
    values = _values(draft, now)
    key = connection.execute(
        t.campaign.insert().values(
            **values, state=State.DRAFT, created_by=_name(actor), created_at=now
        )
    ).inserted_primary_key
    campaign_id = int(key[0]) if key else 0
    _note(connection, actor, campaign_id, "campaign_created", now, reason)
    return campaign_id


def change(
    connection: Connection,
    actor: Actor,
    campaign_id: int,
    draft: Draft,
    reason: str,
    now: datetime,
    revision: int | None = None,
) -> None:
    """Make it a draft with this content; a plan or an approval is void then. Whoever changes it
    counts as who made it. `revision`: only if it is still at that one.

    Raises UnknownCampaignError, CampaignStateError, OlderRevisionError, and what `create` raises.
    """
    row = lock(connection, campaign_id)
    state = next_state(State(row.state), Act.CHANGE)
    if revision is not None:
        _require_revision(row, revision)
    forget(connection, campaign_id)
    _set(
        connection,
        row,
        **_values(draft, now),
        state=state,
        units=0,
        created_by=_name(actor),
        created_at=now,
        planned_at=None,
        planned_by="",
        approved_at=None,
        approved_by="",
        revision=row.revision + 1,
    )
    _note(connection, actor, campaign_id, "campaign_changed", now, reason)


def plan(connection: Connection, actor: Actor, campaign_id: int, now: datetime) -> None:
    """The dry run: put down every unit with its wave, or why it is left out.

    Raises UnknownCampaignError, CampaignStateError, InvalidPlanError, InvalidSelectionError or
    UnknownNetworkElementError.
    """
    row = lock(connection, campaign_id)
    state = next_state(State(row.state), Act.PLAN)
    policy = read_policy(connection)
    check_hours(decode_plan(row.plan), policy)
    forget(connection, campaign_id)
    units = add_units(connection, row, policy, now)
    _set(
        connection,
        row,
        state=state,
        units=units,
        planned_at=now,
        planned_by=_name(actor),
        revision=row.revision + 1,
    )
    _note(connection, actor, campaign_id, "campaign_planned", now, detail={"units": units})


def approve(
    connection: Connection,
    actor: Actor,
    campaign_id: int,
    revision: int,
    reason: str,
    now: datetime,
) -> None:
    """Say yes to the plan of that revision.

    Raises UnknownCampaignError, CampaignStateError, OlderRevisionError, SamePersonError or
    NothingToDoError.
    """
    row = lock(connection, campaign_id)
    state = next_state(State(row.state), Act.APPROVE)
    _require_revision(row, revision)
    policy = read_policy(connection)
    if policy.campaign_four_eyes and _name(actor) in (row.created_by, row.planned_by):
        raise SamePersonError("Another person than who made or planned the campaign approves it.")
    if not read_tally(connection, campaign_id).all(ItemState.WAITING):
        raise NothingToDoError("Campaign %(campaign)s leaves every unit out.", campaign=campaign_id)
    _set(connection, row, state=state, approved_at=now, approved_by=_name(actor))
    _note(connection, actor, campaign_id, "campaign_approved", now, reason)


def start(connection: Connection, actor: Actor, campaign_id: int, now: datetime) -> None:
    """Let the first wave begin; the hours in which it may may have changed since it was planned.

    Raises UnknownCampaignError, CampaignStateError or InvalidPlanError.
    """
    row = lock(connection, campaign_id)
    state = next_state(State(row.state), Act.START)
    check_hours(decode_plan(row.plan), read_policy(connection))
    _set(connection, row, state=state, started_at=now, wave=1, joined_at=now)
    _note(connection, actor, campaign_id, "campaign_started", now)


def pause(
    connection: Connection, actor: Actor, campaign_id: int, reason: str, now: datetime
) -> None:
    """Begin nothing new. Raises UnknownCampaignError, CampaignStateError."""
    stand_still(connection, actor, lock(connection, campaign_id), Pause.PERSON, now, reason)


def stand_still(
    connection: Connection, actor: Actor, row: Row[Any], why: Pause, now: datetime, reason: str = ""
) -> None:
    """Pause, by a person or by the campaign itself."""
    state = next_state(State(row.state), Act.PAUSE)
    _set(connection, row, state=state, why=why)
    _note(connection, actor, row.id, "campaign_paused", now, reason, {"why": why.value})


def resume(
    connection: Connection, actor: Actor, campaign_id: int, reason: str, now: datetime
) -> None:
    """Go on; failures count anew from here, and a wave that missed its goal is let pass.

    Raises UnknownCampaignError, CampaignStateError.
    """
    row = lock(connection, campaign_id)
    state = next_state(State(row.state), Act.RESUME)
    ended, failed = read_outcomes(connection, campaign_id)
    _set(
        connection,
        row,
        state=state,
        why="",
        accepted_wave=row.wave if row.why == Pause.WAVE_MISSED else row.accepted_wave,
        ended_before=ended,
        failed_before=failed,
    )
    _note(connection, actor, campaign_id, "campaign_resumed", now, reason)


def abort(
    connection: Connection,
    actor: Actor,
    campaign_id: int,
    reason: str,
    actions: Actions,
    now: datetime,
) -> None:
    """Stop all that was not sent, in this transaction; what was sent is called back by the engine.

    Raises UnknownCampaignError, CampaignStateError.
    """
    break_off(connection, actor, lock(connection, campaign_id), Pause.PERSON, actions, now, reason)


def break_off(
    connection: Connection,
    actor: Actor,
    row: Row[Any],
    why: Pause,
    actions: Actions,
    now: datetime,
    reason: str = "",
) -> None:
    """Abort, by a person or by the campaign itself."""
    state = next_state(State(row.state), Act.ABORT)
    book = Book(connection, row.id, now)
    stopped = book.stop_all_waiting(Why.ABORTED)
    stopped += _stop_unsent(connection, row, book, actions, now)
    book.close()
    ended_at = now if state == State.ABORTED else None
    _set(connection, row, state=state, why=why, ended_at=ended_at)
    detail: audit.Detail = {"why": why.value, "stopped": stopped}
    _note(connection, actor, row.id, "campaign_aborted", now, reason, detail)


def _stop_unsent(
    connection: Connection, row: Row[Any], book: Book, actions: Actions, now: datetime
) -> int:
    """Take back what was ordered and has not left."""
    action = actions.of(decode_plan(row.plan).action)
    items = {
        item.reference: item
        for item in connection.execute(
            select(t.campaign_item).where(t.campaign_item.c.campaign_id == row.id, t.is_under_way)
        )
    }
    taken_back = action.take_back_unsent(connection, row.id, list(items), now)
    for reference in taken_back:
        book.move(items[reference], ItemState.STOPPED, Why.ABORTED)
    return len(taken_back)


def lock(connection: Connection, campaign_id: int) -> Row[Any]:
    """Its row. Raises UnknownCampaignError."""
    row = connection.execute(
        select(t.campaign).where(t.campaign.c.id == campaign_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise UnknownCampaignError("There is no campaign %(campaign)s.", campaign=campaign_id)
    return row


def end(connection: Connection, row: Row[Any], act: Act, now: datetime) -> None:
    """Finished or aborted, because nothing is under way any more."""
    state = next_state(State(row.state), act)
    _set(connection, row, state=state, ended_at=now)
    tally = read_tally(connection, row.id)
    detail: audit.Detail = {state_.value: tally.all(state_) for state_ in ENDED}
    actor = Actor.system("campaigns")
    _note(connection, actor, row.id, "campaign_ended", now, detail={**detail, "state": state})


def _require_revision(row: Row[Any], looked_at: int) -> None:
    if looked_at != row.revision:
        raise OlderRevisionError(
            "Campaign %(campaign)s is at revision %(revision)s; look at it again.",
            campaign=row.id,
            revision=row.revision,
        )


def claiming(connection: Connection, unit_id: int) -> int | None:
    """The campaign that has the unit now, if any."""
    found = connection.scalar(
        select(t.campaign_item.c.campaign_id)
        .join(t.campaign, t.campaign.c.id == t.campaign_item.c.campaign_id)
        .where(t.campaign_item.c.unit_id == unit_id, t.is_open, t.campaign.c.state.in_(CLAIMING))
    )
    return None if found is None else int(found)


def _values(draft: Draft, now: datetime) -> dict[str, Any]:
    name = draft.name.strip()
    if not 3 <= len(name) <= 64 or "\0" in name:
        raise InvalidError("%(part)s: 3 to 64 characters.", part="name")
    read_selection(draft.selection)
    selection = json.dumps(draft.selection)
    if len(selection) > _LONGEST_SELECTION:
        raise InvalidError(
            "%(part)s: at most %(most)s characters.", part="selection", most=_LONGEST_SELECTION
        )
    parse_selection(selection)
    if draft.plan.ends_at is not None and draft.plan.ends_at <= now:
        raise InvalidPlanError("%(part)s: a moment to come.", part="ends_at")
    return {"name": name, "selection": selection, "plan": encode_plan(draft.plan)}


def _set(connection: Connection, row: Row[Any], **values: Any) -> None:
    connection.execute(update(t.campaign).where(t.campaign.c.id == row.id).values(**values))


def _name(actor: Actor) -> str:
    return f"{actor.kind}:{actor.name}"


def _note(
    connection: Connection,
    actor: Actor,
    campaign_id: int,
    action: str,
    now: datetime,
    reason: str = "",
    detail: audit.Detail | None = None,
) -> None:
    entry = Entry(action, f"campaign:{campaign_id}", detail or {})
    audit.append(connection, actor, [entry], now, reason)
