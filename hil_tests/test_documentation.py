"""The documentation is held to what is really there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMANDS = ("bench", "firmware-tools", "fleet-server", "usp")
OUR_PATH = re.compile(
    r"`((?:agent|fleet_server|firmware_tools|hil_tests|benchmarks|scripts|docs)/[\w./-]*)`"
)
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(#[^)]*)?\)")
UNWANTED = re.compile(r"\b(?:TODO|FIXME|XXX|TBD)\b|(?<![\w.])/(?:work|root|home)/|\bissue \d")
TEXT_SUFFIXES = {".md", ".py", ".toml", ".html", ".css", ".js", ".po", ".proto", ".pyi", ""}


def everything_written() -> str:
    return "\n".join(page.read_text() for page in PAGES)


def make_targets() -> list[str]:
    """The targets that a person calls: those that explain themselves."""
    return re.findall(r"^([a-z-]+):[^#\n]*##", (ROOT / "Makefile").read_text(), re.MULTILINE)


def subcommands(command: str) -> list[str]:
    done = subprocess.run(  # noqa: S603 - our own commands
        [str(Path(sys.executable).parent / command), "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"},
    )
    assert done.returncode == 0, done.stderr
    listed = done.stdout.partition("Commands")[2]
    return re.findall(r"^(?:│|  ?) ([a-z][a-z-]*) ", listed, re.MULTILINE)


def test_the_readme_shows_exactly_two_commands_first() -> None:
    first_block = (ROOT / "README.md").read_text().split("```")[1]
    assert re.findall(r"^make \w+", first_block, re.MULTILINE) == ["make run", "make test"]
    assert len(first_block.strip().splitlines()) == 2


def test_every_make_target_is_documented() -> None:
    written = everything_written()
    assert len(make_targets()) >= 6
    assert [name for name in make_targets() if f"`make {name}" not in written] == []


def test_every_documented_make_target_exists() -> None:
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", everything_written(), re.MULTILINE))
    assert named - set(make_targets()) == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_subcommand_is_documented(command: str) -> None:
    words = subcommands(command)
    assert words
    written = everything_written()
    assert [word for word in words if f"{command} {word}" not in written] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_and_link_of_a_page_leads_somewhere(page: Path) -> None:
    text = page.read_text()
    paths = [ROOT / path for path in OUR_PATH.findall(text) if "results" not in path]
    links = [page.parent / target for target, _ in LINK.findall(text)]
    assert [str(path) for path in paths + links if not path.exists()] == []


def test_nothing_is_left_unfinished_or_names_another_place() -> None:
    listed = subprocess.run(
        ["git", "ls-files"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    files = [ROOT / name for name in listed.stdout.splitlines()]
    found = [
        f"{path.relative_to(ROOT)}: {words}"
        for path in files
        if path.suffix in TEXT_SUFFIXES and path.is_file() and path != Path(__file__).resolve()
        if (words := UNWANTED.findall(path.read_text()))
    ]
    assert found == []


def locked(name: str) -> set[str]:
    return set(re.findall(r"^([\w.-]+==\S+)", (ROOT / name).read_text(), re.MULTILINE))


def test_what_make_run_installs_is_part_of_what_is_tested() -> None:
    assert locked("requirements.run.lock")
    assert locked("requirements.run.lock") <= locked("requirements.lock")


def test_every_locked_package_has_its_hash() -> None:
    for name in ("requirements.lock", "requirements.run.lock"):
        blocks = re.split(r"^(?=[\w.-]+==)", (ROOT / name).read_text(), flags=re.MULTILINE)[1:]
        assert [block for block in blocks if "--hash=sha256:" not in block] == []
