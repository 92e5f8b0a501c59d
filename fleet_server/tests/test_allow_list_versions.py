"""Allow-lists go to the network, then to devices as they come, and are counted when confirmed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fleet_server.adapters.simulated import Behaviour
from fleet_server.domain.errors import OlderAllowListError, UnknownAllowListError
from fleet_server.domain.operations import AccessMode, GiveAllowList, SetAccess
from fleet_server.services import allow_list_versions, audit
from fleet_server.services import tables as t
from fleet_server.services.allow_list_versions import AllowListVersion
from fleet_server.services.subscriptions import ALLOW_LIST_VERSION, told_values
from fleet_server.services.upsert import upsert
from fleet_server.tests.service_desk import CLERK, MAC, NOON, STB, VOICE_MODEM, ServiceDesk

LIST = """
version = 7
expires = 2027-06-30
numbers = ["0800 11222"]

[[hosts]]
names = ["mesimi.example"]
from = 2026-11-01
to = 2027-06-30
"""


def sign(desk: ServiceDesk, version: int = 7, text: str = LIST) -> tuple[int, str]:
    with desk.fleet.writing() as connection:
        return allow_list_versions.sign(
            connection,
            desk.fleet,
            text.replace("version = 7", f"version = {version}"),
            CLERK,
            "school at home",
            desk.now,
        )


def publish(desk: ServiceDesk, version: int = 7) -> None:
    with desk.fleet.writing() as connection:
        allow_list_versions.publish(connection, version, CLERK, "ordered", desk.now)


def roll_out(desk: ServiceDesk) -> int:
    with desk.fleet.writing() as connection:
        queued = allow_list_versions.roll_out(connection, desk.now)
    desk.work()
    return queued


def say(desk: ServiceDesk, endpoint_id: str, version: int) -> None:
    told = told_values("AllowListChanged!", {"Version": str(version)})
    row = {"endpoint_id": endpoint_id, "path": ALLOW_LIST_VERSION, "reported_at": desk.now}
    with desk.fleet.writing() as connection:
        upsert(connection, t.parameter, [{**row, "value": told[ALLOW_LIST_VERSION]}])


def versions(desk: ServiceDesk) -> list[AllowListVersion]:
    with desk.fleet.reading() as connection:
        return allow_list_versions.list_versions(connection)


def given(desk: ServiceDesk, endpoint_id: str) -> list[int]:
    told = desk.devices.told.get(endpoint_id, [])
    return [one.version for one in told if isinstance(one, GiveAllowList)]


def test_a_list_that_is_signed_alone_goes_nowhere(desk: ServiceDesk) -> None:
    sign(desk)
    assert roll_out(desk) == 0
    (found,) = versions(desk)
    assert (found.published_at, found.in_network, found.confirmed) == (None, False, 0)


def test_the_network_comes_first_and_devices_follow(desk: ServiceDesk) -> None:
    sign(desk)
    desk.access.behave(Behaviour(fail_before=1))
    publish(desk)
    assert roll_out(desk) == 2
    assert given(desk, STB) == []
    desk.later(seconds=2)
    desk.work()
    desk.work()
    assert desk.access.allow_list_version() == 7
    assert (given(desk, STB), given(desk, VOICE_MODEM)) == ([7], [7])
    desk.access.carry_out("garden", SetAccess(MAC, "TOP L", AccessMode.WALLED_GARDEN), 0)
    assert desk.access.may_reach(MAC, "mesimi.example")


def test_each_version_is_counted_by_the_devices_that_confirmed_it(desk: ServiceDesk) -> None:
    sign(desk)
    publish(desk)
    roll_out(desk)
    say(desk, STB, 7)
    (found,) = versions(desk)
    assert (found.confirmed, found.devices, found.in_network) == (1, 2, True)
    say(desk, VOICE_MODEM, 7)
    sign(desk, 8)
    publish(desk, 8)
    roll_out(desk)
    say(desk, STB, 8)
    assert [(one.version, one.confirmed) for one in versions(desk)] == [(8, 1), (7, 1)]


def test_a_device_that_has_the_list_is_left_alone_and_one_that_comes_later_gets_it(
    desk: ServiceDesk,
) -> None:
    desk.set_presence(VOICE_MODEM, "offline")
    say(desk, STB, 7)
    sign(desk)
    publish(desk)
    assert roll_out(desk) == 0
    desk.set_presence(VOICE_MODEM, "online")
    assert roll_out(desk) == 1
    assert roll_out(desk) == 0
    assert (given(desk, STB), given(desk, VOICE_MODEM)) == ([], [7])


def test_an_expired_list_is_not_rolled_out(desk: ServiceDesk) -> None:
    sign(desk)
    publish(desk)
    desk.now = NOON + timedelta(days=365)
    assert roll_out(desk) == 0


def test_only_the_newest_published_list_is_rolled_out(desk: ServiceDesk) -> None:
    sign(desk)
    sign(desk, 8)
    publish(desk, 8)
    sign(desk, 9)
    roll_out(desk)
    assert given(desk, STB) == [8]


def test_publishing_twice_is_publishing_once_and_what_was_not_signed_is_not_published(
    desk: ServiceDesk,
) -> None:
    sign(desk)
    publish(desk)
    publish(desk)
    desk.work()
    assert len(desk.access.calls()) == 1
    with desk.fleet.reading() as connection:
        actions = [one.action for one in audit.history(connection, "allow_list:7")]
    assert actions == ["allow_list_published", "allow_list_signed"]
    with pytest.raises(UnknownAllowListError):
        publish(desk, 8)


def test_a_version_means_one_list_for_ever(desk: ServiceDesk) -> None:
    first = sign(desk)
    desk.later(days=1)
    assert sign(desk) == first
    with pytest.raises(OlderAllowListError):
        sign(desk, text=LIST.replace("mesimi", "other"))
    with pytest.raises(OlderAllowListError):
        sign(desk, 6)
