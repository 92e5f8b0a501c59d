"""A day in minutes: what the harness caused arrives once, in order, with the right class.

A short, dense stretch of every kind of device always runs; 24 hours of each are `make soak`.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from agent.core.notify_journal import JournalNotifier
from hil_tests.accelerated.controller import Received
from hil_tests.accelerated.day import AcceleratedDay, Caused, disagreements, gaps

CLASSES = ("MODEM", "VOICEMODEM", "STB")
DENSE_S = 20.0


def told(*names: str, **arguments: str) -> list[Received]:
    return [Received(f"j-0-{at + 1}", at + 1, name, arguments) for at, name in enumerate(names)]


def test_what_is_missing_too_much_or_swapped_is_found() -> None:
    caused = [Caused("Boot!"), Caused("Dip!"), Caused("Swell!")]
    assert disagreements(caused, told("Boot!", "Dip!", "Swell!")) == []
    assert disagreements(caused, told("Boot!", "Swell!", "Dip!")) == ["2: caused Dip!, told Swell!"]
    assert disagreements(caused, told("Boot!", "Dip!")) == ["3 caused, 2 told"]
    assert disagreements(caused[:2], told("Boot!", "Dip!", "Dip!")) == ["2 caused, 3 told"]
    assert gaps(told("Boot!", "Dip!", "Swell!")[::2]) == ["sequence 2 is missing"]


def test_a_wrong_reason_and_a_wrong_length_are_found() -> None:
    caused = [Caused("Boot!", reason="watchdog"), Caused("Dip!", (("Duration", 90, 110),))]
    assert disagreements(caused, told("Boot!", "Dip!", Reason="watchdog", Duration="100")) == []
    wrong = disagreements(caused, told("Boot!", "Dip!", Reason="crash", Duration="111"))
    assert wrong == ["1: Boot! for crash", "2: Dip! has Duration 111, not 90 to 110"]


@pytest.mark.parametrize("product_class", CLASSES)
def test_a_dense_hour_is_told_as_it_was(product_class: str) -> None:
    outcome = AcceleratedDay(product_class, seed=2, hours=0.3, pause_s=DENSE_S).run()
    assert outcome.wrong == [], outcome
    assert outcome.caused.total() > 15
    assert outcome.faults_made.total() > 5


def test_the_same_seed_gives_the_same_day() -> None:
    first, second = (AcceleratedDay("MODEM", 3, hours=0.1, pause_s=DENSE_S).run() for _ in range(2))
    assert str(first) == str(second)


def test_an_agent_that_forgets_before_it_was_answered_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = JournalNotifier.due

    def forgetful(self: Any, now_ms: int) -> Iterator[Any]:
        for outgoing in right(self, now_ms):
            yield outgoing
            for sequence in list(self._flight):
                self._journal.acknowledge(sequence)

    monkeypatch.setattr(JournalNotifier, "due", forgetful)
    outcome = AcceleratedDay("MODEM", seed=1, hours=0.3, pause_s=DENSE_S).run()
    assert any("is missing" in wrong for wrong in outcome.wrong), outcome


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("product_class", CLASSES)
@pytest.mark.parametrize("seed", range(3))
def test_a_whole_day_is_told_as_it_was(
    product_class: str, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = AcceleratedDay(product_class, seed, hours=24).run()
    with capsys.disabled():
        print(f"\n{outcome}", end=" ")  # noqa: T201 - the record of the campaign
    assert outcome.wrong == []
