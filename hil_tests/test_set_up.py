"""What `make` says where it cannot set itself up: one line, with the way out."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hil_tests.server_process import free_port

ROOT = Path(__file__).resolve().parent.parent
CALL = "sys.argv[1:] = ['run']; sys.exit(set_up.main())"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """As much of a fresh clone as set-up touches."""
    (tmp_path / "scripts").mkdir()
    for name in ("scripts/set_up.py", "pyproject.toml", "requirements.run.lock", "Makefile"):
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "requirements.run.lock", tmp_path / "requirements.lock")
    return tmp_path


def set_up(
    checkout: Path, lie: str = "pass", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run set-up, after the statements of `lie` have changed what it sees."""
    program = f"import sys; sys.path.insert(0, 'scripts'); import set_up; {lie}; {CALL}"
    return subprocess.run(  # noqa: S603 - this Python, our own script
        [sys.executable, "-c", program],
        cwd=checkout,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_another_python_is_asked_for_by_the_variable_that_names_it(checkout: Path) -> None:
    done = set_up(checkout, "sys.version_info = (3, 9, 2)")
    assert done.returncode == 1
    assert "3.11 to 3.13 is needed, this is 3.9" in done.stderr
    assert "PYTHON=" in done.stderr
    assert not (checkout / ".venv").exists()


def test_a_missing_venv_is_named_with_its_package(checkout: Path) -> None:
    done = set_up(checkout, "set_up.importlib.util.find_spec = lambda name: None")
    assert done.returncode == 1
    assert "apt install python3-venv" in done.stderr


def test_a_missing_python_is_named_with_its_package(checkout: Path) -> None:
    done = subprocess.run(
        ["make", "set-up", "PYTHON=no-such-python"],  # noqa: S607 - the make that is there
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "apt install python3 python3-venv" in done.stdout


def test_no_network_is_said_in_one_line(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    lock = f"package-that-nobody-has==1 --hash=sha256:{'0' * 64}\n"
    (checkout / "requirements.run.lock").write_text(lock)
    nowhere = f"http://127.0.0.1:{free_port()}/simple"
    offline = {"PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": ""}
    has_environment = "set_up.PYTHON = sys.executable; set_up.make_environment = lambda shown: None"
    done = set_up(checkout, has_environment, PIP_INDEX_URL=nowhere, **offline)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "index cannot be reached" in done.stderr
    assert "PIP_INDEX_URL" in done.stderr


def test_the_second_time_nothing_is_done_unless_a_lock_file_changed(checkout: Path) -> None:
    (checkout / ".venv").mkdir()
    stamp = "(set_up.VENV / '.installed-all').write_text(set_up.fingerprint('all'))"
    done = set_up(checkout, stamp)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (checkout / "requirements.lock").write_text("another==1\n")
    check = "assert not set_up.is_done('all'); assert not set_up.is_done('run'); sys.exit(7)"
    assert set_up(checkout, check).returncode == 7
