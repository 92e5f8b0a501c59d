"""Makes what was deleted unreadable in the files of the database too.

SQLite overwrites what is deleted (`secure_delete`), but its write-ahead log keeps the old pages
until it is emptied. PostgreSQL keeps deleted rows until the table is written anew; its own
write-ahead log, and an archive of it, keep them until they are recycled.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine


def scrub(engine: Engine, tables: Sequence[str]) -> None:
    """Empty the log of SQLite, or write `tables` of PostgreSQL anew; outside any transaction."""
    pooled = engine.raw_connection()
    try:
        driver = pooled.driver_connection
        if driver is None:
            return
        if engine.dialect.name == "sqlite":
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            return
        driver.autocommit = True
        try:
            for table in tables:
                driver.execute(f'VACUUM FULL "{table}"')
        finally:
            driver.autocommit = False
    finally:
        pooled.close()
