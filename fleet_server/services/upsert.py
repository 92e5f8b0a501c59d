"""Insert-or-leave, insert-or-update and random bytes: where the two databases differ."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]], returning: Iterable[str]
) -> Sequence[Row[Any]]:
    """Insert the rows whose key is new; gives `returning` of those that went in, in any order."""
    if not rows:
        return []
    insert = _insert(connection, table).on_conflict_do_nothing()
    return connection.execute(insert.returning(*(table.c[name] for name in returning)), rows).all()


def upsert(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]], newest_by: str = ""
) -> None:
    """Insert the rows; one whose primary key is there takes the new values.

    With `newest_by` only if they are not older, by that column, than those that are there.
    """
    if not rows:
        return
    key = {column.name for column in table.primary_key}
    insert = _insert(connection, table)
    values = {name: insert.excluded[name] for name in rows[0] if name not in key}
    newer = insert.excluded[newest_by] >= table.c[newest_by] if newest_by else None
    connection.execute(
        insert.on_conflict_do_update(index_elements=sorted(key), set_=values, where=newer),
        list(rows),
    )


def add_to(connection: Connection, table: Table, key: dict[str, Any], name: str, by: int) -> None:
    """Add `by` to the number in column `name` of the row with this key, made at 0 if missing."""
    insert = _insert(connection, table)
    connection.execute(
        insert.values(**key, **{name: by}).on_conflict_do_update(
            index_elements=sorted(key), set_={name: table.c[name] + by}
        )
    )


def random_bytes(connection: Connection) -> bytes:
    """16 bytes that nobody can guess, from the database's own source."""
    if connection.dialect.name == "postgresql":
        source = func.uuid_send(func.gen_random_uuid())
    else:
        source = func.randomblob(16)
    return bytes(connection.scalars(select(source)).one())


def _insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
