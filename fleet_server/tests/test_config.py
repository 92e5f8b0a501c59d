"""Settings from environment and command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet_server.config import Config, from_environment, with_options
from fleet_server.errors import OperatorError


def test_a_child_process_reads_the_settings_of_its_parent() -> None:
    config = Config(state=Path("/srv/fleet"), http_port=9000, controller_id="fqdn::x.test")
    assert from_environment(config.environment()) == config


def test_options_win_over_the_environment() -> None:
    config = from_environment({"FLEET_HTTP_PORT": "9000", "FLEET_MQTT_PORT": "9001"})
    changed = with_options(config, http_port=9100, state=Path("/srv/other"))
    assert (changed.http_port, changed.mqtt_port) == (9100, 9001)
    assert changed.pki == Path("/srv/other/pki")
    assert changed.database == "sqlite:////srv/other/fleet.db"


def test_nothing_listens_beyond_loopback_unless_told() -> None:
    assert from_environment({}).bind == "127.0.0.1"


@pytest.mark.parametrize(
    ("name", "value"),
    [("FLEET_HTTP_PORT", "x"), ("FLEET_MQTT_PORT", "70000"), ("FLEET_PERIODIC_S", "0")],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(OperatorError) as caught:
        from_environment({name: value})
    assert name in caught.value.problem
