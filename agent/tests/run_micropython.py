"""Runs agent test files on the real MicroPython VM: the same files that pytest runs on CPython.

Each file gets a VM of its own. Usage: python -m agent.tests.run_micropython [file ...]
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
DEADLINE_S = 240

_DRIVER = """
import sys
name = sys.argv[1]
module = __import__(name, None, None, ("*",))
passed = failed = 0
for key in sorted(dir(module)):
    if key.startswith("test_"):
        try:
            getattr(module, key)()
            passed += 1
        except Exception as error:
            failed += 1
            print("FAILED", key)
            sys.print_exception(error)
print("RESULT", passed, failed)
sys.exit(1 if failed else 0)
"""


def virtual_machine() -> str | None:
    """Path of the `micropython` program of this environment, or None."""
    beside = Path(sys.executable).parent
    return shutil.which("micropython", path=str(beside)) or shutil.which("micropython")


def shared_test_files() -> list[Path]:
    """The test files that run on both Pythons."""
    found = (REPOSITORY / "agent").rglob("tests/test_*.py")
    return sorted(path for path in found if not path.stem.endswith("_cpython"))


def run_file(path: Path, heap: str = "8m") -> tuple[int, int, str]:
    """Run one test file on the VM; return (passed, failed, output).

    A file that does not even load counts as one failure.
    """
    program = virtual_machine()
    if program is None:
        raise FileNotFoundError("micropython: install the `bench` extra")
    name = ".".join(path.resolve().relative_to(REPOSITORY).with_suffix("").parts)
    done = subprocess.run(  # noqa: S603  our own interpreter and our own file
        [program, "-X", f"heapsize={heap}", "-c", _DRIVER, name],
        env=dict(os.environ, MICROPYPATH=f"{REPOSITORY}:.frozen"),
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    output = done.stdout + done.stderr
    results = [line.split() for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if not results:
        return 0, 1, output
    return int(results[-1][1]), int(results[-1][2]), output


def main(names: list[str]) -> int:
    """Run the named files, or all; print a line for each; return the exit code."""
    total_failed = 0
    for path in [Path(name) for name in names] or shared_test_files():
        passed, failed, output = run_file(path)
        total_failed += failed
        sys.stdout.write(f"{path.name}: {passed} passed, {failed} failed\n")
        if failed:
            sys.stdout.write(output)
    return 1 if total_failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
