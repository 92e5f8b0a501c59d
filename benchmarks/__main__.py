"""`make bench`: runs every bench, or those whose name or figure starts with `ONLY`.

A bench is a module of this package with `FIGURES`, the names it measures, and `measure()`, which
yields a `Figure` for each. Every figure becomes one JSON file under `benchmarks/results/`.
"""

import importlib
import pkgutil
import sys
from collections.abc import Iterable, Iterator
from typing import Protocol

from rich.console import Console
from rich.table import Table

import benchmarks
from benchmarks.figure import Figure


class Bench(Protocol):
    """What a bench module offers."""

    FIGURES: tuple[str, ...]

    def measure(self) -> Iterable[Figure]: ...


def find_benches() -> dict[str, Bench]:
    modules = (entry.name for entry in pkgutil.iter_modules(benchmarks.__path__))
    loaded = {
        name: importlib.import_module(f"benchmarks.{name}") for name in modules if name[0] != "_"
    }
    return {name: module for name, module in loaded.items() if hasattr(module, "FIGURES")}


def select(benches: dict[str, Bench], only: str) -> dict[str, Bench]:
    """Those whose own name is `only`, or that measure a figure whose name starts with it."""
    return {
        name: bench
        for name, bench in benches.items()
        if name == only or any(figure.startswith(only) for figure in bench.FIGURES)
    }


def run(benches: dict[str, Bench], console: Console) -> Iterator[Figure]:
    for name, bench in benches.items():
        with console.status(f"measuring {name}"):
            for figure in bench.measure():
                figure.save()
                yield figure


def main() -> int:
    console = Console()
    benches = find_benches()
    chosen = select(benches, sys.argv[1]) if len(sys.argv) > 1 else benches
    if not chosen:
        console.print(f"No bench is called {sys.argv[1]}; there are {', '.join(benches)}.")
        return 1
    table = Table("figure", "value", "unit", "reference", "ratio")
    for figure in run(chosen, console):
        table.add_row(
            figure.name,
            f"{figure.value:,.3f}".rstrip("0").rstrip("."),
            figure.unit,
            f"{figure.reference:,.3f}".rstrip("0").rstrip("."),
            f"{figure.ratio:.2f}",
        )
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
