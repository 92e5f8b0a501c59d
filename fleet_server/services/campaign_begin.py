"""Beginning what is due of a campaign: each item is looked at anew; then it is begun or put off.

A visit gets its day when its turn comes and notice has run, so that the days of an area fill up in
order, and is ordered on that day; one that could not be gets another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, func, select

from fleet_server.domain.campaign import ItemState, Why
from fleet_server.domain.campaign_pace import wait_for
from fleet_server.domain.campaign_plan import Plan, SwapAction, Way
from fleet_server.domain.local_time import day_bounds, local_day
from fleet_server.domain.policy import Policy
from fleet_server.domain.presence import ONLINE
from fleet_server.services import tables as t
from fleet_server.services.campaign_actions import Action, Begun, NotNow, Refused
from fleet_server.services.campaign_book import Book
from fleet_server.services.campaign_exclusions import exclusion
from fleet_server.services.campaign_visits import UNKNOWN_AREA, book_visit, give_back
from fleet_server.services.surroundings import read_topology

MOST_A_TURN = 200
LONGEST_SAID = 256
_MOST_LOOKED_AT = 2_000


@dataclass(frozen=True, slots=True)
class Beginning:
    """The items of one campaign that may begin now."""

    connection: Connection
    row: Row[Any]
    plan: Plan
    action: Action
    policy: Policy
    now: datetime

    def take(self, book: Book, wave: int, most: int) -> int:
        """Begin up to `most` items of the waves up to `wave`; gives how many."""
        due = self._due(wave)
        if self.action.needs_device:
            book.defer_all(
                [
                    (item, self.now + wait_for(item.unit_id, item.tries))
                    for item in due
                    if item.presence != ONLINE
                ],
                Why.OFFLINE,
            )
            due = [item for item in due if item.presence == ONLINE]
        items = self._known([item.unit_id for item in due[:MOST_A_TURN]])
        begun = 0
        for item in items:
            if begun == most:
                break
            begun += self._one(book, item)
        return begun

    def _due(self, wave: int) -> Sequence[Row[Any]]:
        """Items whose time has come, the earliest first, with the presence of the unit."""
        item = t.campaign_item
        return self.connection.execute(
            select(item, t.presence.c.state.label("presence"))
            .join_from(item, t.unit, t.unit.c.id == item.c.unit_id)
            .outerjoin(t.presence, t.presence.c.endpoint_id == t.unit.c.endpoint_id)
            .where(
                item.c.campaign_id == self.row.id,
                t.is_not_begun,
                item.c.wave <= wave,
                item.c.due_at <= self.now,
            )
            .order_by(item.c.wave, item.c.due_at)
            .limit(_MOST_LOOKED_AT)
        ).all()

    def _known(self, unit_ids: Sequence[int]) -> Sequence[Row[Any]]:
        """These items with what is known of their units now."""
        item, unit = t.campaign_item, t.unit
        left_out = exclusion(self.plan, self.row.id, self.policy, self.now)
        return self.connection.execute(
            select(
                item,
                left_out.label("left_out"),
                unit.c.id,
                unit.c.endpoint_id,
                unit.c.serial_number,
            )
            .join_from(item, unit, unit.c.id == item.c.unit_id)
            .where(item.c.campaign_id == self.row.id, item.c.unit_id.in_(unit_ids))
            .order_by(item.c.wave, item.c.due_at, item.c.unit_id)
        ).all()

    def _one(self, book: Book, item: Row[Any]) -> bool:
        """Whether the item was begun."""
        if item.left_out:
            self._give_visit_back(item)
            book.move(item, ItemState.EXCLUDED, Why(item.left_out))
            return False
        not_now = self._obstacle(item)
        if not_now is None:
            found = self.action.start(self.connection, self.row, item, self.policy, self.now)
            if isinstance(found, Begun):
                return book.move(
                    item,
                    ItemState.STARTED,
                    found.why,
                    reference=found.reference,
                    new_unit_id=found.new_unit_id,
                    started_at=self.now,
                )
            if isinstance(found, Refused):
                self._give_visit_back(item)
                book.move(item, ItemState.FAILED, Why.REFUSED, said=found.said[:LONGEST_SAID])
                return False
            not_now = found
        self._defer(book, item, not_now)
        return False

    def _give_visit_back(self, item: Row[Any]) -> None:
        if item.visit_on is not None:
            give_back(self.connection, item.visit_area_id, item.visit_on)

    def _obstacle(self, item: Row[Any]) -> NotNow | None:
        found = self.action.obstacle(self.connection, item, self.policy, self.now)
        if found is not None:
            return found
        asked = self.plan.action
        if not isinstance(asked, SwapAction) or asked.way != Way.VISIT:
            return None
        has_day = item.visit_on is not None and item.visit_on >= local_day(self.now)
        return None if has_day else self._visit(item)

    def _visit(self, item: Row[Any]) -> NotNow | None:
        area = self._area(item.unit_id)
        day = book_visit(self.connection, area, self.policy, self.now)
        if day is None:
            return NotNow(Why.VISIT)
        begins_at = max(self.now, day_bounds(day)[0])
        return NotNow(Why.VISIT, begins_at, visit=(area, day))

    def _area(self, unit_id: int) -> int:
        element = self.connection.scalar(
            select(func.min(t.contract.c.network_element_id))
            .join_from(t.assignment, t.service_position)
            .join(t.contract, t.contract.c.id == t.service_position.c.contract_id)
            .where(t.assignment.c.unit_id == unit_id, t.open_assignment)
        )
        return UNKNOWN_AREA if element is None else read_topology(self.connection).top(element)

    def _defer(self, book: Book, item: Row[Any], not_now: NotNow) -> None:
        values: dict[str, Any] = {"tries": item.tries + 1}
        if not_now.visit is not None:
            values["visit_area_id"], values["visit_on"] = not_now.visit
        due_at = not_now.until_at or self.now + wait_for(item.unit_id, item.tries)
        book.move(item, ItemState.DEFERRED, not_now.why, due_at=due_at, **values)
