"""What a campaign does to one unit, as ports: begin, look how it stands, take back.

`start` runs in the transaction that puts the item down as started, and its reference is the item's
for ever, so that an action is begun once whatever dies between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection, Row

from fleet_server.domain import campaign_plan as plans
from fleet_server.domain import command as command_rules
from fleet_server.domain.campaign import ItemState, Why
from fleet_server.domain.campaign_pace import closes_at
from fleet_server.domain.campaign_plan import CommandAction, decode_plan
from fleet_server.domain.errors import CommandEndedError
from fleet_server.domain.policy import Policy
from fleet_server.services import command_recall, commands
from fleet_server.services.audit import Actor
from fleet_server.services.chunks import chunks
from fleet_server.services.commands import Command, Order

_ABORTED = "the campaign was aborted"
# Once the time of a command is over: its unit may be on its way back.
_TIME_TO_COME_BACK = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Begun:
    """The action was ordered; `new_unit_id`: the unit it takes from the stock; `why`: what it
    waits for."""

    reference: str
    new_unit_id: int | None = None
    why: Why = Why.NONE


@dataclass(frozen=True, slots=True)
class NotNow:
    """It cannot be ordered now; `until_at`: not before then, None for the usual back-off; `visit`:
    area and day that were booked for it."""

    why: Why
    until_at: datetime | None = None
    visit: tuple[int, date] | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It cannot be ordered, now or later; `said` is why, for people."""

    said: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How an action stands, as the state its item has then."""

    state: ItemState
    why: Why = Why.NONE


class Action(Protocol):
    """One kind of action; `needs_device`: only while the unit is online."""

    @property
    def needs_device(self) -> bool: ...

    def obstacle(
        self, connection: Connection, unit: Row[Any], policy: Policy, now: datetime
    ) -> NotNow | None:
        """What stands against it before anything is booked for it."""
        ...

    def start(
        self,
        connection: Connection,
        campaign: Row[Any],
        unit: Row[Any],
        policy: Policy,
        now: datetime,
    ) -> Begun | NotNow | Refused:
        """Order it for `unit`, a row of `unit`."""
        ...

    def states(
        self, connection: Connection, references: Sequence[str], now: datetime
    ) -> Mapping[str, Standing]:
        """How these stand; one that is missing was never ordered."""
        ...

    def take_back_unsent(
        self, connection: Connection, campaign_id: int, references: Sequence[str], now: datetime
    ) -> Sequence[str]:
        """Cancel those that did nothing yet, all at once; gives them."""
        ...

    def stop(self, connection: Connection, reference: str, now: datetime) -> None:
        """Call one back as far as it can be; `states` tells what came of it."""
        ...


class Actions(Protocol):
    """The action that a plan names."""

    def of(self, action: plans.Action) -> Action: ...


_C = command_rules.State
_STANDING: Mapping[command_rules.State, Standing] = {
    _C.QUEUED: Standing(ItemState.STARTED),
    _C.SENT: Standing(ItemState.RUNNING),
    _C.ACCEPTED: Standing(ItemState.RUNNING),
    _C.DONE: Standing(ItemState.DONE),
    _C.FAILED: Standing(ItemState.FAILED, Why.FAILED),
    _C.EXPIRED: Standing(ItemState.FAILED, Why.EXPIRED),
    _C.CANCELLED: Standing(ItemState.STOPPED, Why.CANCELLED),
}


_UNKNOWN = Standing(ItemState.FAILED, Why.NO_ANSWER)


def _standing(command: Command, now: datetime) -> Standing:
    """The command stays open until its unit is seen; the campaign does not wait so long."""
    is_unknown = command.state is _C.FAILED and not command.error_code
    if is_unknown or (command.is_overdue and now >= command.expires_at + _TIME_TO_COME_BACK):
        return _UNKNOWN
    return _STANDING[command.state]


@dataclass(frozen=True, slots=True)
class DeviceCommand:
    """One command to the device, through the queue of commands."""

    action: CommandAction
    needs_device: bool = True

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
    ) -> Begun | NotNow:
        reference = f"campaign-{campaign.id}.{unit.id}"
        given_up_at = now + timedelta(hours=self.action.expires_hours)
        hours = decode_plan(campaign.plan).hours
        expires_at = min(given_up_at, closes_at(now, hours, policy))
        order = Order(unit.endpoint_id, self.action.command, {}, expires_at)
        commands.queue(connection, reference, order, now)
        return Begun(reference)

    def states(
        self, connection: Connection, references: Sequence[str], now: datetime
    ) -> Mapping[str, Standing]:
        found: dict[str, Standing] = {}
        for some in chunks(references):
            for key, command in commands.find(connection, some).items():
                found[key] = _standing(command, now)
        return found

    def take_back_unsent(
        self, connection: Connection, campaign_id: int, references: Sequence[str], now: datetime
    ) -> Sequence[str]:
        return command_recall.cancel_unsent(connection, references, now)

    def stop(self, connection: Connection, reference: str, now: datetime) -> None:
        try:
            commands.cancel(connection, Actor.system("campaigns"), reference, _ABORTED, now)
        except CommandEndedError:
            return
