"""What thousands of agents in one process share, and the up time that each needs for itself.

- The model's table is the same for all units of a product class: it is read once, and what was once
  looked up in it is kept. A board would have no room for that.
- `agent.compat.monotonic_ms` counts from the boot of the unit in whose context it is called.
- A collection of garbage that an agent asks for, as a board must, would go through all the others.
"""

import contextvars
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import agent.main
from agent import compat
from agent.core import model_start
from agent.core.model_table import Table

_GARBAGE = (50_000, 50, 100)

_booted_ms: contextvars.ContextVar[int] = contextvars.ContextVar("booted_ms", default=0)
_started_ms = time.monotonic_ns() // 1_000_000


@contextmanager
def many_agents() -> Iterator[None]:
    """Within this, agents may live together; a single one is not to be measured in it."""
    threshold = gc.get_threshold()
    with ExitStack() as undo:
        undo.callback(gc.set_threshold, *threshold)
        gc.set_threshold(*_GARBAGE)
        undo.enter_context(_separate_up_times())
        undo.enter_context(_replaced(agent.main, "gc", _Collector))
        undo.enter_context(_replaced(model_start, "index", _shared_index()))
        for name, replacement in _shared_lookups():
            undo.enter_context(_replaced(Table, name, replacement))
        yield


def booted_now() -> contextvars.Context:
    """A context in which the up time is zero now."""
    context = contextvars.copy_context()
    context.run(_set_boot, time.monotonic_ns() // 1_000_000 - _started_ms)
    return context


def _set_boot(booted_ms: int) -> None:
    _booted_ms.set(booted_ms)


@contextmanager
def _separate_up_times() -> Iterator[None]:
    since = vars(compat)["_since"]
    before = list(since)
    with _replaced(compat, "ticks_ms", _ticks_ms):
        since[:] = [0, 0]  # what is added up is then the ticks themselves
        yield
    since[:] = before


def _ticks_ms() -> int:
    return time.monotonic_ns() // 1_000_000 - _started_ms - _booted_ms.get()


@contextmanager
def _replaced(owner: Any, name: str, replacement: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, replacement)
    try:
        yield
    finally:
        setattr(owner, name, before)


class _Collector:
    """What an agent may ask of the collector here: nothing."""

    @staticmethod
    def collect() -> int:
        return 0


def _shared_index() -> Callable[[str], Any]:
    original, known = model_start.index, dict[str, Any]()

    def index(product_class: str) -> Any:
        if product_class not in known:
            known[product_class] = original(product_class)
        return known[product_class]

    return index


def _shared_lookups() -> Iterator[tuple[str, Callable[..., Any]]]:
    """(name, method) of what asks the table, with its answers kept."""
    for name in ("path", "find", "header", "entry"):
        yield name, _remembered(getattr(Table, name))
    for name in ("under", "entries", "parameters"):
        yield name, _remembered_rows(getattr(Table, name))


def _remembered(original: Callable[..., Any]) -> Callable[..., Any]:
    known: dict[Any, Any] = {}

    def method(self: Table, *asked: Any) -> Any:
        key = (id(self.starts), *asked)  # one and the same for all units of a class
        try:
            return known[key]
        except KeyError:
            return known.setdefault(key, original(self, *asked))

    return method


def _remembered_rows(original: Callable[..., Any]) -> Callable[..., Any]:
    return _remembered(lambda self, *asked: tuple(original(self, *asked)))
