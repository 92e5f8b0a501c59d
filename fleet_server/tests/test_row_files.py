"""Files of rows as people make them: two formats, two separators, and every kind of damage."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path

import pytest

from fleet_server.adapters.row_files import RowReader, RowWriter, format_of
from fleet_server.domain.rows import FileRow
from fleet_server.errors import OperatorError

COLUMNS = ("code", "name", "parts", "day", "count")


def read(folder: Path, content: str | bytes, name: str = "rows.csv") -> list[FileRow]:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(RowReader(path, COLUMNS))


def faults(rows: list[FileRow]) -> list[tuple[int, str]]:
    return [(row.line, fault.text) for row in rows for fault in row.faults]


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_both_separators_line_ends_and_a_byte_order_mark_are_read(
    tmp_path: Path, mark: bytes, separator: str, end: str
) -> None:
    lines = ["code{0}name", 'A{0}"Ëm, ""x"""', "", "B{0}Čačak", ""]
    text = end.join(lines).format(separator)
    assert read(tmp_path, mark + text.encode()) == [
        FileRow(2, {"code": "A", "name": 'Ëm, "x"'}),
        FileRow(4, {"code": "B", "name": "Čačak"}),
    ]


def test_a_damaged_line_is_reported_and_the_next_is_read(tmp_path: Path) -> None:
    rows = read(tmp_path, 'code,name\nA\n"B,two\nC,three,more\n"D"x,four\nE,five\n')
    assert [row.line for row in rows if not row.faults] == [6]
    assert rows[-1].fields == {"code": "E", "name": "five"}
    found = dict(faults(rows))
    assert found[2] == "has 1 fields, the first line has 2"
    assert found[3].startswith("cannot be read as CSV")
    assert found[4] == "has 3 fields, the first line has 2"
    assert found[5].startswith("cannot be read as CSV")


def test_json_lines_hold_texts_numbers_and_lists(tmp_path: Path) -> None:
    content = '{"code": "A", "count": 7, "parts": ["x", "y"], "name": null}\n\n{"code": "B"}\n'
    assert read(tmp_path, content, "rows.jsonl") == [
        FileRow(1, {"code": "A", "count": "7", "parts": "x;y", "name": ""}),
        FileRow(3, {"code": "B"}),
    ]


def test_json_that_is_not_a_row_is_reported(tmp_path: Path) -> None:
    lines = [
        '{"code"',
        "[1]",
        '{"code": 1.5}',
        '{"code": true}',
        '{"code": {}}',
        '{"code": [1]}',
        '{"colour": "x"}',
        "[" * 5000,
    ]
    content = "\n".join(lines)
    form = "must be a text, a whole number or a list of texts"
    assert faults(read(tmp_path, content, "rows.jsonl")) == [
        (1, "is not JSON"),
        (2, "is not a JSON object"),
        (3, form),
        (4, form),
        (5, form),
        (6, form),
        (7, "is not known"),
        (8, "is not JSON"),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"code,colour\nA,red\n", "colour.*There are code, name, parts"),
        (b"code,code\nA,B\n", "one twice"),
        (b"", "none"),
        (b"code,name\nA,\xff\n", "line 2 is not UTF-8.*CSV UTF-8"),
        (b"code,name\n" + b"A" * 70_000, "line 2 is longer"),
    ],
)
def test_a_file_that_is_the_wrong_one_is_refused_as_a_whole(
    tmp_path: Path, content: bytes, said: str
) -> None:
    with pytest.raises(OperatorError, match=f"(?s){said}"):
        read(tmp_path, content)


def test_a_missing_file_and_a_strange_name_are_said(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="No such file"):
        list(RowReader(tmp_path / "none.csv", COLUMNS))
    with pytest.raises(OperatorError, match=r"neither \.csv nor \.jsonl"):
        format_of(tmp_path / "rows.xlsx")


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_what_is_written_is_read_back(tmp_path: Path, form: str) -> None:
    values: dict[str, object] = {
        "code": "A",
        "name": 'Ëm; "x", y',
        "parts": ("p", "q"),
        "day": date(2024, 2, 29),
        "count": None,
    }
    out = io.StringIO()
    writer = RowWriter(out, form, COLUMNS)
    writer.write(values)
    (row,) = read(tmp_path, out.getvalue(), f"rows.{form}")
    assert row.faults == ()
    assert row.fields == {
        "code": "A",
        "name": 'Ëm; "x", y',
        "parts": "p;q",
        "day": "2024-02-29",
        "count": "",
    }


def test_progress_ends_at_the_size_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("code,name\nA,a\nB,b\n")
    reader = RowReader(path, COLUMNS)
    positions = [reader.position_bytes for _ in reader]
    assert positions == [14, 18]
    assert reader.position_bytes == reader.size_bytes == 18
