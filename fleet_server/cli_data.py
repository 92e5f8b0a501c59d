"""`fleet-server backup`, `restore`, `forget` and `verify-audit`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fleet_server import backup, bootstrap, supervisor
from fleet_server.adapters.clock import utc_now
from fleet_server.config import from_environment
from fleet_server.errors import OperatorError
from fleet_server.services import audit
from fleet_server.services.retention import Kind, forget

_out = Console()

State = Annotated[Path | None, typer.Option("--state", help="Folder that holds everything.")]
Days = Annotated[int | None, typer.Option(help="How many days stay; left out, nothing goes.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `fleet-server`."""
    app.command("backup")(make_backup)
    app.command("restore")(restore)
    app.command("forget")(forget_old)
    app.command("verify-audit")(verify_audit)


def make_backup(
    folder: Annotated[Path, typer.Argument(help="Folder to make; it must not be there.")],
    with_keys: Annotated[
        bool, typer.Option("--with-keys", help="Private keys too: keep it offline and locked.")
    ] = False,
    state: State = None,
) -> None:
    """Copy both databases and what goes along while the server runs."""
    config = from_environment(state=state)
    made = backup.make_backup(config, folder.absolute(), utc_now(), with_keys=with_keys)
    size_mb = sum((folder / name).stat().st_size for name in made["files"]) / 1e6
    _say(f"{folder}: {size_mb:.1f} MB, audit chain whole, {made['audit']['entries']} entries.")
    if not with_keys:
        _say("Without private keys: they are backed up once, offline, with --with-keys.")


def restore(
    folder: Annotated[Path, typer.Argument(help="The backup.")],
    erasures: Annotated[
        list[Path] | None,
        typer.Option("--erasures", help="erasures.jsonl of a newer backup; repeatable."),
    ] = None,
    state: State = None,
) -> None:
    """Bring a backup back into an installation that has no database; nothing is overwritten."""
    config = from_environment(state=state)
    with supervisor.claimed(config.state):
        done = backup.restore(config, folder.absolute(), erasures or ())
    _say(
        f"Restored as of {done.made_at:%Y-%m-%d %H:%M} UTC; audit chain whole, "
        f"{done.audit_entries} entries; {done.erasures} erasures applied again."
    )
    _say("Everyone signs in anew, and tools need new tokens: old ones might have been revoked.")
    if not done.with_keys:
        _say("The backup holds no private keys: put the ones of the installation under pki/ now.")


def forget_old(
    health_days: Days = None,
    event_days: Days = None,
    presence_days: Days = None,
    look_days: Days = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    state: State = None,
) -> None:
    """Remove telemetry, events, presence and looks at persons that are older than so many days."""
    named = {
        Kind.HEALTH: health_days,
        Kind.EVENTS: event_days,
        Kind.PRESENCE: presence_days,
        Kind.LOOKS: look_days,
    }
    days = {kind: kept for kind, kept in named.items() if kept is not None}
    fleet = bootstrap.build(from_environment(state=state))
    try:
        gone = forget(fleet, days, utc_now(), dry=dry_run)
    finally:
        bootstrap.close(fleet)
    for kind, rows in gone.items():
        _say(f"{kind}: {rows} rows {'would go' if dry_run else 'removed'}")
    if not gone:
        _say("Nothing was named; see fleet-server forget --help.")


def verify_audit(state: State = None) -> None:
    """Recompute the audit chain; fails and names the entry where it is broken."""
    fleet = bootstrap.build(from_environment(state=state))
    try:
        with fleet.reading() as connection:
            report = audit.verify(connection)
    finally:
        bootstrap.close(fleet)
    if report.broken_at is not None:
        raise OperatorError(
            f"The audit chain is broken at entry {report.broken_at}.",
            "Keep the database as it is, and compare it with the backups.",
        )
    _say(f"Whole: {report.entries} entries, the last is {report.digest}.")


def _say(text: str) -> None:
    _out.print(text, soft_wrap=True, markup=False, highlight=False)
