"""What the subcommands about commands, swaps and campaigns share: the fleet, words, following."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fleet_server import bootstrap
from fleet_server.adapters.certificates import Pki
from fleet_server.config import from_environment
from fleet_server.domain.errors import InvalidError
from fleet_server.errors import OperatorError
from fleet_server.services.audit import Actor
from fleet_server.services.fleet import Fleet

_LONGEST_NAME = 40
LOOK_AGAIN_S = 0.2
_out = Console(highlight=False)

State = Annotated[Path | None, typer.Option("--state", help="Folder that holds everything.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it stands in the audit log.")]
By = Annotated[str, typer.Option("--as", help="Who does it; the login name when left out.")]
Watch = Annotated[bool, typer.Option("--watch", help="Until it has ended, or Ctrl-C.")]


@contextmanager
def opened(state: Path | None) -> Iterator[Fleet]:
    """The fleet of an installation, given back at the end.

    Raises OperatorError where the folder holds none.
    """
    config = from_environment(state=state)
    if not os.path.exists(Pki(config.pki).root):
        raise OperatorError(
            f"There is no installation in {config.state} that you may read.",
            "Name its folder with --state.",
        )
    fleet = bootstrap.build(config)
    try:
        yield fleet
    finally:
        bootstrap.close(fleet)


def person(by: str) -> Actor:
    """Who acts: `by`, or else whoever is signed in on this machine. Raises InvalidError."""
    name = by.strip() or getpass.getuser()
    if len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidError(f"--as: a name of at most {_LONGEST_NAME} characters.")
    return Actor.command_line(name)


def say(text: str) -> None:
    _out.print(text, soft_wrap=True, markup=False)


def moment(at: datetime | None) -> str:
    """Such as `2026-11-26 18:05:31Z`."""
    return f"{at:%Y-%m-%d %H:%M:%S}Z" if at else "-"


def follow(look: Callable[[], tuple[list[str], bool]]) -> None:
    """Print each line that `look` gives for the first time, until it says that this is the end."""
    shown = 0
    while True:
        lines, has_ended = look()
        for line in lines[shown:]:
            say(line)
        shown = max(shown, len(lines))
        if has_ended:
            return
        time.sleep(LOOK_AGAIN_S)
