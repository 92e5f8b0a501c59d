"""The bench itself: its lab file, its evidence, and a slice of a run."""

import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from hil_tests.errors import EvidenceError, LabDeviceError, LabFileError
from hil_tests.lab import evidence
from hil_tests.lab.backends import run_command
from hil_tests.lab.lab_file import Lab, LabBoard, PowerCommands, read_lab
from hil_tests.simulated_board.board import SimulatedBoard
from hil_tests.simulated_board.spec import BoardSpec
from hil_tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "docs" / "technician" / "lab.toml"
SLICE = "identity or status or dip or power_cut and not row or garbage_at"
SIMULATED = """
[lab]
name = "slice"
[boards.usb]
product_class = "MODEM"
port = "simulated"
vanishing_port = true
features = ["supply", "power_fail", "cable"]
[boards.network]
product_class = "STB"
port = "simulated"
rfc2217 = true
features = ["supply", "power_fail", "card"]
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "lab.toml"
    path.write_text(text)
    return path


def run(lab: Path, out: Path, only: str) -> subprocess.CompletedProcess[str]:
    words = ["--lab", str(lab), "--out", str(out), "--only", only]
    return subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "hil_tests.lab", *words], capture_output=True, text=True, timeout=100
    )


def bench(*words: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).parent / "bench"), *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)  # noqa: S603


def test_the_example_shows_every_key_and_is_understood() -> None:
    lab = read_lab(EXAMPLE)
    real, network, simulated = lab.boards
    assert isinstance(real.power, PowerCommands)
    assert real.power.cut == "relay-control off-now {board}"
    assert network.port.startswith("rfc2217://")
    assert simulated.power == simulated.supply == "simulated"
    named = set(re.findall(r"^#? ?(\w+) =", EXAMPLE.read_text(), re.MULTILINE))
    assert named >= {name for name in LabBoard.__dataclass_fields__ if name != "name"} - {
        "power",
        "supply",
    }


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("vanishing_port", "vanishing_prot", "did you mean 'vanishing_port'"),
        ('"MODEM"', '"TOASTER"', "there are MODEM, VOICEMODEM, STB"),
        ('"cable"', '"cabel"', "did you mean 'cable'"),
        ('port = "simulated"\nvan', 'port = "/dev/ttyUSB0"\nvan', "vanishing_port is for port"),
        ('port = "simulated"\nvan', "van", "port is missing"),
        ("vanishing_port = true", 'vanishing_port = "yes"', "must be true or false"),
        ("vanishing_port = true", "power = { on = 'relay' }", "off is missing"),
        ("vanishing_port = true", "power = { command = 'relay' }", "where {action}"),
        ("vanishing_port = true", "contract = 'C-1'", "contract and position go together"),
        ('name = "slice"', "", "name is missing"),
        ("[boards.usb]", "[boards.usb", "line"),
    ],
)
def test_what_is_wrong_in_a_lab_file_is_named(
    tmp_path: Path, old: str, new: str, said: str
) -> None:
    assert old in SIMULATED
    with pytest.raises(LabFileError, match=re.escape(said)):
        read_lab(write(tmp_path, SIMULATED.replace(old, new, 1)))


def test_a_relay_that_hangs_or_fails_is_a_device_error(mocker: MockerFixture) -> None:
    with pytest.raises(LabDeviceError, match="failed"):
        run_command("false", 5)
    with pytest.raises(LabDeviceError, match="cannot be run"):
        run_command("no-such-relay on modem", 5)
    hung = mocker.patch("hil_tests.lab.backends.subprocess.run")
    hung.side_effect = subprocess.TimeoutExpired("relay", 5)
    with pytest.raises(LabDeviceError, match="did not end within 5 s"):
        run_command("relay on modem", 5)


def signed(folder: Path, lab: Lab) -> None:
    (folder / "report.html").write_text("a report")
    evidence.sign(folder, {"lab": lab.name}, evidence.signing_key(lab))


def test_a_changed_missing_or_added_file_is_refused(tmp_path: Path) -> None:
    signed(tmp_path, Lab("lab", ()))
    assert evidence.verify(tmp_path, None)["lab"] == "lab"
    report = tmp_path / "report.html"
    for change, said in ((b"a better report", "changed"), (None, "missing")):
        report.unlink()
        if change is not None:
            report.write_bytes(change)
        with pytest.raises(EvidenceError, match=said):
            evidence.verify(tmp_path, None)
    report.write_text("a report")
    (tmp_path / "more.log").touch()
    with pytest.raises(EvidenceError, match="added"):
        evidence.verify(tmp_path, None)
    manifest = tmp_path / evidence.MANIFEST
    manifest.write_bytes(manifest.read_bytes().replace(b"lab", b"bal", 1))
    with pytest.raises(EvidenceError, match="signature is not by this key"):
        evidence.verify(tmp_path, None)


def test_real_boards_need_the_labs_key_and_openssl_agrees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(evidence.KEY_VARIABLE, raising=False)
    real = Lab("lab", (LabBoard("modem", "MODEM", "/dev/ttyUSB0"),))
    with pytest.raises(EvidenceError, match="openssl ecparam"):
        evidence.signing_key(real)
    keys = tmp_path / "keys"
    keys.mkdir()
    key, public = keys / "lab.pem", keys / "lab.pub.pem"
    make = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key)]
    subprocess.run(make, check=True, timeout=30)  # noqa: S603
    give = ["openssl", "ec", "-in", str(key), "-pubout", "-out", str(public)]
    subprocess.run(give, check=True, timeout=30, capture_output=True)  # noqa: S603
    monkeypatch.setenv(evidence.KEY_VARIABLE, str(key))
    folder = tmp_path / "report"
    folder.mkdir()
    signed(folder, real)
    with pytest.raises(EvidenceError, match="--public-key"):
        evidence.verify(folder, None)
    assert evidence.verify(folder, public)["key"] == evidence.LAB_KEY
    check = ["openssl", "dgst", "-sha256", "-verify", str(public), "-signature"]
    files = [str(folder / evidence.SIGNATURE), str(folder / evidence.MANIFEST)]
    subprocess.run([*check, *files], check=True, timeout=30, capture_output=True)  # noqa: S603


@pytest.mark.timeout(110)
def test_a_slice_of_the_suite_on_a_vanishing_port_and_over_rfc_2217(tmp_path: Path) -> None:
    sick = '[boards.sick]\nproduct_class = "MODEM"\nport = "/dev/ttyNone"\nboot_s = 0.2\n'
    key = tmp_path / "key.pem"
    subprocess.run(  # noqa: S603
        ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key)],  # noqa: S607
        check=True,
        timeout=30,
    )
    head = SIMULATED.replace('"slice"', f'"slice"\nsigning_key = "{key.name}"')
    done = run(write(tmp_path, head + sick), tmp_path / "out", SLICE)
    (folder,) = (tmp_path / "out").iterdir()
    junit = ET.parse(folder / "junit.xml")  # noqa: S314 - our own
    cases: dict[str | None, list[str]] = {
        case.get("name"): [str(part.tag) for part in case] for case in junit.iter("testcase")
    }
    names = ("test_identity", "test_status", "test_power_cut", "test_garbage_at_line_speed")
    for name in names:
        assert cases[f"{name}[usb]"] == cases[f"{name}[network]"] == [], done.stdout
        assert cases[f"{name}[sick]"] == ["skipped"]
    assert done.returncode == 1
    assert "sick: sick, not tested" in done.stdout
    assert "usb: left powered and provisioned" in done.stdout
    report = (folder / "report.html").read_text()
    assert "power-fail signal" in report
    assert not re.search(r"(?:src|href)=[\"'](?!#)", report)
    assert "Dip!" in (folder / "console" / "usb-supply-dip.log").read_text()
    log = (folder / "console" / "usb-power_cut.log").read_text()
    assert "vanished" in log
    assert "PowerLoss!" in log
    public = folder / evidence.PUBLIC_KEY
    assert bench("verify-report", str(folder), "--public-key", str(public)).returncode == 0
    (folder / "junit.xml").write_text("all is well")
    refused = bench("verify-report", str(folder), "--public-key", str(public))
    assert refused.returncode == 1
    assert "changed since it was signed: junit.xml" in refused.stderr


@pytest.mark.timeout(110)
def test_an_interrupted_run_leaves_a_board_of_the_lab_powered_and_provisioned(
    tmp_path: Path,
) -> None:
    """The board runs by itself, as a real one: a port and a relay are all the bench has of it."""
    state = tmp_path / "state"
    with SimulatedBoard(
        state, BoardSpec("desk", "MODEM", "00000007", lab=True, cpython=True)
    ) as board:
        bench_path = Path(sys.executable).parent / "bench"
        text = f"""
[lab]
name = "desk"
signing_key = "key.pem"
[boards.desk]
product_class = "MODEM"
port = "{board.serial_port}"
[boards.desk.power]
on = "{bench_path} power restore {{board}} --state {state}"
off = "{bench_path} power cut {{board}} --state {state}"
"""
        lab = write(tmp_path, text)
        make = ["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"]
        subprocess.run([*make, str(tmp_path / "key.pem")], check=True, timeout=30)  # noqa: S603
        words = ["--lab", str(lab), "--out", str(tmp_path / "out"), "--only", "power_cuts"]
        process = subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "hil_tests.lab", *words], stdout=subprocess.PIPE, text=True
        )
        wait_until(lambda: not board.state()["powered"], 40, "the first cut")
        os.kill(process.pid, signal.SIGTERM)
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 1, said
        assert "desk: left powered and provisioned" in said
        assert board.state()["powered"]
