"""What an administrator does: set up, look over, get the broker, make a certificate."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509

from fleet_server import doctor, installation
from fleet_server.adapters import broker_install, failpoint
from fleet_server.adapters.clock import utc_now
from fleet_server.adapters.failpoint import Failpoint
from fleet_server.config import Config
from fleet_server.errors import OperatorError

PROGRAM = str(Path(sys.executable).parent / "fleet-server")


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own command
        [PROGRAM, *words], capture_output=True, text=True, timeout=60
    )


def test_set_up_twice_changes_nothing_and_says_where_the_passwords_are(tmp_path: Path) -> None:
    state = tmp_path / "state"
    done = run("init", "--state", str(state))
    assert done.returncode == 0, done.stderr
    sign_in = state / "first-sign-in.txt"
    assert str(sign_in) in done.stdout
    assert sign_in.stat().st_mode & 0o777 == 0o600
    before = {path: path.read_bytes() for path in (state / "pki").iterdir()} | {
        sign_in: sign_in.read_bytes()
    }
    assert run("init", "--state", str(state)).returncode == 0
    assert {path: path.read_bytes() for path in before} == before
    assert run("doctor", "--state", str(state)).returncode == 0
    made = run(
        "agent-certificate", "os::00256D-1", "--out", str(tmp_path / "o"), "--state", str(state)
    )
    assert made.returncode == 0, made.stderr
    certificate = x509.load_pem_x509_certificate((tmp_path / "o" / "agent.pem").read_bytes())
    assert certificate.subject.rfc4514_string() == "CN=os::00256D-1"
    bad = run("agent-certificate", "a/#", "--out", str(tmp_path), "--state", str(state))
    assert (bad.returncode, "not an endpoint id" in bad.stderr) == (1, True)


def test_the_doctor_names_what_is_missing_and_what_helps(tmp_path: Path) -> None:
    config = Config(state=tmp_path / "state")
    config.state.mkdir()
    texts = [one.text for one in doctor.examine(config, utc_now()) if not one.good]
    assert any("certificate root is missing: fleet-server init" in text for text in texts)
    assert any("there is no database at" in text for text in texts)
    assert any("there is no personal data store at" in text for text in texts)
    (config.state / "fleet.db").touch()
    texts = [one.text for one in doctor.examine(config, utc_now()) if not one.good]
    assert any("fleet-server migrate" in text for text in texts)
    (config.state / "fleet.db").write_text("not a database at all, and long enough\n" * 50)
    texts = [one.text for one in doctor.examine(config, utc_now()) if not one.good]
    assert any("file is not a database" in text and "\n" not in text for text in texts)
    (config.state / "fleet.db").unlink()
    installation.initialise(config, utc_now())
    (config.pki / "root.key").chmod(0o644)
    later = doctor.examine(config, utc_now() + timedelta(days=720))
    bad = [one.text for one in later if not one.good]
    assert [text.partition(" is valid")[0] for text in bad if "valid" in text] == [
        "certificate broker"
    ]
    assert any("chmod 600" in text for text in bad)


def test_an_unpacked_broker_is_found_with_its_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(broker_install, "_PLACES", ())
    assert broker_install.find_mosquitto(tmp_path) is None
    program = tmp_path / "mosquitto" / "usr" / "sbin" / "mosquitto"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    library = tmp_path / "mosquitto" / "usr" / "lib" / "here" / "libx.so.1"
    library.parent.mkdir(parents=True)
    library.touch()
    assert broker_install.obtain_mosquitto(tmp_path) == program
    assert broker_install.library_path(tmp_path) == {"LD_LIBRARY_PATH": str(library.parent)}


def test_without_broker_and_apt_the_one_command_that_helps_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(broker_install, "_PLACES", ())
    with pytest.raises(OperatorError) as caught:
        broker_install.obtain_mosquitto(tmp_path)
    assert "apt install mosquitto" in caught.value.remedy


def test_a_failpoint_kills_at_its_place_and_time_only(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, _signal: killed.append(pid))
    inert = Failpoint("")
    second = Failpoint("before_commit:2")
    for point in (inert, second):
        point.reach(failpoint.BEFORE_COMMIT)
        point.reach(failpoint.AFTER_COMMIT)
    assert killed == []
    second.reach(failpoint.BEFORE_COMMIT)
    second.reach(failpoint.BEFORE_COMMIT)
    assert killed == [os.getpid()]
