"""The archive for Linux machines, unpacked and run as it would be there."""

import subprocess
import sys
from pathlib import Path

from firmware_tools.linux_package import linux_files, write_linux_package


def test_the_same_sources_give_the_same_archive(tmp_path: Path) -> None:
    first, second = tmp_path / "a.tar.gz", tmp_path / "b.tar.gz"
    assert write_linux_package(first) == write_linux_package(second) > 0
    assert first.read_bytes() == second.read_bytes()


def test_neither_tests_nor_the_ports_of_boards_are_in_it() -> None:
    names = [name for name, _, _ in linux_files()]
    assert "usr/lib/cpe-agent/agent/ports/linux.py" in names
    assert not [name for name in names if "/tests/" in name or name.endswith("/esp32.py")]


def test_what_was_unpacked_runs_with_nothing_but_the_machines_python(tmp_path: Path) -> None:
    archive = tmp_path / "agent.tar.gz"
    write_linux_package(archive)
    root = tmp_path / "root"
    root.mkdir()
    subprocess.run(  # noqa: S603 - the archive just made
        ["tar", "-xzf", str(archive), "-C", str(root)],  # noqa: S607 - as an administrator does
        check=True,
        timeout=30,
    )
    config = tmp_path / "agent.toml"
    config.write_text(
        f'manufacturer_oui = "00256D"\nserial_number = "1"\nstate = "{tmp_path}/state"\n'
    )
    done = subprocess.run(  # noqa: S603 - the archive just made
        [sys.executable, "-OO", "-I", "-S", "-c", _START, "--config", str(config), "--check"],
        cwd=tmp_path / "root/usr/lib/cpe-agent",
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "mains supply: " in done.stdout
    assert not (tmp_path / "state").exists()


def test_the_service_starts_the_agent_that_the_archive_holds() -> None:
    files = {name: data.decode() for name, data, _ in linux_files() if "systemd" in name}
    service = files["usr/lib/systemd/system/cpe-agent.service"]
    assert "WorkingDirectory=/usr/lib/cpe-agent\n" in service
    assert "-m agent\n" in service
    assert "RestartPreventExitStatus=78\n" in service


def test_the_filter_is_loaded_from_where_the_agent_keeps_it() -> None:
    files = {name: data.decode() for name, data, _ in linux_files() if "systemd" in name}
    service = files["usr/lib/systemd/system/cpe-agent-filter.service"]
    assert "nft -f /var/lib/cpe-agent/filter.nft\n" in service
    assert "Before=network-pre.target cpe-agent.service" in service


_START = (
    "import runpy, sys; sys.path.insert(0, '.'); runpy.run_module('agent', run_name='__main__')"
)
