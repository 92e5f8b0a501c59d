"""Rows of text for a terminal of any width."""

from collections.abc import Sequence

from rich.console import Console


def print_columns(console: Console, rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns as wide as they need; nothing is cut off on a narrow terminal."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        console.print("  ".join(cells).rstrip(), soft_wrap=True, markup=False)
    console.print()
