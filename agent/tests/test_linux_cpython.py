"""The port to Linux: configuration, reasons of a start, hardware sources, signals."""

import asyncio
import os
import signal
import socket

import pytest

from agent.errors import ConfigurationError
from agent.ports.linux import LinuxBoard, filter_of, filter_report
from agent.ports.linux_boot import BootRecord
from agent.ports.linux_config import read_config
from agent.ports.linux_manager import is_mains_lost, keep_manager_informed
from agent.ports.linux_sources import Sources
from agent.tests.linux_cpython import LINUX_CONFIG, write_tree
from agent.wire import codes

BOOT_ID = "proc/sys/kernel/random/boot_id"

# --- configuration


def config_file(tmp_path, text):
    path = tmp_path / "agent.toml"
    path.write_text(text)
    return str(path)


def test_a_short_configuration_is_completed_by_defaults(tmp_path):
    path = config_file(tmp_path, 'manufacturer_oui = "00256D"\nserial_number = "7"\n')
    config = read_config(path)
    assert (config["product_class"], config["lab"]) == ("MODEM", False)
    assert config["state"] == "/var/lib/cpe-agent"


def test_the_serial_number_may_come_from_a_file_of_the_machine(tmp_path):
    (tmp_path / "serial").write_bytes(b"12345\0")
    source = f'serial_number_file = "{tmp_path}/serial"'
    config = read_config(config_file(tmp_path, f'manufacturer_oui = "00256D"\n{source}\n'))
    assert config["serial_number"] == "12345"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("serial_number = 7", "serial_number is of the wrong kind"),
        ('serialnumber = "7"', "serialnumber is no key"),
        ('serial_number = "7"', "manufacturer_oui is missing"),
        ('serial_number = "7"\nmanufacturer_oui = "00256d"', "manufacturer_oui is missing"),
        ('manufacturer_oui = "00256D"', "no serial number"),
        ('serial_number_file = "/nonexistent"', "/nonexistent: no serial number"),
        ('serial_number = "7"\nproduct_class = "TV"', "product_class is unknown"),
        ("serial_number", "is not TOML"),
        (
            'serial_number = "7"\nmanufacturer_oui = "00256D"\nstate = "here"',
            "state is not a whole path",
        ),
    ],
)
def test_a_wrong_key_is_named(tmp_path, text, says):
    with pytest.raises(ConfigurationError) as raised:
        read_config(config_file(tmp_path, text))
    assert says in raised.value.text
    assert raised.value.next


def test_a_missing_file_says_how_to_name_another(tmp_path):
    with pytest.raises(ConfigurationError) as raised:
        read_config(str(tmp_path / "none.toml"))
    assert "--config" in raised.value.next


# --- why it started


def boot(tmp_path, boot_id="a", **files):
    root = tmp_path / "root"
    write_tree(root, {BOOT_ID: boot_id, **files})
    return BootRecord(str(tmp_path), str(root))


def test_the_first_start_has_no_known_reason(tmp_path):
    assert boot(tmp_path).begin() == codes.RESET_UNKNOWN


def test_an_orderly_end_was_commanded_whoever_restarted(tmp_path):
    first = boot(tmp_path)
    first.begin()
    first.leave()
    assert boot(tmp_path, "b").begin() == codes.RESET_COMMANDED


def test_an_end_without_order_in_the_same_boot_is_a_crash(tmp_path):
    boot(tmp_path).begin()
    assert boot(tmp_path).begin() == codes.RESET_CRASH


@pytest.mark.parametrize(
    ("files", "cause"),
    [
        ({}, codes.RESET_POWER_ON),
        ({"sys/class/watchdog/watchdog0/bootstatus": "0"}, codes.RESET_POWER_ON),
        ({"sys/class/watchdog/watchdog0/bootstatus": "32"}, codes.RESET_WATCHDOG),
        ({"sys/class/watchdog/watchdog0/bootstatus": "33"}, codes.RESET_OVERHEAT),
        ({"sys/class/watchdog/watchdog0/bootstatus": "16"}, codes.RESET_BROWN_OUT),
        ({"sys/fs/pstore/dmesg-ramoops-0": "panic"}, codes.RESET_CRASH),
    ],
)
def test_a_machine_that_ended_without_order_is_asked_why(tmp_path, files, cause):
    boot(tmp_path).begin()
    assert boot(tmp_path, "b", **files).begin() == cause


# --- hardware


def test_a_machine_without_sources_says_so(tmp_path):
    sources = Sources(str(tmp_path))
    lines = list(sources.report())
    assert [line.split(": ")[1] for line in lines[:-3]] == ["missing"] * 5
    assert "voice: missing, voice_facts is not set" in lines
    assert "SIGPWR alone" in lines[-1]
    assert not sources.has_mains()


def test_the_network_is_known_by_address_and_by_the_providers_domain(tmp_path):
    write_tree(tmp_path, {"etc/resolv.conf": "nameserver 192.0.2.5\nsearch cable.example lan\n"})
    network = Sources(str(tmp_path)).facts("network")
    assert network["provider"] == "cable.example"
    assert network["address"] == "" or "." in network["address"] or ":" in network["address"]
    assert Sources(str(tmp_path / "none")).facts("network")["provider"] == ""


def test_without_interfaces_of_the_customer_nothing_is_held_back(tmp_path):
    config = LINUX_CONFIG | {"state": str(tmp_path)}
    assert filter_of(config) is None
    assert "no filter_interfaces" in filter_report(config)
    config["filter_interfaces"] = "lan0 wlan0"
    assert filter_of(config) is not None
    assert filter_report(config).endswith("for lan0, wlan0")


def test_the_processors_load_is_that_since_the_last_answer(tmp_path):
    sources = Sources(str(tmp_path))
    for line, percent in (
        ("cpu 10 0 10 80 0 0 0 0 0 0", 20),
        ("cpu 60 0 10 130 0 0 0 0 0 0", 50),
        ("cpu 60 0 10 130 0 0 0 0 0 0", 0),
    ):
        write_tree(tmp_path, {"proc/stat": line + "\ncpu0 1 1 1 1 1 1 1 1\n"})
        assert sources.facts("cpu") == {"usage_percent": percent}


def test_temperatures_and_rails_carry_their_labels(tmp_path):
    chip = "sys/class/hwmon/hwmon0/"
    write_tree(
        tmp_path,
        {
            chip + "name": "soc",
            chip + "temp1_input": "41500",
            chip + "temp1_label": "core",
            chip + "temp2_input": "39000",
            chip + "in0_input": "12040",
            chip + "in0_label": "12V",
            chip + "curr1_input": "510",
            chip + "curr1_label": "12V",
            chip + "in1_input": "3301",
        },
    )
    sources = Sources(str(tmp_path))
    assert sources.facts("temperatures") == {"sensors": [["core", 41], ["soc temp2", 39]]}
    assert sources.facts("rails") == {"rails": [["12V", 12040, 510], ["soc in1", 3301, -1]]}


def test_a_battery_tells_what_it_measures_and_no_more(tmp_path):
    folder = "sys/class/power_supply/bat0/"
    write_tree(
        tmp_path,
        {
            folder + "type": "Battery",
            folder + "status": "Discharging",
            folder + "capacity": "81",
            folder + "voltage_now": "11950000",
            folder + "health": "Good",
        },
    )
    assert Sources(str(tmp_path)).facts("battery") == {
        "present": True,
        "on_battery": True,
        "charging": False,
        "replace": False,
        "charge_percent": 81,
        "voltage_mv": 11950,
    }


def test_traffic_is_that_of_the_default_route_or_of_the_interface_named(tmp_path):
    counters = {"statistics/rx_bytes": "7\n", "statistics/tx_bytes": "5\n"}
    for name in ("wan0", "lan0"):
        write_tree(tmp_path, {f"sys/class/net/{name}/{k}": v for k, v in counters.items()})
    write_tree(tmp_path, {"sys/class/net/lan0/statistics/rx_bytes": "9"})
    write_tree(tmp_path, {"proc/net/route": "Iface Destination\nlan0 0000A8C0\nwan0 00000000\n"})
    assert Sources(str(tmp_path)).facts("traffic") == {"rx_bytes": 7, "tx_bytes": 5}
    assert Sources(str(tmp_path), "lan0").facts("traffic") == {"rx_bytes": 9, "tx_bytes": 5}


def test_a_mains_supply_makes_a_power_fail_sensor(tmp_path):
    write_tree(tmp_path, {"sys/class/power_supply/ac/type": "Mains"})
    board = LinuxBoard(LINUX_CONFIG | {"state": str(tmp_path / "s"), "sysfs": str(tmp_path)})
    assert board.sensors == ("power_fail",)


# --- signals and the service manager


@pytest.mark.parametrize(
    ("online", "kind", "lost"), [("0", "Mains", True), ("1", "Mains", False), ("0", "USB", False)]
)
def test_the_kernels_word_about_mains_is_understood(online, kind, lost):
    message = b"change@/devices/ac\0POWER_SUPPLY_TYPE=%s\0POWER_SUPPLY_ONLINE=%s\0" % (
        kind.encode(),
        online.encode(),
    )
    assert is_mains_lost(message) is lost


def test_sigpwr_is_a_power_fail_signal_each_time_it_comes(tmp_path):
    async def scenario():
        board = LinuxBoard(LINUX_CONFIG | {"state": str(tmp_path)})
        board.watch(lambda: None)
        heard = []

        async def listen():
            while True:
                await board.power_fail.wait()
                heard.append(1)

        listening = asyncio.create_task(listen())
        for count in (1, 2):
            os.kill(os.getpid(), signal.SIGPWR)
            for _ in range(500):
                await asyncio.sleep(0.01)
                if len(heard) == count:
                    break
            assert len(heard) == count
        listening.cancel()
        board.unwatch()

    asyncio.run(scenario())


def test_the_service_manager_hears_that_it_runs_and_signs_of_life(tmp_path, monkeypatch):
    path = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", path)
        monkeypatch.setenv("WATCHDOG_USEC", "20000")

        async def scenario():
            task = asyncio.create_task(keep_manager_informed())
            await asyncio.sleep(0.03)
            task.cancel()

        asyncio.run(scenario())
        assert manager.recv(100) == b"READY=1"
        assert manager.recv(100) == b"WATCHDOG=1"


def test_without_a_manager_nobody_is_told(monkeypatch):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    asyncio.run(asyncio.wait_for(keep_manager_informed(), 5))


def test_a_file_that_is_no_text_is_not_toml(tmp_path):
    path = tmp_path / "binary.toml"
    path.write_bytes(b'serial_number = "\xff"')
    with pytest.raises(ConfigurationError) as raised:
        read_config(str(path))
    assert "is not TOML" in raised.value.text
