"""Steps on the screen: a tick and the seconds each took, a cross where it stopped."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console


class ConsoleProgress:
    """Prints each step once it has ended; shows the running one where there is a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        started = time.monotonic()
        mark = "✗"
        try:
            with self._console.status(text):
                yield
            mark = "✓"
        finally:
            taken = time.monotonic() - started
            self._console.print(f"{mark} {taken:5.1f} s  {text}", markup=False, highlight=False)
