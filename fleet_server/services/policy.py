"""The policy in force: read as a whole, changed one setting at a time, every change audited."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from fleet_server.domain.errors import InvalidSettingError
from fleet_server.domain.policy import DEFAULTS, SETTINGS, Policy, value_text, with_texts
from fleet_server.domain.setting import Setting
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.clock_book import refresh_open
from fleet_server.services.upsert import upsert

SHORTEST_REASON = 3


@dataclass(frozen=True, slots=True)
class SettingInForce:
    """A setting with its value as text; `changed_at` is None while nobody ever changed it."""

    setting: Setting
    value: str
    changed_at: datetime | None

    @property
    def is_default(self) -> bool:
        return self.value == self.setting.default_text


def read_policy(connection: Connection) -> Policy:
    """The settings in force."""
    return with_texts(DEFAULTS, {row.name: row.value for row in _stored(connection)})


def list_settings(connection: Connection) -> list[SettingInForce]:
    """Every setting, in the order in which the policy declares them."""
    policy = read_policy(connection)
    changed = {row.name: row.changed_at for row in _stored(connection)}
    return [
        SettingInForce(setting, value_text(policy, name), changed.get(name))
        for name, setting in SETTINGS.items()
    ]


def change_setting(
    connection: Connection, actor: Actor, name: str, value: str, reason: str, now: datetime
) -> SettingInForce:
    """Put a value in force from now on; gives the setting as it then is.

    Deadlines that run are reckoned anew; the value in force already changes nothing. Raises
    UnknownSettingError, and InvalidSettingError for a value outside its range, one that contradicts
    another setting, or a change without a reason.
    """
    before = read_policy(connection)
    after = with_texts(before, {name: value})
    words = reason.strip()
    if len(words) < SHORTEST_REASON:
        raise InvalidSettingError("A change needs its reason in words.")
    found = SettingInForce(SETTINGS[name], value_text(after, name), now)
    if after == before:
        return found
    audit.append(
        connection,
        actor,
        [
            Entry(
                "setting_changed",
                f"setting:{name}",
                {"from": value_text(before, name), "to": found.value},
            )
        ],
        now,
        words,
    )
    refresh_open(connection, after, now)
    upsert(
        connection,
        t.policy_setting,
        [{"name": name, "value": found.value, "changed_at": now}],
    )
    return found


def _stored(connection: Connection) -> list[Row[Any]]:
    return list(connection.execute(select(t.policy_setting)))
