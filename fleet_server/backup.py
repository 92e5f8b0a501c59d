"""`fleet-server backup` and `restore`: a folder with copies of both databases and what goes along.

    manifest.json    what it is, SHA-256 of each file, end of the audit chain
    fleet.copy       the database; people.copy the personal data store
    erasures.jsonl   what was erased, so that an older backup does not bring it back
    allow-lists/     signed allow-lists
    pki/             certificates; private keys only where they were asked for

A backup is made under another name and gets its own when it is whole. Restoring never overwrites:
it refuses where anything is, checks the copies and the audit chain before anything may use them,
and erases again what any register it is given names.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, select, update

from fleet_server import bootstrap, installation
from fleet_server.adapters import database_copy as copies
from fleet_server.adapters.clock import utc_now
from fleet_server.adapters.migration import is_current, is_people_current, newest_revision
from fleet_server.config import Config
from fleet_server.domain.people import ErasureGround
from fleet_server.errors import OperatorError
from fleet_server.services import audit, people, restoration
from fleet_server.services import tables as t
from fleet_server.services.fleet import Fleet
from fleet_server.services.people import Erased

FORMAT = 1
MANIFEST = "manifest.json"
ERASURES = "erasures.jsonl"
_COPIES = {"fleet": "fleet.copy", "people": "people.copy"}
_LAST = "last-backup.json"
_COUNTER_STEP = 1_000_000


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back."""

    made_at: datetime
    audit_entries: int
    erasures: int
    with_keys: bool


def make_backup(config: Config, folder: Path, now: datetime, *, with_keys: bool) -> dict[str, Any]:
    """Write a backup to `folder`, which must not be there; gives its manifest."""
    if folder.exists():
        raise OperatorError(f"{folder} is there already.", "Name a folder that is not.")
    if not config.state.is_dir():
        raise OperatorError(f"There is no installation in {config.state}.", "Name it by --state.")
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700, parents=True)
    fleet = bootstrap.build(config)
    try:
        _check_current(fleet)
        # Before the copies: what they hold goes at least as far.
        with fleet.reading() as connection:
            report = audit.verify(connection)
        for name, engine in _engines(fleet).items():
            copies.copy_out(engine, partial / _COPIES[name])
        _write_erasures(fleet, partial / ERASURES)
        _copy_files(config, partial, with_keys)
    finally:
        bootstrap.close(fleet)
    if report.broken_at is not None:
        shutil.rmtree(partial)
        raise OperatorError(
            f"The audit chain is broken at entry {report.broken_at}; no backup was made.",
            "Keep the last good backup and the database as it is, and have it looked into.",
        )
    manifest = {
        "format": FORMAT,
        "made_at": now.isoformat(),
        "revision": newest_revision(),
        "kinds": {name: copies.kind_of(engine) for name, engine in _engines(fleet).items()},
        "with_keys": with_keys,
        "audit": {"entries": report.entries, "digest": report.digest},
        "files": {str(path): _digest(partial / path) for path in _files(partial)},
    }
    (partial / MANIFEST).write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    partial.rename(folder)
    (config.state / _LAST).write_text(json.dumps({"made_at": now.isoformat()}) + "\n")
    return manifest


def last_backup(config: Config) -> datetime | None:
    """When this installation was last backed up; None when it never was."""
    try:
        kept = json.loads((config.state / _LAST).read_text())
        return datetime.fromisoformat(kept["made_at"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def restore(config: Config, folder: Path, erasures: Iterable[Path] = ()) -> Restored:
    """Bring a backup back into an installation that has no database yet.

    Raises OperatorError naming what is wrong and what helps; then nothing was put in place.
    """
    manifest = read_manifest(folder)
    register = [one for path in (folder / ERASURES, *erasures) for one in _read_erasures(path)]
    fleet = bootstrap.build(config)
    try:
        _check_place(config, manifest, _engines(fleet))
        config.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        _fill(fleet, folder, manifest, register)
    finally:
        bootstrap.close(fleet)
    _restore_files(config, folder, manifest)
    return Restored(
        made_at=datetime.fromisoformat(manifest["made_at"]),
        audit_entries=manifest["audit"]["entries"],
        erasures=len(set(register)),
        with_keys=bool(manifest["with_keys"]),
    )


def _fill(fleet: Fleet, folder: Path, manifest: dict[str, Any], register: list[Erased]) -> None:
    """Both databases, checked; what was filled is taken back when a check fails."""
    filled: list[Engine] = []
    try:
        for name, engine in _engines(fleet).items():
            filled.append(engine)
            copies.copy_in(engine, folder / _COPIES[name])
            _check_sound(name, engine)
        _check_chain(fleet, manifest)
        installation.migrate_all(fleet)
        _make_safe(fleet, register)
    except OperatorError:
        for engine in filled:
            copies.remove(engine)
        raise


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a whole and unchanged backup. Raises OperatorError."""
    try:
        manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_text())
        listed: dict[str, str] = manifest["files"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OperatorError(f"{folder} is no backup.", "Name the folder of one.") from error
    if manifest.get("format") != FORMAT:
        raise OperatorError(f"{folder} was made by another version.", "Restore it with that one.")
    for name, digest in listed.items():
        path = folder / name
        if not path.is_file() or _digest(path) != digest:
            raise OperatorError(
                f"{path} is missing or was changed since the backup.", "Use another backup."
            )
    return manifest


def _engines(fleet: Fleet) -> dict[str, Engine]:
    if fleet.people is None:
        raise OperatorError("There is no personal data store.", "Set FLEET_PEOPLE_DATABASE.")
    return {"fleet": fleet.engine, "people": fleet.people}


def _check_current(fleet: Fleet) -> None:
    engines = _engines(fleet)
    for name, engine in engines.items():
        if copies.is_empty(engine):
            raise OperatorError(f"There is no database {name}.", "Run fleet-server init first.")
    if not is_current(engines["fleet"]) or not is_people_current(engines["people"]):
        raise OperatorError("The database has another schema.", "Run fleet-server migrate first.")


def _check_place(config: Config, manifest: dict[str, Any], engines: dict[str, Engine]) -> None:
    for name, engine in engines.items():
        if copies.kind_of(engine) != manifest["kinds"][name]:
            raise OperatorError(
                f"The backup of {name} is of {manifest['kinds'][name]}, "
                f"the installation uses {copies.kind_of(engine)}.",
                "Set FLEET_DATABASE and FLEET_PEOPLE_DATABASE as they were at the backup.",
            )
        if not copies.is_empty(engine):
            raise OperatorError(
                f"The database {name} is there already; nothing is overwritten.",
                "Name another --state, or an empty database.",
            )
    if manifest["with_keys"] and config.pki.exists():
        raise OperatorError(
            f"{config.pki} is there already; nothing is overwritten.", "Name another --state."
        )


def _check_sound(name: str, engine: Engine) -> None:
    found = copies.damage(engine)
    if found:
        raise OperatorError(f"The copy of {name} is damaged: {found}.", "Use another backup.")


def _check_chain(fleet: Fleet, manifest: dict[str, Any]) -> None:
    with fleet.reading() as connection:
        report = audit.verify(connection)
    if report.broken_at is not None:
        raise OperatorError(
            f"The audit chain of the copy is broken at entry {report.broken_at}.",
            "Use another backup.",
        )
    if not _goes_through(fleet, manifest["audit"]):
        raise OperatorError("The audit chain is not the one backed up.", "Use another backup.")


def _goes_through(fleet: Fleet, end: dict[str, Any]) -> bool:
    """Whether the chain has the entry that was its last when the backup was begun."""
    if end["entries"] == 0:
        return True
    with fleet.reading() as connection:
        digest = connection.scalar(
            select(t.audit_entry.c.digest).where(t.audit_entry.c.sequence == end["entries"])
        )
    return bool(digest == end["digest"])


def _make_safe(fleet: Fleet, register: list[Erased]) -> None:
    """What an older state must not bring back: erased data, old sessions, used counters, ids of
    orders that the operator's systems know already, and work that was done since."""
    with fleet.writing_people() as connection:
        people.extend_register(connection, register)
    people.reapply(fleet, register)
    with fleet.writing() as connection:
        connection.execute(delete(t.api_token))
        connection.execute(
            update(t.command_counter).values(last=t.command_counter.c.last + _COUNTER_STEP)
        )
        restoration.make_safe(connection, utc_now())


def _write_erasures(fleet: Fleet, path: Path) -> None:
    with fleet.reading_people() as connection:
        lines = [
            {
                "contract": one.contract_number,
                "erased_at": one.erased_at.isoformat(),
                "ground": one.ground.value,
            }
            for one in people.register(connection)
        ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def _read_erasures(path: Path) -> list[Erased]:
    try:
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        return [
            Erased(
                line["contract"],
                datetime.fromisoformat(line["erased_at"]).astimezone(UTC),
                ErasureGround(line["ground"]),
            )
            for line in lines
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OperatorError(
            f"{path} is no register of erasures.", f"Name the {ERASURES} of a backup."
        ) from error


def _copy_files(config: Config, target: Path, with_keys: bool) -> None:
    keys = () if with_keys else ("*.key",)
    for name, left_out in (("pki", keys), ("allow-lists", ())):
        source = config.state / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=shutil.ignore_patterns(*left_out))


def _restore_files(config: Config, folder: Path, manifest: dict[str, Any]) -> None:
    names = ["allow-lists"] + (["pki"] if manifest["with_keys"] else [])
    for name in names:
        if (folder / name).is_dir() and not (config.state / name).exists():
            shutil.copytree(folder / name, config.state / name)
            (config.state / name).chmod(0o700)


def _files(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
