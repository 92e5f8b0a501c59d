"""The calendar of work on the network, with the notices that customers got [4.6, 11.3]."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select, update

from fleet_server.domain.errors import InvalidTimeError, UnknownWorkError, WorkOverError
from fleet_server.domain.maintenance import Announced, Notice, Work, announced
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.cause_reports import say_anew
from fleet_server.services.elements import codes_of, element_of
from fleet_server.services.policy import read_policy


class WorkKind(StrEnum):
    MAINTENANCE = "maintenance"
    UPGRADE = "upgrade"
    REPAIR = "repair"
    RELOCATION = "relocation"


class Channel(StrEnum):
    """How customers were told."""

    SMS = "sms"
    EMAIL = "email"
    LETTER = "letter"
    WEBSITE = "website"


@dataclass(frozen=True, slots=True)
class NoticeGiven:
    channel: Channel
    sent_at: datetime
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class PlannedWork:
    """One entry of the calendar; `announced` is the part that counts as maintenance."""

    id: int
    element: str
    kind: WorkKind
    starts_at: datetime
    ends_at: datetime
    voice_down: bool
    cancelled_at: datetime | None
    notices: tuple[NoticeGiven, ...]
    announced: tuple[Announced, ...]
    notice_due_at: datetime

    @property
    def is_announced(self) -> bool:
        """Whether all of it is."""
        whole = sum((one.ends_at - one.starts_at for one in self.announced), timedelta(0))
        return whole >= self.ends_at - self.starts_at


@dataclass(frozen=True, slots=True)
class Plan:
    """Work to enter; `voice_down`: telephone lines cannot reach emergency numbers meanwhile."""

    element: str
    kind: WorkKind
    starts_at: datetime
    ends_at: datetime
    voice_down: bool


def plan_work(
    connection: Connection, actor: Actor, plan: Plan, reason: str, now: datetime
) -> PlannedWork:
    """Enter work. Raises UnknownNetworkElementError or InvalidTimeError."""
    element = element_of(connection, plan.element)
    if plan.ends_at <= plan.starts_at or plan.ends_at <= now:
        raise InvalidTimeError("Work ends after it began, and in the future.")
    detail = {
        "kind": plan.kind.value,
        "starts": plan.starts_at.isoformat(),
        "ends": plan.ends_at.isoformat(),
        "voice_down": plan.voice_down,
    }
    subject = f"network_element:{plan.element.strip()}"
    (sequence,) = audit.append(
        connection, actor, [Entry("work_planned", subject, detail)], now, reason
    )
    insert = t.maintenance.insert().returning(t.maintenance.c.id)
    key = connection.scalars(
        insert.values(
            network_element_id=element,
            kind=plan.kind.value,
            starts_at=plan.starts_at,
            ends_at=plan.ends_at,
            voice_down=plan.voice_down,
            planned_at=now,
            audit_sequence=sequence,
        )
    ).one()
    return read_work(connection, key)


def add_notice(
    connection: Connection, actor: Actor, work_id: int, given: NoticeGiven, now: datetime
) -> PlannedWork:
    """Put on record that customers were told. Raises UnknownWorkError or InvalidTimeError."""
    row = _row(connection, work_id)
    if given.sent_at > now or given.ends_at <= given.starts_at:
        raise InvalidTimeError("A notice was sent in the past and tells of a time with a length.")
    detail = {
        "channel": given.channel.value,
        "sent": given.sent_at.isoformat(),
        "starts": given.starts_at.isoformat(),
        "ends": given.ends_at.isoformat(),
    }
    entry = Entry("work_announced", f"maintenance:{work_id}", detail)
    (sequence,) = audit.append(connection, actor, [entry], now)
    connection.execute(
        t.maintenance_notice.insert().values(
            maintenance_id=work_id,
            channel=given.channel.value,
            sent_at=given.sent_at,
            starts_at=given.starts_at,
            ends_at=given.ends_at,
            recorded_at=now,
            audit_sequence=sequence,
        )
    )
    say_anew(connection, row.network_element_id, row.starts_at, row.ends_at, now)
    return read_work(connection, work_id)


def cancel_work(
    connection: Connection, actor: Actor, work_id: int, reason: str, now: datetime
) -> PlannedWork:
    """Call work off. Raises UnknownWorkError, or WorkOverError when it is over."""
    row = _row(connection, work_id)
    if row.cancelled_at is not None or row.ends_at <= now:
        raise WorkOverError("Work %(work)s is over or was called off.", work=work_id)
    entry = Entry("work_cancelled", f"maintenance:{work_id}")
    audit.append(connection, actor, [entry], now, reason)
    connection.execute(
        update(t.maintenance).where(t.maintenance.c.id == work_id).values(cancelled_at=now)
    )
    say_anew(connection, row.network_element_id, row.starts_at, row.ends_at, now)
    return read_work(connection, work_id)


def read_work(connection: Connection, work_id: int) -> PlannedWork:
    """Raises UnknownWorkError."""
    return _views(connection, [_row(connection, work_id)])[0]


def list_work(
    connection: Connection, before: tuple[datetime, int] | None, size: int
) -> list[PlannedWork]:
    """The calendar, the latest first, before the work that begins then and has this key."""
    work = t.maintenance.c
    query = select(t.maintenance)
    if before is not None:
        starts_at, key = before
        query = query.where(
            or_(work.starts_at < starts_at, and_(work.starts_at == starts_at, work.id < key))
        )
    query = query.order_by(work.starts_at.desc(), work.id.desc()).limit(size)
    return _views(connection, connection.execute(query).all())


def _row(connection: Connection, work_id: int) -> Row[Any]:
    query = select(t.maintenance).where(t.maintenance.c.id == work_id)
    row = connection.execute(query).first()
    if row is None:
        raise UnknownWorkError("There is no work %(work)s.", work=work_id)
    return row


def _views(connection: Connection, rows: Iterable[Row[Any]]) -> list[PlannedWork]:
    found = list(rows)
    codes = codes_of(connection, {row.network_element_id for row in found})
    lead = timedelta(hours=read_policy(connection).maintenance_notice_hours)
    notices: dict[int, list[NoticeGiven]] = {row.id: [] for row in found}
    told = t.maintenance_notice
    query = select(told).where(told.c.maintenance_id.in_(list(notices))).order_by(told.c.id)
    for row in connection.execute(query) if found else ():
        given = NoticeGiven(Channel(row.channel), row.sent_at, row.starts_at, row.ends_at)
        notices[row.maintenance_id].append(given)
    return [_view(row, codes[row.network_element_id], notices[row.id], lead) for row in found]


def _view(row: Row[Any], code: str, notices: list[NoticeGiven], lead: timedelta) -> PlannedWork:
    told = [Notice(one.sent_at, one.starts_at, one.ends_at) for one in notices]
    return PlannedWork(
        id=row.id,
        element=code,
        kind=WorkKind(row.kind),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        voice_down=row.voice_down,
        cancelled_at=row.cancelled_at,
        notices=tuple(notices),
        announced=announced(Work(row.starts_at, row.ends_at, row.cancelled_at), told, lead),
        notice_due_at=row.starts_at - lead,
    )
