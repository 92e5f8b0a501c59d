"""A smart card through PC/SC: the real pcscd, the virtual reader of vsmartcard-vpcd, pyscard.

The virtual reader listens on every address, so all of it runs in a network namespace of its own.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.errors import ConfigurationError
from agent.ports import linux_card
from agent.ports.linux import card_report
from agent.tests.linux_cpython import LINUX_CONFIG

_DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
_NAMESPACES = ("unshare", "--net", "--mount")
_SCRIPT = """
set -e
ip link set lo up
mkdir -p /run/pcscd
mount -t tmpfs none /run/pcscd
pcscd --foreground >"$1/pcscd.log" 2>&1 &
daemon=$!
trap 'kill $daemon' EXIT
for _ in $(seq 100); do [ -S /run/pcscd/pcscd.comm ] && break; sleep 0.05; done
"$2" -m agent.tests.card_reader_cpython "$1/state"
"""


def missing() -> str:
    """What this machine lacks for the test, "" when nothing."""
    try:
        import smartcard  # noqa: F401
    except ImportError:
        return "pyscard is not built here: apt install gcc libpcsclite-dev python3-dev swig"
    if not shutil.which("pcscd", path=os.environ["PATH"] + ":/usr/sbin"):
        return "pcscd is missing: apt install pcscd"
    if not _DRIVER.exists():
        return "the virtual reader is missing: apt install vsmartcard-vpcd"
    made = subprocess.run([*_NAMESPACES, "true"], capture_output=True)  # noqa: S603
    return "" if made.returncode == 0 else "no namespaces for this user: run as root"


def test_a_card_in_a_real_reader_service_is_told_and_read(tmp_path):
    lacks = missing()
    if lacks:
        pytest.skip(lacks)
    done = subprocess.run(  # noqa: S603  system tools and our own script
        [*_NAMESPACES, "bash", "-c", _SCRIPT, "bash", tmp_path, sys.executable],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["name"].partition("Card")[2] for event in told] == [
        "State!",
        "Inserted!",
        "State!",
        "Removed!",
        "Inserted!",
        "State!",
        "Removed!",
    ]
    good, stranger = told[2], told[5]
    assert (good["SerialNumber"], good["Application"]) == ("EX000001", "example-ca")
    assert stranger["ATR"] == "3B65000057484154" + "3F"
    assert "SerialNumber" not in stranger


def test_a_reader_without_its_library_is_told_and_not_tried(monkeypatch):
    monkeypatch.setattr(linux_card, "scard", None)
    assert "not set" in card_report(LINUX_CONFIG)
    with pytest.raises(ConfigurationError) as caught:
        card_report(LINUX_CONFIG | {"card_reader": "any"})
    assert "pyscard" in caught.value.text
