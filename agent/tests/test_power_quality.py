import asyncio
from array import array
from math import pi, sin

from agent.compat import MICROPYTHON, monotonic_ms
from agent.core.power_mains import Mains
from agent.core.power_quality import root
from agent.core.power_rail import Rail
from agent.ports.sampler import Sampler
from agent.tests.test_power import names, run_monitor, settle, started, until, waiting
from agent.wire.codes import RESET_BROWN_OUT

CREST = 650  # counts of 230 V


class RailSampler(Sampler):
    kind = "rail"
    nominal_mv = 12000
    mv_per_count = 10


class Scope:
    """Feeds one kind of supply; `told` holds (name, mV, began, lasted), times in ms of the wave."""

    def __init__(self, make=Mains, sampler=Sampler, offset=0):
        self.told = []
        self.count = 0
        self.offset = offset
        self.angle = 0.0
        self.sampler = sampler()
        self.quality = make(self.sampler, self._tell)
        self.block = array("h", bytes(64))

    def _tell(self, name, found, age, lasted):
        if name != "Transient!":
            found = self.quality.level_in_mv(found)
        else:
            found *= self.sampler.mv_per_count
        age += self.quality.rest
        self.told.append((name, found, (self.count - age) * 10 // 32, lasted * 10 // 32))

    def feed(self, peak=None):
        block = self.block
        self.count += len(block)
        high, low = max(block), min(block)
        if peak is not None:
            high, low = max(high, peak), min(low, peak)
        self.quality.feed(block, high, low)

    def mains(self, ms, percent=100, hertz=50, third=0, peak=None):
        for _ in range(ms // 10):
            for index in range(32):
                angle = self.angle
                value = sin(angle) + third * sin(3 * angle) / 100
                self.block[index] = int(CREST * value * percent / 100) + self.offset
                self.angle += 2 * pi * hertz / 3200
            self.feed(peak)
            peak = None

    def rail(self, ms, volts=12.0, peak=None):
        for _ in range(ms // 10):
            for index in range(32):
                self.block[index] = int(volts * 100) + index % 7
            self.feed(peak)
            peak = None


def near(event, name, magnitude_mv, began_ms, lasted_ms, off_ms=10):
    assert event[0] == name
    assert abs(event[1] - magnitude_mv) * 50 <= abs(magnitude_mv) + 250, event
    assert abs(event[2] - began_ms) <= off_ms, event
    assert abs(event[3] - lasted_ms) <= 2 * off_ms, event


def test_the_root_is_that_of_whole_numbers():
    for number in (0, 1, 2, 3, 4, 15, 16, 17, 1 << 28, (1 << 40) - 1):
        found = root(number)
        assert found * found <= number < (found + 1) * (found + 1)


def test_a_dip_of_the_mains_has_residual_voltage_begin_and_length():
    scope = Scope(offset=37)
    scope.mains(1500)
    assert scope.told == []
    assert abs(scope.quality.level_mv() - 230_000) < 2500
    scope.mains(100, percent=60)
    scope.mains(300)
    assert len(scope.told) == 1
    near(scope.told[0], "Dip!", 138_000, 1500, 100)


def test_a_swell_of_one_cycle_is_seen():
    scope = Scope()
    scope.mains(1500)
    scope.mains(20, percent=130)
    scope.mains(300)
    assert len(scope.told) == 1
    near(scope.told[0], "Swell!", 299_000, 1500, 20)


def test_a_jump_of_the_phase_by_30_degrees_is_neither_dip_nor_swell():
    for percent in (93, 107):
        for wait in range(8):
            for sixth in (-1, 1):
                scope = Scope()
                scope.mains(1500 + 10 * wait, percent=percent, hertz=51.5)
                scope.angle += sixth * pi / 6
                scope.mains(300, percent=percent, hertz=51.5)
                assert scope.told == [], (percent, wait, sixth)


def test_a_short_dip_with_a_jump_is_told_where_the_jump_cannot_be_all():
    scope = Scope()
    scope.mains(1500)
    scope.angle += pi / 6
    scope.mains(20, percent=50)
    scope.angle -= pi / 6
    scope.mains(300)
    assert [event[0] for event in scope.told] == ["Dip!"]


def test_an_interruption_is_told_at_once_and_then_its_end_but_no_dip():
    scope = Scope()
    scope.mains(1500)
    scope.mains(80, percent=1)
    assert [event[0] for event in scope.told] == ["interruption"]
    assert scope.quality.is_low()
    scope.mains(500)
    assert not scope.quality.is_low()
    assert [event[0] for event in scope.told] == ["interruption", "interruption over"]
    near(
        (scope.told[1][0], 0, scope.told[1][2], scope.told[1][3]), "interruption over", 0, 1500, 80
    )


def test_the_thresholds_are_90_and_110_percent_with_hysteresis():
    for normal, beyond in ((91, 88), (109, 112)):
        scope = Scope()
        scope.mains(1000)
        scope.mains(500, percent=normal)
        assert scope.told == []
        scope.mains(200, percent=beyond)
        scope.mains(200, percent=normal)  # beyond the threshold no longer, and not back either
        assert scope.told == []
        scope.mains(200)
        assert [event[0] for event in scope.told] == ["Dip!" if beyond < 100 else "Swell!"]
        assert abs(scope.told[0][3] - 400) <= 20


def test_frequency_and_harmonics_move_no_level():
    for hertz in (42.5, 47, 53, 57.5):
        scope = Scope()
        scope.mains(2000, hertz=hertz, third=6, percent=92.5)
        assert scope.told == [], hertz
        assert abs(scope.quality.level_mv() - 213_000) < 5000, (hertz, scope.quality.level_mv())
        scope.mains(100, hertz=hertz, percent=50)
        scope.mains(400, hertz=hertz)
        near(scope.told[0], "Dip!", 115_000, 2000, 100, 12)


def test_a_phase_jump_is_no_event():
    scope = Scope()
    scope.mains(1500)
    scope.angle += pi / 6
    scope.mains(1000)
    assert scope.told == []


def test_what_a_peak_detector_held_is_a_transient_unless_a_swell_explains_it():
    scope = Scope()
    scope.mains(1500)
    scope.mains(500, peak=-3000)
    near(scope.told[0], "Transient!", -1_500_000, 1500, 0)
    scope.mains(100, percent=170)
    scope.mains(500)
    assert [event[0] for event in scope.told] == ["Transient!", "Swell!"]


def test_a_row_of_transients_is_one_event_with_the_furthest():
    scope = Scope()
    scope.mains(1500)
    for peak in (2000, -4000, 2500):
        scope.mains(60, peak=peak)
    scope.mains(500)
    assert len(scope.told) == 1
    near(scope.told[0], "Transient!", -2_000_000, 1500, 120)


def test_lost_samples_cost_some_cycles_and_no_false_event():
    scope = Scope()
    scope.mains(1500)
    scope.quality.skip(77)
    scope.angle += 2
    scope.mains(1500)
    assert scope.told == []
    scope.mains(100, percent=50)
    scope.mains(300)
    assert [event[0] for event in scope.told] == ["Dip!"]


def test_a_rail_has_dips_swells_interruptions_and_transients_of_its_own():
    scope = Scope(Rail, RailSampler)
    scope.rail(500)
    scope.rail(60, volts=9)
    scope.rail(200)
    near(scope.told[0], "Dip!", 9000, 500, 60, 5)
    scope.rail(40, volts=14)
    scope.rail(200)
    near(scope.told[1], "Swell!", 14000, 760, 40, 5)
    scope.rail(200, peak=2500)
    near(scope.told[2], "Transient!", 25000, 1000, 0)
    scope.rail(200, peak=0)
    assert scope.told[3][0] == "Transient!", "a notch to nothing is one as well"
    scope.rail(50, volts=0.1)
    scope.rail(200)
    assert [event[0] for event in scope.told[4:]] == ["interruption", "interruption over"]


def test_nothing_is_allocated_while_samples_are_taken_in():
    if not MICROPYTHON:
        return
    import gc

    for make, sampler in ((Mains, Sampler), (Rail, RailSampler)):
        scope = Scope(make, sampler)
        (scope.mains if make is Mains else scope.rail)(1500)
        feed, block = scope.quality.feed, scope.block
        high, low = max(block), min(block)
        gc.collect()
        before = gc.mem_alloc()
        overhead = gc.mem_alloc() - before
        before = gc.mem_alloc()
        for _ in range(200):
            feed(block, high, low)
        assert gc.mem_alloc() - before - overhead < 32, make


# --- the monitor


class Played(Sampler):
    """The mains at ten times the speed of the clock; `percent` is set by the test."""

    percent = 100

    def __init__(self):
        self.phase = 0

    async def read_into(self, block):
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        for index in range(32):
            sign = -1 if self.phase & 1 else 1
            block[index] = sign * int(CREST * sin(pi * index / 32)) * self.percent // 100
        self.phase += 1
        return 0


def test_an_interruption_the_board_survives_is_a_power_loss_with_its_length():
    bench, monitor = started()
    settle(bench)
    sampler = bench.board.sampler = Played()
    begun = monotonic_ms()
    bench.clock.up_time_ms = lambda: 1000 + monotonic_ms() - begun

    async def steps():
        await until(lambda: monitor._supply and monitor._supply._quality._ready)
        sampler.percent = 0
        await until(lambda: names(bench) == ["PowerLoss!"])
        sampler.percent = 100
        await until(lambda: names(bench)[-1] == "PowerRestored!")

    run_monitor(monitor, steps)
    args = waiting(bench)[-1][2]
    assert args["DurationError"] == "20"
    assert int(args["Duration"]) > 0
    assert args["Grade"] == "measured"
    assert abs(bench.board.sampler.level_mv() - 230_000) < 3000


def test_a_brown_out_reset_is_an_inferred_dip():
    bench, _ = started()
    settle(bench)
    after, _ = started(bench.restart(RESET_BROWN_OUT), subscribe=False)
    dip, restored, _ = waiting(after)
    assert (dip[1], dip[2]["Grade"]) == ("Dip!", "inferred")
    assert "Magnitude" not in dip[2] and "Duration" not in dip[2]
    assert (restored[1], restored[2]["Grade"]) == ("PowerRestored!", "inferred")
    assert after.model.text("Device.X_IPKO-COM_Power.BrownOutCount") == "1"
    assert after.model.text("Device.X_IPKO-COM_Power.DipCount") == "1"
