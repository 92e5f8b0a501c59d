"""Faults drawn against the real engine, database and simulated systems; the units are played.

In every state one unit at most is served by the network, and the line belongs to one; once nothing
goes wrong any more, every replacement ends, as done or as it was before, and owes nobody anything.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from agent.wire import replacement as parts
from fleet_server.adapters.migration import migrate_people
from fleet_server.adapters.simulated import Behaviour
from fleet_server.domain.errors import RuleError
from fleet_server.services.delivery import Delivery
from fleet_server.services.swaps import SwapPhase, SwapView
from fleet_server.tests.databases import SQLITE, Database, Templates
from fleet_server.tests.service_desk import MAC, VOICE_MODEM, AtOnce
from fleet_server.tests.swap_bench import (
    NEW,
    NEW_MAC,
    NEW_MODEM,
    OLD,
    SwapBench,
    prepare_bench,
)

_FAULTS = (
    Behaviour(fail_before=1),
    Behaviour(fail_after=1),
    Behaviour(refuse_calls=1),
    Behaviour(answer_twice=1),
)
_ENDED = (SwapPhase.DONE, SwapPhase.ROLLED_BACK)


class Faults(RuleBasedStateMachine):
    """One replacement of a voice modem, and everything that may happen to it."""

    make: ClassVar[Callable[[], SwapBench]]

    @initialize(outlets=st.sampled_from((1, 2)), is_there=st.booleans())
    def begin(self, outlets: int, is_there: bool) -> None:
        self.bench = type(self).make()
        self.bench.connect(NEW_MODEM, online=is_there)
        self.swap_id = self.bench.order(outlets=outlets)

    @rule(turns=st.integers(1, 6))
    def go_on(self, turns: int) -> None:
        for _ in range(turns):
            self.bench.turn()

    @rule(seconds=st.sampled_from((3, 30, 700)))
    def time_passes(self, seconds: int) -> None:
        self.bench.later(seconds=seconds)

    @rule(unit=st.sampled_from((VOICE_MODEM, NEW_MODEM)), online=st.booleans())
    def cable_or_power(self, unit: str, online: bool) -> None:
        self.bench.connect(unit, online=online)

    @rule(fault=st.sampled_from(_FAULTS), is_voice=st.booleans())
    def system_fails(self, fault: Behaviour, is_voice: bool) -> None:
        desk = self.bench.desk
        (desk.voice if is_voice else desk.access).behave(fault)

    @rule(unit=st.sampled_from((VOICE_MODEM, NEW_MODEM)), text=st.sampled_from(("", "made-up")))
    def unit_refuses(self, unit: str, text: str) -> None:
        self.bench.units[unit].refuses = text

    @rule(well=st.booleans())
    def new_unit_is_well(self, well: bool) -> None:
        self.bench.units[NEW_MODEM].well = well
        self.bench.report(NEW_MODEM)

    @rule()
    def courier_dies(self) -> None:
        old = self.bench.desk.delivery
        self.bench.desk.delivery = Delivery(old.fleet, old.systems, old.now, AtOnce())

    @rule(what=st.sampled_from(("abort", "waive", "resume")))
    def person(self, what: str) -> None:
        try:
            getattr(self.bench, what)(self.swap_id)
        except RuleError:
            return

    @invariant()
    def one_unit_at_most_serves(self) -> None:
        if not hasattr(self, "bench"):
            return
        serving, view = self.bench.serving(), self.bench.view(self.swap_id)
        assert len(serving) <= 1
        assert self.bench.line_is_at() in (MAC, NEW_MAC)
        if view.is_committed:
            assert serving == {NEW_MAC}
            assert self.bench.holders("voice") == [NEW]
        if view.phase in _ENDED:
            assert_is_whole(self.bench, view)

    def teardown(self) -> None:
        if not hasattr(self, "bench"):
            return
        self._put_right()
        for _ in range(30):
            self.bench.run()
            view = self.bench.view(self.swap_id)
            if view.phase in _ENDED and not view.owed:
                break
            if view.phase is SwapPhase.PERSON:
                self.bench.resume(self.swap_id)
            self.bench.later(minutes=61)
        assert view.phase in _ENDED
        assert view.owed == ()
        assert_is_whole(self.bench, view)
        old, new = self.bench.units[VOICE_MODEM].part, self.bench.units[NEW_MODEM].part
        if view.phase is SwapPhase.DONE:
            assert (old, new) == (parts.FENCED, parts.ADOPTED)
        else:
            assert (old, new) == (parts.ACTIVE, parts.SPARE)

    def _put_right(self) -> None:
        for system in (self.bench.desk.access, self.bench.desk.voice):
            system.behave(Behaviour())
        for unit in (VOICE_MODEM, NEW_MODEM):
            self.bench.units[unit].refuses = ""
            self.bench.units[unit].well = True
            self.bench.connect(unit)


def assert_is_whole(bench: SwapBench, view: SwapView) -> None:
    """Exactly one unit is in service, for everybody the same one."""
    mac, serial = (NEW_MAC, NEW) if view.phase is SwapPhase.DONE else (MAC, OLD)
    assert bench.serving() == {mac}
    assert bench.line_is_at() == mac
    assert bench.holders("internet") == bench.holders("voice") == [serial]


@pytest.mark.timeout(120)
def test_no_fault_leaves_a_position_with_two_units_or_none(
    tmp_path: Path, templates: Templates
) -> None:
    numbers = itertools.count()

    def make() -> SwapBench:
        folder = tmp_path / str(next(numbers))
        folder.mkdir()
        database = Database(SQLITE, folder, templates, None)
        people = database.fresh(migrate_people, "people")
        return SwapBench(folder, database.fresh(prepare_bench), people)

    Faults.make = staticmethod(make)
    run_state_machine_as_test(
        Faults,
        settings=settings(
            max_examples=8,
            stateful_step_count=16,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
