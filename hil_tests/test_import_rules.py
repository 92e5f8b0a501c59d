"""Each import contract breaks when somebody breaks its rule."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("agent", "fleet_server", "firmware_tools", "hil_tests", "benchmarks")
FORBIDDEN_IMPORTS = {
    "agent/core/intruder.py": "import firmware_tools\nimport agent.ports.storage\nimport hil_tests",
    "fleet_server/services/intruder.py": "import agent.core\nimport fleet_server.adapters",
    "fleet_server/domain/intruder.py": "import sqlalchemy",
    "firmware_tools/intruder.py": "import fleet_server",
}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "results")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint_imports(folder: Path) -> str:
    done = subprocess.run(  # noqa: S603 - the linter that belongs to this environment
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout + done.stderr


def test_every_contract_breaks_when_its_rule_is_broken(copy: Path) -> None:
    for name, text in FORBIDDEN_IMPORTS.items():
        (copy / name).write_text(text + "\n")
    said = lint_imports(copy)
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    assert [rule["name"] for rule in contracts if f"{rule['name']} BROKEN" not in said] == [], said


def test_the_code_as_it_is_keeps_every_contract(copy: Path) -> None:
    assert " 0 broken." in lint_imports(copy)
