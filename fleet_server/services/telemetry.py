"""Health as devices report it: what we ask our agents for, and what becomes of a report.

The names are those of `agent/wire/telemetry.py`. A profile carries a digest of what it was made
from in its name, so that an agent whose profile is of another version gets the new one, and one cut
off half-way is begun anew: the name is set last. A report leaves the newest value of each name, and
itself, as it came, for as long as the operator keeps it. It says nothing of persons.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete

from agent.wire.codes import BULK_DATA, PUSH_EVENT
from agent.wire.telemetry import PROFILE_NAME, rows_of
from fleet_server.domain.event import key_of
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services import tables as t
from fleet_server.services.records import NOTIFY, BadRecordError, Incoming
from fleet_server.services.upsert import insert_new, upsert

PROFILES = BULK_DATA + "Profile."
_ROWS_AT_ONCE = 5  # an agent takes in no more than 3 KB
_MOST_NAMES = 512
_LONGEST = 64
_LONGEST_DATA = 16_384
_AHEAD = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class HealthPolicy:
    """How often devices report, and for how many days the reports are kept."""

    interval_s: int = 900
    keep_days: int = 30


def profile_name(product_class: str, interval_s: int) -> str:
    """The name of the profile an agent of this class shall have."""
    made_from = repr((interval_s, list(rows_of(product_class))))
    return f"{PROFILE_NAME}-{hashlib.sha256(made_from.encode()).hexdigest()[:8]}"


def stale_profiles(found: Mapping[str, str], name: str) -> list[str]:
    """The rows that are ours and not `name`, from what stands in the table of profiles."""
    return [
        path[: -len("Name")]
        for path, value in found.items()
        if path.endswith(".Name") and path.count(".") == PROFILES.count(".") + 1
        if value.startswith(PROFILE_NAME) and value != name
    ]


def new_profile(interval_s: int) -> usp.Add.CreateObject:
    """The row to add; it reports nothing yet."""
    return _row(PROFILES, {"Name": PROFILE_NAME, "ReportingInterval": str(interval_s)})


def parameter_rows(profile: str, product_class: str) -> list[list[usp.Add.CreateObject]]:
    """What is reported, as the rows to add below `profile`, in portions an agent can take in."""
    rows = []
    for name, reference, _classes, low, high, change in rows_of(product_class):
        settings = {"Name": name, "Reference": reference}
        limits = {"Low": low, "High": high, "Change": str(change) if change else ""}
        settings |= {f"X_IPKO-COM_{limit}": value for limit, value in limits.items() if value}
        rows.append(_row(f"{profile}Parameter.", settings))
    return [rows[at : at + _ROWS_AT_ONCE] for at in range(0, len(rows), _ROWS_AT_ONCE)]


def switch_on(profile: str, name: str) -> list[usp.Set.UpdateObject]:
    """The last step: from now on the profile reports and bears its name."""
    return [
        _update(profile, {"Enable": "true", "Name": name}),
        _update(BULK_DATA, {"Enable": "true"}),
    ]


def is_report(incoming: Incoming) -> bool:
    """Whether this is health of one of our profiles, which is no event of its own."""
    if incoming.kind != NOTIFY or incoming.message is None:
        return False
    event = incoming.message.body.request.notify.event
    return event.event_name == PUSH_EVENT and event.obj_path.startswith(PROFILES)


def keep(connection: Connection, incoming: Incoming, connection_number: int, now: datetime) -> None:
    """Write what a report says, once. Raises BadRecordError when it is no report."""
    key = key_of(incoming.endpoint_id, incoming.msg_id, connection_number)
    if key is None or incoming.message is None:
        return
    data = incoming.message.body.request.notify.event.params.get("Data", "")
    values, at = _read(data, now)
    row = {
        "endpoint_id": incoming.endpoint_id,
        "event_key": key.text,
        "collected_at": at,
        "received_at": now,
        "data": data,
    }
    if insert_new(connection, t.health_report, [row], ("event_key",)):
        upsert(
            connection,
            t.health_value,
            [
                {
                    "endpoint_id": incoming.endpoint_id,
                    "name": name,
                    "value": value,
                    "collected_at": at,
                }
                for name, value in values.items()
            ],
            newest_by="collected_at",
        )


def forget_old(connection: Connection, policy: HealthPolicy, now: datetime) -> None:
    """Remove the reports that are older than the operator keeps them."""
    oldest = now - timedelta(days=policy.keep_days)
    connection.execute(delete(t.health_report).where(t.health_report.c.received_at < oldest))


def _read(data: str, now: datetime) -> tuple[dict[str, str], datetime]:
    """The values of a report and when they were collected: the last of them counts."""
    if len(data) > _LONGEST_DATA:
        raise BadRecordError("health")
    try:
        (*_, report) = json.loads(data)["Report"]
        stamp = report.pop("CollectionTime", None)
        at = _moment(stamp, now)
        values = {str(name): _text(value) for name, value in report.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise BadRecordError("health") from error
    texts: Iterable[str] = [*values, *values.values()]
    if len(values) > _MOST_NAMES or not all(_is_storable(text) for text in texts):
        raise BadRecordError("health")
    return values, at


def _is_storable(text: str) -> bool:
    """Neither too long nor with what no database takes: NUL, or half of a surrogate pair."""
    return len(text) <= _LONGEST and not re.search("[\0\ud800-\udfff]", text)


def _moment(stamp: object, now: datetime) -> datetime:
    """When a report was collected; now, where it does not say so credibly."""
    if isinstance(stamp, int) and 0 < stamp < now.timestamp() + _AHEAD.total_seconds():
        return datetime.fromtimestamp(stamp, UTC)
    return now


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError


def _row(path: str, settings: Mapping[str, str]) -> usp.Add.CreateObject:
    return usp.Add.CreateObject(
        obj_path=path,
        param_settings=[
            usp.ParamSetting(param=name, value=value, required=True)
            for name, value in settings.items()
        ],
    )


def _update(path: str, settings: Mapping[str, Any]) -> usp.Set.UpdateObject:
    return usp.Set.UpdateObject(
        obj_path=path,
        param_settings=[
            usp.ParamSetting(param=name, value=value, required=True)
            for name, value in settings.items()
        ],
    )
