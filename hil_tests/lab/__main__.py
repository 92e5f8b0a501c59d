"""Runs the suite on a lab: python -m hil_tests.lab [--lab lab.toml]. `make hil` is the short way.

Ends with 0 when every board is well and every test passed or was skipped for what it needs.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from firmware_tools.errors import ToolError
from hil_tests.errors import BenchError
from hil_tests.lab.lab_file import read_lab
from hil_tests.lab.run import Outcome, run_lab

SIMULATED_LAB = Path(__file__).with_name("simulated.toml")


def main() -> int:
    options = _options()
    folder = options.out / datetime.now(UTC).strftime("%Y-%m-%d-%H%M%S")
    try:
        outcome = run_lab(read_lab(options.lab), folder, options.only)
    except (BenchError, ToolError) as error:
        next_step = getattr(error, "next_step", "")
        _say(f"Cannot go on. {error}\n{next_step}".rstrip())
        return 2
    _tell(outcome)
    return 0 if outcome.green else 1


def _tell(outcome: Outcome) -> None:
    for board, reason in outcome.sick.items():
        _say(f"{board}: sick, not tested: {reason}")
    for board, left in outcome.left.items():
        _say(f"{board}: left {left}")
    _say(f"Report: {outcome.folder / 'report.html'}")
    _say(f"Check:  bench verify-report {outcome.folder}")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m hil_tests.lab")
    parser.add_argument("--lab", type=Path, default=SIMULATED_LAB, help="lab file")
    parser.add_argument("--out", type=Path, default=Path("build/hil"), help="where reports go")
    parser.add_argument("--only", default="", help="tests whose name fits, as pytest's -k")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
