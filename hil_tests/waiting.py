"""Waiting for a condition, and doing several things at once; both with an end."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from hil_tests.errors import BenchError

T = TypeVar("T")


def wait_until(condition: Callable[[], T], timeout_s: float, what: str, every_s: float = 0.02) -> T:
    """Give the first true value of `condition`. Raises BenchError naming `what` when late."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise BenchError(f"{what}: not within {timeout_s:g} s")
        time.sleep(every_s)
    return value


def all_at_once(actions: Iterable[Callable[[], object]]) -> None:
    """Run the actions in threads of their own; raises the first error once all have ended.

    The threads do not keep the process alive when the wait is interrupted.
    """
    errors: list[Exception] = []

    def guarded(action: Callable[[], object]) -> None:
        try:
            action()
        except Exception as error:  # noqa: BLE001 - handed to the caller below
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(action,), daemon=True) for action in actions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
