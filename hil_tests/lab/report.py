"""The report of a run: one HTML file that needs nothing else."""

import html
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hil_tests.lab.bench_board import BenchBoard
from hil_tests.lab.pictures import has_news, time_line
from hil_tests.lab.plugin import SKIPPED, Result
from hil_tests.lab.recording import ANSWERS, Kind, as_log

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 66rem; padding: 0 1rem;
  color: #222; background: #fff }
h1 { font-size: 1.6rem } h2 { border-bottom: 2px solid #1f4e8c; margin-top: 2.5rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid #ddd;
  vertical-align: top }
th { background: #f3f5f8 } code { font-size: .85em; overflow-wrap: anywhere }
.passed { color: #1d6b30 } .failed, .bad { color: #b3261e; font-weight: 600 }
.skipped { color: #666 } .note { background: #fff6dc; padding: .5rem .8rem }
article { margin: 1rem 0; border: 1px solid #ddd; border-radius: 6px; padding: .6rem .9rem }
article h3 { margin: 0; font-size: 1rem } article p { margin: .2rem 0 .6rem; color: #555 }
pre { background: #f6f6f6; padding: .6rem; overflow: auto; font-size: 12px; max-height: 24rem }
svg { width: 100%; height: auto; display: block } svg text { font: 11px system-ui, sans-serif }
summary { cursor: pointer; color: #1f4e8c }
"""
_LEGEND = (
    "In the pictures: the blue line is the supply that the bench set, the dots what the board said"
    " it reads; the bar is green while the board answers, yellow while it starts, grey without"
    " power. A journal entry stands where the bench first read it, which is after it happened."
)


def write_report(
    path: Path,
    facts: Mapping[str, Any],
    boards: Mapping[str, BenchBoard],
    results: Sequence[Result],
) -> None:
    """Write the page; `facts` are those of the manifest."""
    parts = [_head(facts), _summary(facts)]
    for board in facts["boards"]:
        own = [result for result in results if result.board == board["name"]]
        parts.append(_board(board, boards[board["name"]], own))
    parts.append("</body></html>\n")
    path.write_text("".join(parts))


def _head(facts: Mapping[str, Any]) -> str:
    title = f"Hardware bench: {facts['lab']}, {facts['began_at'][:16].replace('T', ' ')} UTC"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{_t(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{_t(title)}</h1>"
    )


def _summary(facts: Mapping[str, Any]) -> str:
    outcomes = [result["outcome"] for result in facts["results"]]
    counts = ", ".join(f"{outcomes.count(o)} {o}" for o in ("passed", "failed", "skipped"))
    verdict = "Green" if facts["green"] else "Not green"
    parts = [f'<p class="{"passed" if facts["green"] else "failed"}">{verdict}: {counts}.</p>']
    if facts["interrupted"]:
        parts.append('<p class="note">The run was interrupted; tests are missing.</p>')
    if facts["simulated"]:
        parts.append('<p class="note">Every board of this lab is simulated.</p>')
    head = ("board", "endpoint", "hardware", "agent", "build", "console", "result", "left")
    rows = [_board_row(board, facts["results"]) for board in facts["boards"]]
    parts.append(_table(head, rows))
    parts.append(f"<p>{_t(_LEGEND)}</p>")
    return "".join(parts)


def _board_row(board: Mapping[str, Any], results: Iterable[Mapping[str, Any]]) -> list[str]:
    own = [result["outcome"] for result in results if result["board"] == board["name"]]
    result = f"{own.count('passed')} passed, {own.count('failed')} failed"
    if board["sick"]:
        result = f'<span class="bad">sick: {_t(board["sick"])}</span>'
    return [
        f'<a href="#{_t(board["name"])}">{_t(board["name"])}</a>',
        f"<code>{_t(board['endpoint_id'])}</code>",
        _t(board["hardware_version"]),
        _t(board["software_version"]),
        f"<code>{_t(board['build_digest'][:16])}</code>",
        _t(board["console"]),
        result,
        _t(board["left"]),
    ]


def _board(facts: Mapping[str, Any], board: BenchBoard, results: Sequence[Result]) -> str:
    name = _t(facts["name"])
    parts = [f'<h2 id="{name}">{name}</h2><p>build <code>{_t(facts["build_digest"])}</code></p>']
    skipped = [result for result in results if result.outcome == SKIPPED]
    parts += [_test(board, result) for result in results if result.outcome != SKIPPED]
    if skipped:
        rows = [[_t(result.test), _t(result.reason)] for result in skipped]
        parts.append(_table(("skipped", "why"), rows))
    return "".join(parts)


def _test(board: BenchBoard, result: Result) -> str:
    record = board.record
    entries = record.between(result.began_at, result.ended_at)
    state = record.last_before(result.began_at, Kind.STATE)
    supply = record.last_before(result.began_at, Kind.SUPPLY)
    picture = time_line(
        entries,
        state.text if state else ANSWERS,
        (supply.value if supply else None) or board.spec.supply_nominal_mv,
        result.began_at,
        result.ended_at,
        f"{result.test} on {result.board}",
    )
    picture = picture if has_news(entries) else ""
    reason = f"<pre>{_t(result.reason)}</pre>" if result.reason else ""
    return (
        f'<article><h3><span class="{result.outcome}">{result.outcome}</span> {_t(result.test)}'
        f" <small>{result.ended_at - result.began_at:.1f} s</small></h3><p>{_t(result.title)}</p>"
        f"{reason}{picture}<details><summary>console and bench, {len(entries)} lines</summary>"
        f"<pre>{_t(as_log(entries))}</pre></details></article>"
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells of rows are HTML already."""
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{''.join(f'<th>{_t(cell)}</th>' for cell in head)}</tr>{body}</table>"


def _t(text: str) -> str:
    return html.escape(str(text))
