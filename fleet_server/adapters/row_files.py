"""Files of rows, read and written one row at a time: CSV and JSON lines, both UTF-8.

CSV has a line of column names; fields are separated by commas or, as spreadsheets here write them,
by semicolons. JSON lines have one object of texts, whole numbers and lists of texts on each line.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TextIO

from fleet_server.domain.rows import Fault, FileRow, as_field
from fleet_server.errors import OperatorError

CSV, JSON_LINES = "csv", "jsonl"
FORMATS = (CSV, JSON_LINES)
_LONGEST_LINE = 65_536


@dataclass(slots=True)
class RowReader:
    """Reads `path`; `position_bytes` tells how far it is in `size_bytes`."""

    path: Path
    columns: tuple[str, ...]
    size_bytes: int = 0
    _file: BinaryIO | None = field(default=None, repr=False)

    @property
    def position_bytes(self) -> int:
        return self._file.tell() if self._file and not self._file.closed else self.size_bytes

    def __iter__(self) -> Iterator[FileRow]:
        """Raises OperatorError when the file cannot be read or its columns are not known."""
        try:
            self.size_bytes = self.path.stat().st_size
            with self.path.open("rb") as self._file:
                lines = self._lines(self._file)
                read = _csv_rows if format_of(self.path) == CSV else _json_rows
                yield from read(lines, self.columns)
        except OSError as error:
            raise OperatorError(f"{self.path}: {error.strerror}.", "Name another file.") from error

    def _lines(self, file: BinaryIO) -> Iterator[str]:
        number = 0
        while line := file.readline(_LONGEST_LINE):
            number += 1
            if len(line) == _LONGEST_LINE:
                raise OperatorError(
                    f"{self.path}, line {number} is longer than {_LONGEST_LINE} bytes.",
                    "Check whether it is the right file.",
                )
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise OperatorError(
                    f"{self.path}, line {number} is not UTF-8.",
                    "Export it again as CSV UTF-8.",
                ) from error


def format_of(path: Path) -> str:
    """`csv` or `jsonl` by the end of the name. Raises OperatorError."""
    ending = path.suffix.lower().removeprefix(".")
    if ending in FORMATS:
        return ending
    raise OperatorError(f"{path} is neither .csv nor .jsonl.", "Give the file one of these ends.")


def _csv_rows(lines: Iterator[str], columns: tuple[str, ...]) -> Iterator[FileRow]:
    first = next(lines, "")
    delimiter = ";" if first.count(";") > first.count(",") else ","
    header = [name.strip() for name in next(csv.reader([first], delimiter=delimiter), [])]
    _check_columns(header, columns)
    for number, line in enumerate(lines, 2):
        if line.strip():
            yield _csv_row(number, line, header, delimiter)


def _csv_row(number: int, line: str, header: list[str], delimiter: str) -> FileRow:
    """A field never goes on in the next line, so an open quote spoils one line only."""
    try:
        row = next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error as error:
        return FileRow(number, {}, (Fault("", f"cannot be read as CSV: {error}"),))
    fields = dict(zip(header, row, strict=False))
    if len(row) != len(header):
        text = f"has {len(row)} fields, the first line has {len(header)}"
        return FileRow(number, fields, (Fault("", text),))
    return FileRow(number, fields)


def _check_columns(header: list[str], columns: tuple[str, ...]) -> None:
    strange = [name for name in header if name not in columns]
    if strange or len(set(header)) != len(header) or not header:
        found = ", ".join(strange) if strange else "none, or one twice"
        raise OperatorError(
            f"The first line names columns that are not known: {found}.",
            f"There are {', '.join(columns)}.",
        )


def _json_rows(lines: Iterator[str], columns: tuple[str, ...]) -> Iterator[FileRow]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _json_row(number, line, columns)


def _json_row(number: int, line: str, columns: tuple[str, ...]) -> FileRow:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return FileRow(number, {}, (Fault("", "is not JSON"),))
    if not isinstance(found, dict):
        return FileRow(number, {}, (Fault("", "is not a JSON object"),))
    fields: dict[str, str] = {}
    faults = []
    for name, value in found.items():
        text = _text(value)
        if name not in columns:
            faults.append(Fault(str(name)[:64], "is not known"))
        elif text is None:
            faults.append(Fault(name, "must be a text, a whole number or a list of texts"))
        else:
            fields[name] = text
    return FileRow(number, fields, tuple(faults))


def _text(value: object) -> str | None:
    """How a JSON value stands in a field, or None for one that never does."""
    if isinstance(value, bool | float | dict):
        return None
    if isinstance(value, list) and not all(isinstance(part, str) for part in value):
        return None
    return as_field(value)


class RowWriter:
    """Writes rows of `columns` into an open text file, in the format its name asks for."""

    def __init__(self, file: TextIO, form: str, columns: Iterable[str]) -> None:
        self._file = file
        self._columns = tuple(columns)
        self._csv = None
        if form == CSV:
            self._csv = csv.writer(file, lineterminator="\n")
            self._csv.writerow(self._columns)

    def write(self, values: Mapping[str, object]) -> None:
        if self._csv:
            self._csv.writerow([as_field(values[name]) for name in self._columns])
            return
        row = {name: _json_value(values[name]) for name in self._columns}
        self._file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _json_value(value: object) -> object:
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, list | tuple):
        return [str(part) for part in value]
    return as_field(value)
