"""A campaign on a real database while anything happens: its sums are right, nothing is done twice.

Hypothesis draws the order of events: units go off and on, actions end, persons pause, resume and
abort, units come in late, the process is a fresh one at each turn.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fleet_server.adapters.database import open_database
from fleet_server.adapters.migration import migrate
from fleet_server.domain.campaign import OPEN, ItemState, State
from fleet_server.domain.campaign_plan import CommandAction, Limits, OnFailures, Plan, Wave
from fleet_server.services import tables as t
from fleet_server.tests.campaign_desk import CampaignDesk

_AT_ONCE = 4
_TEMPLATE: dict[str, Path] = {}


def _database(folder: Path) -> Any:
    """A copy of an empty schema that is made once."""
    if "made" not in _TEMPLATE:
        made = Path(tempfile.mkdtemp()) / "template.db"
        engine = open_database(f"sqlite:///{made}")
        migrate(engine)
        engine.dispose()
        _TEMPLATE["made"] = made
    shutil.copy(_TEMPLATE["made"], folder / "fleet.db")
    return open_database(f"sqlite:///{folder / 'fleet.db'}")


class CampaignWorld(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.desk = CampaignDesk(_database(self.folder))
        self.units: list[int] = []
        self.campaign = 0

    def teardown(self) -> None:
        self.desk.engine.dispose()
        shutil.rmtree(self.folder)

    @initialize(
        canary=st.integers(1, 4),
        late=st.booleans(),
        aborts=st.booleans(),
        soak=st.sampled_from([0, 1]),
    )
    def begin(self, canary: int, late: bool, aborts: bool, soak: int) -> None:
        self.units = self.desk.add_units(10)
        self.desk.set(t.unit, self.units[0], blacklisted=True)
        limits = Limits(
            per_minute=600,
            at_once=_AT_ONCE,
            max_failed_percent=50,
            minimum_ended=3,
            on_failures=OnFailures.ABORT if aborts else OnFailures.PAUSE,
        )
        waves = (Wave(units=canary, soak_minutes=soak, success_percent=50), Wave())
        plan = Plan(CommandAction(), waves, limits, late_joiners=late)
        self.campaign = self.desk.run(plan)

    @property
    def state(self) -> State:
        return self.desk.look(self.campaign).state

    @rule(seconds=st.sampled_from([1, 10, 120]))
    def turn(self, seconds: int) -> None:
        self.desk.step(seconds)

    @rule()
    def an_hour_passes(self) -> None:
        self.desk.step(3_600)

    @rule(which=st.integers(0, 99), good=st.booleans())
    def an_action_ends(self, which: int, good: bool) -> None:
        open_ = self.desk.played.under_way()
        if open_:
            state = ItemState.DONE if good else ItemState.FAILED
            self.desk.played.end(open_[which % len(open_)], state)

    @rule(which=st.integers(0, 99))
    def an_action_is_sent(self, which: int) -> None:
        open_ = self.desk.played.under_way()
        if open_:
            self.desk.played.end(open_[which % len(open_)], ItemState.RUNNING)

    @rule(which=st.integers(0, 99), state=st.sampled_from(["online", "offline"]))
    def a_unit_comes_or_goes(self, which: int, state: str) -> None:
        self.desk.presence(self.units[which % len(self.units)], state)

    @rule(which=st.integers(0, 99), barred=st.booleans())
    def a_unit_is_barred_or_freed(self, which: int, barred: bool) -> None:
        self.desk.set(t.unit, self.units[which % len(self.units)], blacklisted=barred)

    @rule()
    def a_unit_is_added(self) -> None:
        if len(self.units) < 16:
            self.units += self.desk.add_units(1)

    @rule()
    def pause_or_resume(self) -> None:
        if self.state == State.RUNNING:
            self.desk.pause(self.campaign)
        elif self.state == State.PAUSED:
            self.desk.resume(self.campaign)

    @rule()
    def abort(self) -> None:
        if self.state in (State.RUNNING, State.PAUSED):
            self.desk.abort(self.campaign)
            assert not self.desk.look(self.campaign).total(ItemState.WAITING, ItemState.DEFERRED)

    @rule()
    def another_process(self) -> None:
        """It knows nothing but the database; what the devices do is where it was."""
        fresh = CampaignDesk(self.desk.engine)
        fresh.played, fresh.now = self.desk.played, self.desk.now
        self.desk = fresh

    @invariant()
    def sums_are_right(self) -> None:
        if not self.campaign:
            return
        view = self.desk.look(self.campaign)
        kept = {(c.wave, c.state.value, c.why.value): c.units for c in view.counts}
        assert kept == self.desk.counted(self.campaign)
        assert view.units == sum(kept.values())
        assert all(units > 0 for units in kept.values())

    @invariant()
    def each_is_acted_on_once_at_most(self) -> None:
        played = self.desk.played
        assert all(times == 1 for times in played.begun.values())
        assert all(times == 1 for times in played.stopped.values())
        assert len(played.under_way()) <= _AT_ONCE

    @invariant()
    def what_has_ended_holds_nothing_open(self) -> None:
        if self.campaign and self.state in (State.FINISHED, State.ABORTED):
            assert not self.desk.look(self.campaign).total(*OPEN)
            assert not self.desk.played.under_way()


TestCampaignWorld = CampaignWorld.TestCase
TestCampaignWorld.settings = settings(
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
