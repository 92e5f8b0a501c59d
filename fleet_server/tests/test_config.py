"""Settings from environment and command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from fleet_server.config import Config, from_environment, keep_ports, with_options
from fleet_server.errors import OperatorError


def test_a_child_process_reads_the_settings_of_its_parent() -> None:
    config = Config(state=Path("/srv/fleet"), http_port=9000, controller_id="fqdn::x.test")
    assert from_environment(config.environment()) == config


def test_options_win_over_the_environment() -> None:
    found = {"FLEET_HTTP_PORT": "9000", "FLEET_MQTT_PORT": "9001", "FLEET_STATE": "/srv/fleet"}
    config = from_environment(found, state=Path("/srv/other"))
    changed = with_options(config, http_port=9100)
    assert (changed.http_port, changed.mqtt_port) == (9100, 9001)
    assert changed.pki == Path("/srv/other/pki")
    assert changed.database == "sqlite:////srv/other/fleet.db"


def test_the_ports_of_the_last_run_count_unless_others_are_given(tmp_path: Path) -> None:
    keep_ports(Config(state=tmp_path, http_port=9000, mqtt_port=9001))
    kept = from_environment({}, state=tmp_path)
    assert (kept.http_port, kept.mqtt_port) == (9000, 9001)
    assert from_environment({"FLEET_STATE": str(tmp_path)}) == kept
    assert from_environment({"FLEET_MQTT_PORT": "9100"}, state=tmp_path).mqtt_port == 9100
    assert with_options(kept, http_port=9200).http_port == 9200


@pytest.mark.parametrize("text", ["", "[]", '{"http": 1}', '{"http": "x", "mqtt": 1}', "null"])
def test_kept_ports_that_cannot_be_read_are_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "ports.json").write_text(text)
    with pytest.raises(OperatorError, match=r"ports\.json"):
        from_environment({}, state=tmp_path)


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
