"""`fleet-server import` and `fleet-server export`: the registry from and to files."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from sqlalchemy import Connection

from fleet_server import bootstrap
from fleet_server.adapters.clock import utc_now
from fleet_server.adapters.row_files import RowReader, RowWriter, format_of
from fleet_server.config import from_environment, with_options
from fleet_server.domain.import_subjects import SUBJECTS, subject_called
from fleet_server.domain.rows import Refusal
from fleet_server.errors import OperatorError
from fleet_server.services.audit import Actor
from fleet_server.services.fleet import Fleet
from fleet_server.services.import_handlers import handler_of
from fleet_server.services.registry_export import count, export
from fleet_server.services.registry_import import Import, batches

_SHOWN = 10
_SUBJECTS = ", ".join(SUBJECTS)

Subject = Annotated[str, typer.Argument(help=f"One of {_SUBJECTS}.")]
State = Annotated[Path | None, typer.Option("--state", help="Folder that holds everything.")]
HTTPPort = Annotated[int | None, typer.Option("--http-port", help="TCP port of the console.")]
MQTTPort = Annotated[int | None, typer.Option("--mqtt-port", help="TCP port of the broker.")]


def import_rows(
    subject: Subject,
    file: Annotated[Path, typer.Argument(help="The rows, .csv or .jsonl.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for the audit log.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, write nothing.")] = (
        False
    ),
    report: Annotated[
        Path | None, typer.Option("--report", help="CSV file for what was refused, line by line.")
    ] = None,
    state: State = None,
    http_port: HTTPPort = None,
    mqtt_port: MQTTPort = None,
) -> None:
    """Take over rows of a file; exit code 1 when some were refused."""
    handler = handler_of(subject)
    if not reason.strip() and not dry_run:
        raise OperatorError("Every import has a reason.", "Give it with --reason.")
    actor = Actor.command_line(f"uid {os.getuid()}")
    job = Import(handler, actor, reason.strip(), dry_run)
    fleet = _fleet(state, http_port, mqtt_port)
    reader = RowReader(file, tuple(column.name for column in handler.subject.columns))
    out, errors = Console(), Console(stderr=True)
    with _progress(errors) as progress, _report(report, errors) as tell:
        task = progress.add_task(f"import {subject}", total=None)
        for batch in batches(reader):
            with _transaction(fleet, dry_run) as connection:
                for refusal in job.take(connection, batch, utc_now()):
                    tell(refusal)
            progress.update(task, total=reader.size_bytes, completed=reader.position_bytes)
    tally = job.tally
    done = "would be added" if dry_run else "added"
    out.print(
        f"{tally.rows} rows: {tally.added} {done}, {tally.unchanged} unchanged, "
        f"{tally.refused} refused",
        soft_wrap=True,
    )
    if tally.refused:
        if report:
            errors.print(f"What was refused and why: {report}", soft_wrap=True)
        raise typer.Exit(1)


def export_rows(
    subject: Subject,
    file: Annotated[Path, typer.Argument(help="File to write, .csv or .jsonl.")],
    state: State = None,
    http_port: HTTPPort = None,
    mqtt_port: MQTTPort = None,
) -> None:
    """Write all rows of a subject, in the columns in which it is imported."""
    wanted = subject_called(subject)
    form = format_of(file)
    fleet = _fleet(state, http_port, mqtt_port)
    rows = 0
    try:
        with (
            file.open("w", encoding="utf-8", newline="") as opened,
            _progress(Console(stderr=True)) as progress,
            fleet.reading() as connection,
        ):
            task = progress.add_task(f"export {subject}", total=count(connection, wanted))
            writer = RowWriter(opened, form, (column.name for column in wanted.columns))
            for rows, values in enumerate(export(connection, wanted), 1):
                writer.write(values)
                if rows % 1000 == 0:
                    progress.update(task, completed=rows)
    except OSError as error:
        raise OperatorError(f"{file}: {error.strerror}.", "Name another file.") from error
    Console().print(f"{file}: {rows} rows", soft_wrap=True)


def _fleet(state: Path | None, http_port: int | None, mqtt_port: int | None) -> Fleet:
    config = from_environment(state=state)
    return bootstrap.build(with_options(config, http_port=http_port, mqtt_port=mqtt_port))


def _transaction(fleet: Fleet, dry_run: bool) -> AbstractContextManager[Connection]:
    return fleet.reading() if dry_run else fleet.writing()


def _progress(console: Console) -> Progress:
    """A bar with percentage and time left; nothing where standard error is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
    )


@contextmanager
def _report(path: Path | None, errors: Console) -> Iterator[Callable[[Refusal], None]]:
    """Where refusals go: all of them into the file, the first few onto standard error."""
    try:
        opened = path.open("w", encoding="utf-8", newline="") if path else None
    except OSError as error:
        raise OperatorError(f"{path}: {error.strerror}.", "Name another report.") from error
    shown = 0
    writer = csv.writer(opened, lineterminator="\n") if opened else None

    def tell(refusal: Refusal) -> None:
        nonlocal shown
        if writer:
            writer.writerow([refusal.line, refusal.key, refusal.column, refusal.text])
        shown += 1
        if shown <= _SHOWN:
            where = f"line {refusal.line} {refusal.key} {refusal.column}".rstrip()
            errors.print(f"{where}: {refusal.text}", soft_wrap=True, markup=False)
        elif shown == _SHOWN + 1 and not writer:
            errors.print("More was refused; --report FILE lists all of it.", soft_wrap=True)

    try:
        if writer:
            writer.writerow(["line", "key", "column", "refused because"])
        yield tell
    finally:
        _close(opened)


def _close(opened: TextIO | None) -> None:
    if opened:
        opened.close()
