"""The agent's power quality against waves made apart from it, and on a running board."""

import asyncio
import os
import sys
from array import array
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from hil_tests import supply_week
from hil_tests.demo_fleet import MODEM
from hil_tests.instance import Instance
from hil_tests.simulated_board.vm.wave_player import WavePlayer
from hil_tests.supply_trials import KINDS, SAMPLERS, Outcome, Told, false_alarms, try_events, watch
from hil_tests.waiting import wait_until
from hil_tests.waveforms import BLOCK, MAINS_MV, Block, Happening, MainsWave, write_wave

_EVENT = "SELECT name FROM event WHERE endpoint_id = ? AND name NOT IN ('Boot!')"


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_event_away_from_the_thresholds_is_told_as_what_it_was(sampler: str) -> None:
    outcome = Outcome()
    for kind in KINDS:
        outcome.add(try_events(sampler, kind, 30, seed=7))
    assert all(outcome.table[kind, kind] == 30 for kind in KINDS), f"\n{outcome}"
    assert sum(outcome.table.values()) == 120, f"\n{outcome}"


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_two_minutes_of_allowed_disturbance_are_no_event(sampler: str) -> None:
    assert false_alarms(sampler, 2 / 60, seed=11) == []


def test_six_hundred_jumps_of_the_phase_are_no_event() -> None:
    assert watch("mains", MainsWave(1, jumps=0.02).blocks(30_000)) == []


def test_a_week_goes_on_where_it_was_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each hour is run once, an hour whose line was cut short again."""
    run: list[tuple[str, int]] = []

    def spend(job: tuple[str, int, float]) -> supply_week.Quiet:
        run.append(job[:2])
        told = (Told("dip", 1, 0.5, 0.01),) if job[1] == 2027 else ()
        return supply_week.Quiet(*job, told, supply_week.digest())

    monkeypatch.setattr(supply_week, "ProcessPoolExecutor", ThreadPoolExecutor)
    monkeypatch.setattr(supply_week, "spend", spend)
    file = tmp_path / "week.jsonl"
    assert len(list(supply_week.go_on(file, hours=2))) == 4
    whole = file.read_text()
    file.write_text(whole[:-20])
    run.clear()
    assert [(each.sampler, each.seed) for each in supply_week.go_on(file, hours=2)] == run
    assert run == [("rail", 2027)]
    assert file.read_text() == whole
    quiet = supply_week.spent(file)
    assert supply_week.per_week(quiet, "mains") == 84
    monkeypatch.setattr(supply_week, "digest", lambda: "another watch")
    assert supply_week.spent(file) == []
    assert "mains: 2 of 168 hours, 1 told without cause\nseed 2027" in supply_week.report(quiet)


@pytest.mark.soak
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_week_of_allowed_disturbance_is_no_event(sampler: str) -> None:
    """Kept in the state folder: a campaign that was ended goes on where it stopped."""
    file = Path(os.environ.get("STATE", "state")) / "soak" / "supply_week.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    for _ in supply_week.go_on(file, samplers=(sampler,)):
        pass
    quiet = supply_week.spent(file)
    sys.stdout.write(supply_week.report(quiet) + "\n")
    assert supply_week.per_week(quiet, sampler) < 1


def test_a_wave_has_the_voltage_it_was_made_with() -> None:
    wave = MainsWave(1)
    wave.keep_still()
    wave.events = [Happening("dip", 1.0, 0.5, MAINS_MV // 2)]
    counts = [count for block in wave.blocks(200) for count in block.samples]
    for first, last, volts in ((0, 3200, 230), (3264, 4736, 115), (4864, 6400, 230)):
        part = counts[first:last]
        measured = (sum(count * count for count in part) / len(part)) ** 0.5 / 2
        assert abs(measured - volts) < 0.01 * volts


@pytest.mark.parametrize(("kind", "percent"), [("dip", 60), ("transient", 400)])
def test_a_simulated_board_plays_a_file_in_step_with_its_steady_wave(
    tmp_path: Path, kind: str, percent: float
) -> None:
    event = write_wave(tmp_path / "wave.bin", "mains", kind, percent, 60, seed=3)
    player: Any = WavePlayer("mains", lambda: MAINS_MV)  # type: ignore[no-untyped-call]
    blocks = []

    async def play() -> None:
        for index in range(200):
            if index == 101:
                player.play(str(tmp_path / "wave.bin"))
            block = array("h", bytes(2 * BLOCK))
            player._due_ms = 0  # do not wait
            await player.read_into(block)
            blocks.append(Block(block, player.high, player.low))

    asyncio.run(play())
    (told,) = watch("mains", blocks)
    assert told.kind == kind
    if kind == "dip":
        assert abs(told.magnitude_mv - event.magnitude_mv) < 5000
    assert abs(told.began_s - event.began_s - 1.02) < 0.02


@pytest.mark.soak
def test_waves_on_a_running_board_arrive_at_the_server(tmp_path: Path) -> None:
    with Instance(tmp_path / "state", [MODEM]) as instance:
        board = instance.boards[MODEM.name]
        seen = []
        for kind, percent, name in (
            ("dip", 60, "Dip!"),
            ("swell", 140, "Swell!"),
            ("transient", 500, "Transient!"),
            ("interruption", 0, "PowerRestored!"),
        ):
            board.wave(kind, percent, 100)
            seen += ["PowerLoss!", name] if kind == "interruption" else [name]

            def arrived(wanted: tuple[str, ...] = tuple(seen)) -> bool:
                rows = instance.query(_EVENT, MODEM.spec.endpoint_id)
                found = [row[0] for row in rows if row[0][:-1] in str(wanted)]
                return sorted(found) == sorted(wanted)

            wait_until(arrived, 20, f"{seen} and nothing else")
