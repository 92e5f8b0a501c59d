"""Tables of worked cases in `cases/`: written by hand from the documents, one case a line."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from fleet_server.domain.warranty import Receipt

_FOLDER = Path(__file__).parent / "cases"


def read_cases(name: str) -> list[tuple[str, ...]]:
    """The rows of `cases/<name>.txt`: cells between `|`, `-` an empty one, `#` a remark."""
    lines = (_FOLDER / f"{name}.txt").read_text("utf-8").splitlines()
    rows = [line.split("|") for line in lines if line and not line.startswith("#")]
    return [tuple("" if cell.strip() == "-" else cell.strip() for cell in row) for row in rows]


def case_id(row: tuple[str, ...]) -> str:
    """Article and subject: the name of the case in pytest's report."""
    return f"[{row[0]}] {row[1]}"


def receipts_of(text: str) -> list[Receipt]:
    """Words `<day it served from>/<day received>..<last day>`: `?` for a receipt that is not on
    record, one day where both are the same, no last day while the unit is the customer's."""
    found = []
    for word in text.split():
        word, _, ended = word.partition("..")
        since, _, received = word.partition("/")
        ended_on = date.fromisoformat(ended) if ended else None
        since_on = date.fromisoformat(since)
        received_on = None if received == "?" else date.fromisoformat(received or since)
        found.append(Receipt(since_on, received_on, ended_on=ended_on))
    return found
