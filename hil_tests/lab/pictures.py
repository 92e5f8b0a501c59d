"""Pictures of one test: the supply as it was, and what happened when, as SVG of our own.

One time axis in seconds since the test began. Above the supply: what the bench set (a line) and
what the board said it read (dots). Below: when the board had power and answered, what the bench
did, what the console and the port showed, what the journal told.
"""

import html
from collections.abc import Iterable, Sequence

from hil_tests.lab.recording import ANSWERS, OFF, STARTING, Entry, Kind

_WIDTH = 960
_LEFT = 110
_RIGHT = 20
_WAVE = 110
_ROW = 17
_LETTER = 6.2
_COLOURS = {ANSWERS: "#3a8f4d", STARTING: "#d9a520", OFF: "#9a9a9a"}
_LANES = (
    ("bench", (Kind.ACTION,), "#1f4e8c"),
    ("console, port", (Kind.MARK, Kind.PORT), "#7a3b8f"),
    ("journal", (Kind.EVENT,), "#a33c1a"),
)


class _Axis:
    """Turns moments into places."""

    def __init__(self, began_at: float, ended_at: float) -> None:
        self.began_at = began_at
        self.length_s = max(ended_at - began_at, 0.1)
        self._scale = (_WIDTH - _LEFT - _RIGHT) / self.length_s

    def x(self, at: float) -> float:
        return _LEFT + min(max(at - self.began_at, 0), self.length_s) * self._scale

    def step_s(self) -> float:
        """A round number of seconds, so that there are at most ten of them."""
        return next(s for s in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 60) if self.length_s <= s * 10)


def time_line(
    entries: Sequence[Entry],
    state_before: str,
    supply_before_mv: int,
    began_at: float,
    ended_at: float,
    title: str,
) -> str:
    """The whole picture of one test as an <svg> element."""
    axis = _Axis(began_at, ended_at)
    pieces: list[str] = []
    y = 8.0
    if any(entry.kind in (Kind.SUPPLY, Kind.MEASURED) or entry.text == OFF for entry in entries):
        pieces += _wave(entries, supply_before_mv, axis, y)
        y += _WAVE + 14
    pieces += _power_bar(entries, state_before, axis, y)
    y += 24
    for name, kinds, colour in _LANES:
        chosen = [entry for entry in entries if entry.kind in kinds]
        if chosen:
            lane, y = _lane(name, chosen, colour, axis, y)
            pieces += lane
    pieces += _scale(axis, y)
    height = y + 24
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-label="{html.escape(title)}">'
        f"<title>{html.escape(title)}</title>{''.join(pieces)}</svg>"
    )


def _wave(entries: Iterable[Entry], before_mv: int, axis: _Axis, top: float) -> list[str]:
    set_points = _set_points(entries, before_mv)
    read = [entry for entry in entries if entry.kind is Kind.MEASURED]
    levels = [before_mv, *(mv for _, mv in set_points), *(entry.value or 0 for entry in read)]
    highest = max(levels) * 1.1 or 1
    ground = top + _WAVE

    def height(millivolts: int) -> float:
        return ground - millivolts / highest * _WAVE

    path = f"M{_LEFT} {height(before_mv):.1f}"
    for at, millivolts in set_points:
        path += f"H{axis.x(at):.1f}V{height(millivolts):.1f}"
    path += f"H{_WIDTH - _RIGHT}"
    marks = [
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{height(mv):.1f}" y2="{height(mv):.1f}"'
        f' stroke="#ddd"/>{_text(_LEFT - 6, height(mv) + 4, f"{mv / 1000:g} V", "end")}'
        for mv in _levels(levels)
    ]
    dots = [
        f'<circle cx="{axis.x(entry.at):.1f}" cy="{height(entry.value or 0):.1f}" r="2.6"'
        f' fill="#c2410c"/>'
        for entry in read
    ]
    line = f'<path d="{path}" fill="none" stroke="#1f4e8c" stroke-width="1.6"/>'
    return [*marks, line, *dots]


def _set_points(entries: Iterable[Entry], before_mv: int) -> list[tuple[float, int]]:
    """When the bench changed the supply, and to what; without power it is nothing."""
    points = []
    level = before_mv
    is_off = False
    for entry in entries:
        if entry.kind is Kind.SUPPLY:
            level = entry.value or 0
            points.append((entry.at, 0 if is_off else level))
        elif entry.kind is Kind.STATE and is_off != (entry.text == OFF):
            is_off = entry.text == OFF
            points.append((entry.at, 0 if is_off else level))
    return points


def has_news(entries: Iterable[Entry]) -> bool:
    """Whether a picture shows more than that the board answered all the time."""
    return any(entry.kind not in (Kind.SAID, Kind.SENT) for entry in entries)


def _levels(levels: Iterable[int]) -> list[int]:
    """The levels worth a line: each that is a twelfth of the highest away from the last one."""
    chosen: list[int] = [0]
    for level in sorted(set(levels)):
        if level - chosen[-1] > max(levels) / 8:
            chosen.append(level)
    return chosen


def _power_bar(entries: Iterable[Entry], before: str, axis: _Axis, top: float) -> list[str]:
    pieces = [_text(_LEFT - 6, top + 12, "board", "end")]
    changes = [(axis.began_at, before)]
    changes += [(entry.at, entry.text) for entry in entries if entry.kind is Kind.STATE]
    ends = [at for at, _ in changes[1:]] + [axis.began_at + axis.length_s]
    for (at, state), end in zip(changes, ends, strict=True):
        x, width = axis.x(at), axis.x(end) - axis.x(at)
        pieces.append(
            f'<rect x="{x:.1f}" y="{top:.1f}" width="{max(width, 0.5):.1f}" height="16"'
            f' fill="{_COLOURS.get(state, "#ccc")}"/>'
        )
        if width > len(state) * _LETTER + 8:
            pieces.append(_text(x + 4, top + 12, state, "start", "#fff"))
    return pieces


def _lane(
    name: str, entries: Sequence[Entry], colour: str, axis: _Axis, top: float
) -> tuple[list[str], float]:
    """Labels beside their moments, in as many rows as they need; and where the next lane begins."""
    pieces = [_text(_LEFT - 6, top + 12, name, "end")]
    free_from: list[float] = []
    for entry in entries:
        x = axis.x(entry.at)
        width = len(entry.text) * _LETTER + 10
        turned = x + width > _WIDTH - 4
        start = x - width if turned else x
        row = next((n for n, free in enumerate(free_from) if free <= start), len(free_from))
        if row == len(free_from):
            free_from.append(0.0)
        free_from[row] = x + (6 if turned else width)
        y = top + row * _ROW
        pieces.append(
            f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y:.1f}" y2="{y + _ROW - 3:.1f}"'
            f' stroke="{colour}" stroke-width="2"/>'
        )
        side = ("end", -4) if turned else ("start", 4)
        pieces.append(_text(x + side[1], y + 11, entry.text, side[0], colour))
    return pieces, top + len(free_from) * _ROW + 6


def _scale(axis: _Axis, y: float) -> list[str]:
    pieces = [f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}" stroke="#888"/>']
    step = axis.step_s()
    for n in range(int(axis.length_s / step) + 1):
        x = axis.x(axis.began_at + n * step)
        pieces.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y}" y2="{y + 4}" stroke="#888"/>')
        pieces.append(_text(x, y + 16, f"{n * step:g} s", "middle"))
    return pieces


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#333") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">'
        f"{html.escape(text)}</text>"
    )
