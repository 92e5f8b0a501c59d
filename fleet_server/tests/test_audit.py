"""The audit log: a chain that shows every change made behind its back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, delete, func, select, text, update
from sqlalchemy.exc import DBAPIError

from fleet_server.services import tables as t
from fleet_server.services.audit import GENESIS, Actor, Entry, append, history, verify

NOW = datetime(2027, 1, 15, 12, 0, 0, 123_000, tzinfo=UTC)
OPS = Actor.account(7)
UNIT = "unit:00000002"
TRIGGERS = {
    "sqlite": ("audit_entry_no_update", "audit_entry_no_delete"),
    "postgresql": ("audit_entry_stays ON audit_entry",),
}


@pytest.fixture
def written(engine: Engine) -> Engine:
    """Four entries of two changes; the first has a reason."""
    with engine.begin() as connection:
        pair = [Entry("unit_received", UNIT, {"state": "in_stock"}), Entry("unit_seen", "unit:9")]
        assert append(connection, OPS, pair, NOW, "box was open; Agim Prova called") == [1, 2]
    with engine.begin() as connection:
        pair = [Entry("unit_lost", UNIT, {}, ("event:12",)), Entry("unit_found", UNIT)]
        assert append(connection, Actor.system("x"), pair, NOW + timedelta(days=1)) == [3, 4]
    return engine


def test_an_empty_log_is_whole(engine: Engine) -> None:
    with engine.begin() as connection:
        assert append(connection, OPS, [], NOW) == []
        report = verify(connection)
    assert (report.entries, report.digest, report.broken_at) == (0, GENESIS, None)


def test_the_log_of_a_subject_says_who_when_why_and_on_what(written: Engine) -> None:
    with written.connect() as connection:
        found, lost, received = history(connection, UNIT)
        assert [e.action for e in history(connection, UNIT, before=4, limit=1)] == ["unit_lost"]
        assert verify(connection).broken_at is None
    assert (received.actor, received.at) == (OPS, NOW)
    assert (received.detail, received.reason) == (
        {"state": "in_stock"},
        "box was open; Agim Prova called",
    )
    assert (lost.evidence, lost.reason) == (("event:12",), "")
    assert found.sequence == 4


def test_words_are_kept_as_any_database_takes_them(engine: Engine) -> None:
    with engine.begin() as connection:
        append(connection, OPS, [Entry("unit_seen", UNIT)], NOW, "seen\0 by Agim")
        (entry,) = history(connection, UNIT)
        assert verify(connection).broken_at is None
    assert entry.reason == "seen by Agim"


def test_the_words_of_people_can_be_erased_and_the_chain_still_holds(written: Engine) -> None:
    with written.begin() as connection:
        digest = verify(connection).digest
        connection.execute(delete(t.audit_reason))
        assert history(connection, UNIT)[-1].reason is None
        assert verify(connection).digest == digest
        assert verify(connection).broken_at is None
        chain = str(connection.execute(select(t.audit_entry)).all())
    assert "Agim" not in chain


def test_words_put_in_place_of_others_are_found(written: Engine) -> None:
    with written.begin() as connection:
        connection.execute(update(t.audit_reason).values(text="no reason"))
        assert verify(connection).broken_at == 1


def test_the_database_refuses_to_change_or_remove_an_entry(written: Engine) -> None:
    for change in (update(t.audit_entry).values(actor="8"), delete(t.audit_entry)):
        with pytest.raises(DBAPIError, match="only added to"), written.begin() as connection:
            connection.execute(change)


@pytest.mark.parametrize(
    ("change", "broken_at"),
    [
        ("UPDATE audit_entry SET actor = '8' WHERE sequence = 1", 1),
        ("UPDATE audit_entry SET at = at + 1 WHERE sequence = 2", 2),
        ("UPDATE audit_entry SET detail = '{}' WHERE sequence = 1", 1),
        ("UPDATE audit_entry SET evidence = '[]' WHERE sequence = 3", 3),
        ("DELETE FROM audit_entry WHERE sequence = 2", 2),
        ("DELETE FROM audit_entry WHERE sequence = 4", 4),
        ("UPDATE audit_entry SET sequence = sequence + 1 WHERE sequence = 4", 4),
    ],
)
def test_what_was_changed_past_the_triggers_is_found(
    written: Engine, change: str, broken_at: int
) -> None:
    with written.begin() as connection:
        for trigger in TRIGGERS[connection.dialect.name]:
            connection.execute(text(f"DROP TRIGGER {trigger}"))
        connection.execute(text(change))
        assert verify(connection).broken_at == broken_at


def test_an_entry_goes_with_the_change_it_tells_of(written: Engine) -> None:
    with pytest.raises(RuntimeError), written.begin() as connection:
        append(connection, OPS, [Entry("unit_stolen", UNIT)], NOW)
        raise RuntimeError
    with written.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(t.audit_entry)) == 4
        assert verify(connection).broken_at is None
