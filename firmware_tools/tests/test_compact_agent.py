"""The agent made smaller passes its own tests, on the machine that boards run."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from firmware_tools.build import REPOSITORY, agent_sources, agent_texts
from firmware_tools.compact import compacted

_DEADLINE_S = 240
_DRIVER = """
import sys
module = __import__(sys.argv[1], None, None, ("*",))
for name in module.__tests__:
    getattr(module, name)()
print("PASSED", len(module.__tests__))
"""
_MACHINE = shutil.which("micropython", path=str(REPOSITORY / ".venv" / "bin")) or shutil.which(
    "micropython"
)
needs_machine = pytest.mark.skipif(_MACHINE is None, reason="the machine has no wheel here")


@pytest.fixture(scope="module")
def small_agent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with agent and tests made smaller as one program.

    Every test file ends with the names of its tests, as texts, so that they keep them.
    """
    plain, small = (tmp_path_factory.mktemp(name) for name in ("plain", "small"))
    sources = agent_sources(port="esp32")
    sources += [
        path
        for path in sorted((REPOSITORY / "agent" / "tests").glob("*.py"))
        if "cpython" not in path.stem and path.stem != "run_micropython"
    ]
    copies = []
    for source in sources:
        text = source.read_text()
        if source.stem.startswith("test_"):
            names = re.findall(r"^def (test_.*?)[(]", text, re.M)
            text += f"\n__tests__ = {tuple(names)!r}\n"
        copy = plain / source.relative_to(REPOSITORY)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(text)
        copies.append(copy)
    for module, text in compacted(copies).items():
        target = small.joinpath(*module.split(".")).with_suffix(".py")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    for path in agent_texts():
        shutil.copy(path, small / path.relative_to(REPOSITORY))
    return small


@needs_machine
@pytest.mark.parametrize(
    "name",
    sorted(
        path.stem
        for path in (REPOSITORY / "agent" / "tests").glob("test_*.py")
        if "cpython" not in path.stem
    ),
)
def test_a_test_file_passes_against_the_small_agent(small_agent: Path, name: str) -> None:
    assert _MACHINE is not None
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own files
        [_MACHINE, "-X", "heapsize=8m", "-c", _DRIVER, f"agent.tests.{name}"],
        env={**os.environ, "MICROPYPATH": f"{small_agent}:.frozen"},
        cwd=small_agent,
        capture_output=True,
        text=True,
        timeout=_DEADLINE_S,
        check=False,
    )
    assert re.search(r"PASSED [1-9]", done.stdout), done.stdout[-1500:] + done.stderr[-1500:]
