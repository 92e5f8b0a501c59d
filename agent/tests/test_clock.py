from agent import compat
from agent.core.clock import CONTROLLER, MACHINE, SNTP, Clock
from agent.core.journal import Journal
from agent.core.store import Store
from agent.tests.fakes import FakeRandom, FakeStorage

NOON = 1_795_348_800_000  # 2026-11-22T12:00:00Z


class Machine:
    """One board's storage, its up time, and its clock after each boot."""

    def __init__(self):
        self.storage = FakeStorage()
        self.up_time_ms = 0

    def boot(self, floor_ms=0):
        self.up_time_ms = 0
        self.journal = Journal(self.storage, FakeRandom())
        return Clock(Store(self.storage), self.journal, lambda: self.up_time_ms, floor_ms)


def test_each_boot_has_the_next_number():
    machine = Machine()
    assert [machine.boot().boot_count for _ in range(3)] == [1, 2, 3]


def test_a_damaged_boot_counter_gives_a_number_never_used_before():
    machine = Machine()
    machine.boot().set_time(NOON, 5)
    machine.storage.files["boot_count.blob"] = b"damaged"
    assert machine.boot().boot_count > 1000
    assert machine.boot().boot_count > 1001


def test_the_time_is_unknown_until_it_is_set():
    machine = Machine()
    clock = machine.boot()
    assert clock.text() == "0001-01-01T00:00:00Z"
    assert clock.unix_ms() is None
    assert clock.error_ms() is None
    assert not clock.synchronized
    machine.up_time_ms = 5000
    assert clock.set_time(NOON + 7, 40)
    machine.up_time_ms = 6001
    assert clock.text() == "2026-11-22T12:00:01.008Z"
    assert clock.synchronized


def test_the_error_grows_with_the_drift_of_the_crystal():
    machine = Machine()
    clock = machine.boot()
    clock.set_time(NOON, 40)
    assert clock.error_ms() == 40
    machine.up_time_ms = 3600_000
    assert clock.error_ms() == 400


def test_a_time_with_a_wider_error_does_not_replace_a_better_one():
    machine = Machine()
    clock = machine.boot()
    assert clock.set_time(NOON, 40)
    assert not clock.set_time(NOON + 900, 2000)
    assert clock.unix_ms() == NOON
    machine.up_time_ms = 86_400_000
    assert clock.set_time(NOON + 86_401_000, 2000), "a day of drift is wider than that"
    assert clock.unix_ms() == NOON + 86_401_000


def test_a_time_taken_earlier_counts_for_that_instant():
    machine = Machine()
    clock = machine.boot()
    machine.up_time_ms = 900
    clock.set_time(NOON, 40, at_ms=400)
    assert clock.unix_ms() == NOON + 500


def test_a_time_before_the_floor_is_refused():
    machine = Machine()
    clock = machine.boot(floor_ms=NOON)
    assert not clock.set_time(NOON - 1000, 10)
    assert not clock.set_time(NOON, -1)
    assert not clock.synchronized
    assert clock.set_time(NOON + 1000, 10)


def test_an_earlier_boots_time_stays_known_and_binds_no_later_boot():
    machine = Machine()
    first = machine.boot()
    assert first.set_time(NOON + 10**12, 30)
    later = machine.boot()
    assert later.set_time(NOON, 30)
    assert machine.journal.clock_of(first.boot_count)[0] == NOON + 10**12 - machine.up_time_ms


def test_up_time_goes_on_when_the_ticks_of_a_small_board_wrap():
    period = 1 << 30
    ticks = [period - 10]

    def difference(later, earlier):
        return ((later - earlier + period // 2) & (period - 1)) - period // 2

    kept = compat.ticks_ms, compat.ticks_diff, list(compat._since)
    compat.ticks_ms, compat.ticks_diff = (lambda: ticks[0]), difference
    try:
        compat._since[:] = [ticks[0], 0]
        for step in range(1, 8):
            ticks[0] = (ticks[0] + period // 4) & (period - 1)
            assert compat.monotonic_ms() == step * (period // 4)
    finally:
        compat.ticks_ms, compat.ticks_diff = kept[:2]
        compat._since[:] = kept[2]


def test_a_time_that_no_board_lives_to_see_is_refused():
    machine = Machine()
    clock = machine.boot()
    for wrong in (253_402_300_799_999, 4_102_444_800_000):  # 9999, 2100
        assert not clock.set_time(wrong, 5)
    assert clock.text() == "0001-01-01T00:00:00Z"
    assert clock.set_time(4_102_444_700_000, 5)


# --- whom to believe


def test_sntp_dates_and_is_not_trusted():
    machine = Machine()
    clock = machine.boot()
    assert clock.set_time(NOON, 20, None, SNTP)
    assert (clock.unix_ms(), clock.source, clock.trusted) == (NOON, SNTP, False)
    assert clock.trusted_unix_ms() is None


def test_the_controller_replaces_an_sntp_time_that_cannot_be_true_beside_its_own():
    for forged in (NOON - 86_400_000, NOON + 86_400_000):
        machine = Machine()
        clock = machine.boot()
        clock.set_time(forged, 1, None, SNTP)
        assert clock.set_time(NOON, 400)
        assert (clock.unix_ms(), clock.source) == (NOON, CONTROLLER)
        assert machine.journal.clock_of(clock.boot_count) == (NOON, 400)


def test_a_narrower_sntp_time_stays_beside_the_controllers_and_never_tells_what_expired():
    machine = Machine()
    clock = machine.boot()
    clock.set_time(NOON + 300, 20, None, SNTP)
    assert clock.set_time(NOON, 400)
    assert (clock.unix_ms(), clock.source, clock.trusted) == (NOON + 300, SNTP, True)
    assert clock.trusted_unix_ms() == NOON


def test_once_the_controller_told_the_time_sntp_moves_it_only_within_its_error():
    machine = Machine()
    clock = machine.boot()
    clock.set_time(NOON, 400)
    assert not clock.set_time(NOON + 421, 20, None, SNTP)
    assert not clock.set_time(NOON - 421, 20, None, MACHINE)
    assert clock.unix_ms() == NOON
    assert clock.set_time(NOON + 420, 20, None, SNTP)
    assert clock.unix_ms() == NOON + 420
    assert clock.trusted_unix_ms() == NOON
    assert clock.error_ms() == 20


def test_the_controller_is_heard_again_when_its_first_answer_was_slow():
    machine = Machine()
    clock = machine.boot()
    clock.set_time(NOON + 5000, 20_000)
    assert clock.set_time(NOON, 30)
    assert not clock.set_time(NOON + 7000, 9000)
    assert clock.trusted_unix_ms() == NOON


def test_flash_is_written_for_what_changes_a_date_and_not_for_every_answer():
    machine = Machine()
    clock = machine.boot()
    clock.set_time(NOON, 20, None, SNTP)
    written = machine.storage.operations
    for step in range(1, 50):
        machine.up_time_ms = step * 1_024_000
        assert clock.set_time(NOON + machine.up_time_ms + step, 20, None, SNTP)
    assert machine.storage.operations == written
    machine.up_time_ms += 1_024_000
    assert clock.set_time(NOON + machine.up_time_ms + 1500, 20, None, SNTP)
    assert machine.storage.operations > written
    assert machine.boot().journal.clock_of(1) == (NOON + 1500, 20)


def test_certificates_are_judged_by_turns_until_the_controller_told_the_time():
    machine = Machine()
    machine.boot(floor_ms=1000).set_time(NOON + 10**12, 30)  # wrong, and kept
    clock = machine.boot(floor_ms=1000)
    assert [clock.guess_ms(turn) for turn in range(4)] == [NOON + 10**12, 1000] * 2
    clock.set_time(NOON, 20, None, SNTP)
    assert [clock.guess_ms(turn) for turn in range(3)] == [NOON, NOON + 10**12, 1000]
    clock.set_time(NOON + 7, 400)
    assert [clock.guess_ms(turn) for turn in range(3)] == [NOON] * 3
