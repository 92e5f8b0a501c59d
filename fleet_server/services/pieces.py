"""Causes with their times as the tables keep them: JSON `[[cause, start_ms, end_ms, [ident]]]`.

`end_ms` is null while it lasts; times are milliseconds since 1970, UTC.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from fleet_server.domain.causes import Cause, Evidence, Segment

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def evidence_text(own: Iterable[Evidence]) -> str:
    """Evidence of one cause and time is one piece with several idents."""
    pieces: dict[tuple[str, int, int | None], list[str]] = {}
    for one in own:
        pieces.setdefault((one.cause.value, one.start_ms, one.end_ms), []).append(one.ident)
    return _text([*key, sorted(idents)] for key, idents in pieces.items())


def segments_text(segments: Iterable[Segment]) -> str:
    return json.dumps(
        [[one.cause.value, one.start_ms, one.end_ms, sorted(one.evidence)] for one in segments]
    )


def evidence_of(text: str) -> list[Evidence]:
    return [
        Evidence(Cause(cause), start_ms, end_ms, ident)
        for cause, start_ms, end_ms, idents in json.loads(text)
        for ident in idents or [""]
    ]


def segments_of(text: str) -> list[Segment]:
    return [
        Segment(Cause(cause), start_ms, end_ms, frozenset(idents))
        for cause, start_ms, end_ms, idents in json.loads(text)
    ]


def to_ms(at: datetime) -> int:
    return (at - _EPOCH) // _MILLISECOND


def from_ms(ms: int) -> datetime:
    return _EPOCH + ms * _MILLISECOND


def _text(pieces: Iterable[list[object]]) -> str:
    return json.dumps(sorted(pieces, key=str))
