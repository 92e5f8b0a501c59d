"""`fleet-server import` and `export` as a person runs them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from fleet_server.adapters.database import open_database
from fleet_server.cli import app
from fleet_server.domain.import_subjects import SUBJECTS
from fleet_server.errors import OperatorError
from fleet_server.tests.memory_fleet import prepare_demo_data

UNITS = """serial_number;product_class;manufacturer_oui;model_name;mac_ethernet;place
S-1;STB;00256D;STB-40;00256D400001;ST-1
S-2;STB;00256D;STB-40;00256D400001;ST-1
S-3;STB;00256D;STB-99;;ST-1
S-4;STB;00256D;STB-40;;NOWHERE
"""


@pytest.fixture(scope="module")
def prepared_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    database = tmp_path_factory.mktemp("registry") / "fleet.db"
    engine = open_database(f"sqlite:///{database}")
    prepare_demo_data(engine)
    engine.dispose()
    return database


@pytest.fixture
def state(tmp_path: Path, prepared_registry: Path) -> Path:
    shutil.copy(prepared_registry, tmp_path / "fleet.db")
    return tmp_path


def run(state: Path, *words: str) -> Result:
    return CliRunner().invoke(app, [*words, "--state", str(state)])


def test_an_import_tells_line_by_line_what_was_refused(state: Path) -> None:
    file, report = state / "units.csv", state / "refused.csv"
    file.write_text(UNITS)
    words = ("import", "units", str(file), "--reason", "delivery 7", "--report", str(report))
    dry = run(state, *words, "--dry-run")
    assert dry.exit_code == 1
    assert "4 rows: 1 would be added, 0 unchanged, 3 refused" in dry.stdout
    told = report.read_text()
    assert told.splitlines() == [
        "line,key,column,refused because",
        "3,S-2,,00:25:6D:40:00:01 is in line 2 already",
        "4,S-3,model_name,no STB of this name and OUI; import models first",
        "5,S-4,place,is not on record; import places first",
    ]
    assert "line 3 S-2: 00:25:6D:40:00:01 is in line 2 already" in dry.stderr
    done = run(state, *words)
    assert "4 rows: 1 added, 0 unchanged, 3 refused" in done.stdout
    assert report.read_text() == told
    file.write_text("".join(UNITS.splitlines(keepends=True)[:2]))
    again = run(state, *words)
    assert (again.exit_code, again.stdout) == (0, "1 rows: 0 added, 1 unchanged, 0 refused\n")


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("subject", SUBJECTS)
def test_an_export_can_be_imported(state: Path, subject: str, form: str) -> None:
    assert run(state, "demo-data").exit_code == 0
    file = state / f"{subject}.{form}"
    told = run(state, "export", subject, str(file))
    assert told.exit_code == 0
    rows = int(told.stdout.split()[-2])
    assert rows > 0
    done = run(state, "import", subject, str(file), "--dry-run")
    assert done.stdout == f"{rows} rows: 0 would be added, {rows} unchanged, 0 refused\n"


def test_a_reason_is_asked_for_and_a_wrong_file_is_said(state: Path) -> None:
    with pytest.raises(OperatorError, match="Give it with --reason"):
        raise run(state, "import", "units", "x.csv").exception or AssertionError
    missing = run(state, "import", "units", str(state / "x.csv"), "--reason", "r").exception
    assert "No such file" in str(missing)
    other = run(state, "import", "people", "x.csv", "--reason", "r").exception
    assert "There is no subject 'people'; there are suppliers, places" in str(other)
    nowhere = run(state, "export", "units", str(state / "no" / "x.csv")).exception
    assert "Name another file" in str(nowhere)
