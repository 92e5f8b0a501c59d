import asyncio

from agent.compat import monotonic_ms
from agent.core.power import PowerMonitor, SupplyEvents
from agent.errors import StorageError
from agent.ports.signals import Signal
from agent.tests.fakes import FakeBoard, PowerCut
from agent.tests.usp_bench import Bench, notify_of
from agent.wire.codes import RESET_COMMANDED, RESET_POWER_ON

NOON = 1_795_348_800_000  # 2026-11-22T12:00:00Z
POWER = "Device.X_IPKO-COM_Power."
HEAD = b"PUBLISH"


class FakeSession:
    """Takes a packet at once while online, as the real one does."""

    def __init__(self, state="online"):
        self.state = state
        self.since_ms = 0
        self.sent = []
        self.woken = 0

    def prepare(self, topic_name, payload):
        return HEAD + payload

    def send_now(self, packet):
        if self.state != "online":
            return False
        self.sent.append(bytes(packet))
        return True

    def wake(self):
        self.woken += 1


def started(bench=None, cause=RESET_POWER_ON, subscribe=True):
    """(bench, monitor) of a board that has just booted."""
    bench = bench or Bench(board=FakeBoard(cause=cause))
    monitor = PowerMonitor(bench.board, bench.clock, bench.journal, bench.endpoint, FakeSession())
    monitor.report_boot(bench.model.boot_arguments())
    if subscribe:
        for event in (POWER, "Device.Boot!"):
            bench.subscribe(
                "Event",
                event,
                NotifRetry="true",
                Persistent="true",
            )
    return bench, monitor


def rebooted(bench, cause=RESET_POWER_ON):
    return started(bench.restart(cause), subscribe=False)


def waiting(bench):
    """(sequence, name, arguments) of each journalled event, as it would leave now."""
    from agent.core.events import stamped_arguments

    found = []
    for sequence, record in bench.journal.pending():
        _, name, args = stamped_arguments(record, bench.journal.clock_of)
        found.append((sequence, name, args))
    return found


def names(bench):
    return [name for _, name, _ in waiting(bench)]


def settle(bench):
    for sequence, _ in bench.journal.pending():
        bench.journal.acknowledge(sequence)


def test_the_gasp_says_when_it_was_though_it_was_made_before():
    bench, monitor = started()
    settle(bench)
    bench.clock.set_time(NOON, 40)
    monitor.look(0)
    bench.now_ms += 1234
    monitor.power_failing()
    assert monitor.last_signal == (2234, True)
    assert len(monitor._session.sent) == 1
    msg_id, notify = notify_of(monitor._session.sent[0][len(HEAD) :])
    event = notify.one(3)
    assert msg_id == "j-%s-%d" % (bench.journal.epoch, bench.journal.last_sequence + 1)
    assert event.text(2) == "PowerLoss!"
    args = event.map(3)
    assert args == {
        "Source": "Mains",
        "BootCount": "1",
        "UpTime": "2234",
        "Time": "2026-11-22T12:00:01.234Z",
        "TimeError": "40",
        "Grade": "measured",
    }
    assert waiting(bench)[-1][2] == args, "the journal says the same"


def test_the_gasp_is_right_after_more_digits_another_event_or_another_connection():
    bench, monitor = started()
    for step in range(4):
        monitor.look(0)
        if step == 1:
            bench.now_ms = 9_999
            monitor.look(0)
            bench.now_ms = 10_001
        elif step == 2:
            bench.journal.append(b'["Device.","Boot!",{},1,"5"]')
        elif step == 3:
            bench.clock.set_time(NOON, 3)
        monitor.power_failing()
        msg_id, notify = notify_of(monitor._session.sent[-1][len(HEAD) :])
        args = notify.one(3).map(3)
        assert args["UpTime"] == str(bench.now_ms)
        assert waiting(bench)[-1][2] == args
        assert msg_id == "j-%s-%d" % (bench.journal.epoch, bench.journal.last_sequence)
        monitor._prepare_record()


def test_without_a_connection_only_the_journal_has_it():
    bench, monitor = started()
    monitor._session.state = "down"
    monitor.look(0)
    monitor.power_failing()
    assert monitor._session.sent == []
    assert not monitor.last_signal[1]
    assert names(bench)[-1] == "PowerLoss!"


def test_without_a_subscription_no_gasp_leaves_and_the_journal_keeps_it():
    bench, monitor = started(subscribe=False)
    monitor.look(0)
    monitor.power_failing()
    assert monitor._session.sent == []
    assert names(bench)[-1] == "PowerLoss!"


def test_nothing_is_sent_that_the_journal_could_not_keep():
    _, monitor = started()
    monitor.look(0)
    monitor.power_failing()
    monitor.power_failing()
    assert len(monitor._session.sent) == 1, "no second record, so no second gasp"


def gasp_first(bench, monitor):
    """A board whose record takes long, with everything made ready for a loss."""
    bench.board.gasp_first = True
    settle(bench)
    monitor.look(0)


def test_where_keeping_the_record_takes_long_the_gasp_leaves_before_it():
    bench, monitor = started()
    gasp_first(bench, monitor)
    slot, order = bench.storage.slot, []
    commit = slot.commit

    def late_commit(tail):
        order.append(len(monitor._session.sent))
        commit(tail)

    slot.commit = late_commit
    monitor.power_failing()
    assert order == [1]
    after, _ = rebooted(bench)
    assert [name for _, name, _ in waiting(after)] == ["PowerLoss!", "PowerRestored!", "Boot!"]
    assert after.journal.gasps == 1, "the mark of the gasp is kept as well"


def test_a_sequence_that_may_have_left_without_its_record_is_given_up():
    bench, monitor = started()
    gasp_first(bench, monitor)
    told = bench.journal.loss_sequence

    def cut(tail):
        raise PowerCut

    bench.storage.slot.commit = cut
    try:
        monitor.power_failing()
    except PowerCut:
        pass
    assert len(monitor._session.sent) == 1
    after = bench.restart()
    after.board.gasp_first = True
    after, monitor = started(after, subscribe=False)
    found = waiting(after)
    assert [name for _, name, _ in found] == [
        "X_IPKO-COM_EventsDropped!",
        "PowerRestored!",
        "Boot!",
    ]
    assert [sequence for sequence, _, _ in found] == [told + 1, told + 2, told + 3]
    assert found[0][2]["Count"] == "0" and found[0][2]["Sequences"] == str(told)
    after.restart()  # and the journal opens with nothing lost
    assert names(after.restart()) == names(after)


def test_after_a_restart_in_order_nothing_is_given_up():
    bench, monitor = started()
    gasp_first(bench, monitor)
    bench.journal.discard_loss()
    after = bench.restart(RESET_COMMANDED)
    after.board.gasp_first = True
    after, _ = started(after, subscribe=False)
    assert names(after) == ["Boot!"]


def test_a_medium_that_fails_at_the_signal_ends_nothing():
    for first in (True, False):
        bench, monitor = started()
        gasp_first(bench, monitor)
        bench.board.gasp_first = first
        told = bench.journal.loss_sequence

        def fail(tail):
            raise StorageError("commit", 5)

        bench.storage.slot.commit = fail
        monitor.power_failing()
        assert len(monitor._session.sent) == first, "no gasp where the sequence is not safe"
        del bench.storage.slot.commit
        assert bench.endpoint.event(POWER, "Dip!", {"Magnitude": "1"}, 5, True)
        assert waiting(bench)[-1][0] == told + 2 * first


def test_the_outage_is_told_after_the_boot_and_measured_once_both_clocks_are_known():
    bench, monitor = started()
    settle(bench)
    bench.clock.set_time(NOON, 40)
    bench.now_ms = 61_000
    monitor.power_failing()
    after, _ = rebooted(bench)
    assert [name for _, name, _ in waiting(after)] == ["PowerLoss!", "PowerRestored!", "Boot!"]
    assert "Duration" not in waiting(after)[1][2], "this boot has no time yet"
    assert after.journal.last_loss is None
    after.now_ms = 5_000
    after.clock.set_time(NOON + 60_000 + 30_000 + 5_000, 25)
    args = waiting(after)[1][2]
    assert args["Duration"] == "30000"
    assert args["DurationError"] == "65"
    assert args["UpTime"] == "0"
    assert args["Time"] == "2026-11-22T12:01:30.000Z"
    assert "Loss" not in args
    assert waiting(after)[2][2]["Reason"] == "power on reset"


def test_without_a_hold_up_time_the_truth_still_comes_after_the_boot():
    bench, _ = started()
    settle(bench)
    after, _ = rebooted(bench)
    assert names(after) == ["PowerRestored!", "Boot!"]
    after.clock.set_time(NOON, 10)
    assert "Duration" not in waiting(after)[0][2]


def test_an_outage_is_told_as_over_only_once():
    bench, monitor = started()
    settle(bench)
    monitor.power_failing()
    after, _ = rebooted(bench)
    again, _ = rebooted(after, RESET_COMMANDED)
    told = [name for name in names(again) if name == "PowerRestored!"]
    assert len(told) == 1
    assert names(again)[-1] == "Boot!"


def test_a_commanded_restart_is_no_power_event():
    bench, _ = started()
    settle(bench)
    after, _ = rebooted(bench, RESET_COMMANDED)
    assert names(after) == ["Boot!"]


def test_the_very_first_start_restores_nothing():
    bench, _ = started()
    assert names(bench) == ["Boot!"]


def test_ten_outages_in_a_row_are_ten_losses_and_ten_ends():
    bench, monitor = started()
    for _ in range(10):
        monitor.power_failing()
        bench, monitor = rebooted(bench)
    found = names(bench)
    assert found.count("PowerLoss!") == found.count("PowerRestored!") == 10
    assert found.count("Boot!") == 11
    sequences = [sequence for sequence, _, _ in waiting(bench)]
    assert sequences == list(range(1, 32))


def test_events_that_a_full_journal_drops_are_told_as_an_event():
    bench, _ = started(subscribe=False)
    while bench.endpoint.event(POWER, "Dip!", {"Magnitude": "1", "Duration": "1"}, 5, True):
        pass
    last = waiting(bench)[-1]
    assert last[1] == "X_IPKO-COM_EventsDropped!"
    assert last[2]["Count"] == "1"
    for sequence in (1, 2, 3):
        bench.journal.acknowledge(sequence)
    assert bench.endpoint.event(POWER, "Dip!", {"Magnitude": "1", "Duration": "1"}, 5, True)


def run_monitor(monitor, steps):
    """Run the monitor's tasks on a clock that follows real time, and `steps` beside them."""

    async def both():
        task = asyncio.create_task(monitor.run())
        try:
            await steps()
        finally:
            task.cancel()

    asyncio.run(both())


async def until(condition):
    for _ in range(4000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not happen")


def test_a_signal_the_board_survives_ends_in_the_same_boot():
    bench, monitor = started()
    settle(bench)
    bench.board.power_fail = Signal()
    begun = monotonic_ms()
    bench.clock.up_time_ms = lambda: 1000 + monotonic_ms() - begun

    async def steps():
        await asyncio.sleep(0.01)
        bench.board.power_fail.pull()
        await until(lambda: names(bench)[-1:] == ["PowerRestored!"])
        bench.board.power_fail.pull()
        await until(lambda: names(bench)[-2:] == ["PowerRestored!", "PowerLoss!"])

    run_monitor(monitor, steps)
    loss, restored = waiting(bench)[:2]
    assert [loss[1], restored[1]] == ["PowerLoss!", "PowerRestored!"]
    assert 1000 <= int(restored[2]["Duration"]) <= 2500
    assert len(monitor._session.sent) == 2
    assert monitor._session.woken


def test_a_signal_within_work_that_cannot_give_way_is_heard_there_and_once():
    from agent.core.p256 import verify
    from agent.core.p256_keys import public_key, sign

    bench, monitor = started()
    settle(bench)
    monitor.look(0)
    bench.board.power_fail = Signal()
    bench.board.power_failing = bench.board.power_fail.is_pulled
    key = bytes(31) + b"\x07"
    signature = sign(key, b"message")

    async def steps():
        await asyncio.sleep(0.01)
        bench.board.power_fail.pull()
        assert verify(public_key(key), b"message", signature)
        assert len(monitor._session.sent) == 1, "while nobody else could run"
        await asyncio.sleep(0.05)

    run_monitor(monitor, steps)
    assert len(monitor._session.sent) == 1
    assert names(bench) == ["PowerLoss!"]
    verify(public_key(key), b"message", signature)  # nobody looks any more


def test_a_rail_at_zero_is_not_one_that_nobody_measures():
    bench, monitor = started()
    settle(bench)
    bench.board.power_fail = Signal()
    begun = monotonic_ms()
    bench.clock.up_time_ms = lambda: 1000 + monotonic_ms() - begun

    async def steps():
        await asyncio.sleep(0.01)
        bench.board.supply = 0
        bench.board.power_fail.pull()
        await asyncio.sleep(1.3)
        assert "PowerRestored!" not in names(bench)
        bench.board.supply = 12_000
        await until(lambda: names(bench)[-1:] == ["PowerRestored!"])

    run_monitor(monitor, steps)
    assert int(waiting(bench)[-1][2]["Duration"]) >= 1300


def test_a_dip_of_the_sampled_supply_is_journalled():
    bench, monitor = started()
    settle(bench)
    begun = monotonic_ms()
    bench.clock.up_time_ms = lambda: 1000 + monotonic_ms() - begun

    async def steps():
        await asyncio.sleep(0.03)
        bench.board.supply = 8_000
        await asyncio.sleep(0.1)
        bench.board.supply = 12_000
        await until(lambda: names(bench))

    run_monitor(monitor, steps)
    _, name, args = waiting(bench)[0]
    assert name == "Dip!"
    assert args["Magnitude"] == "8000"
    assert 60 <= int(args["Duration"]) <= 1000
    assert args["Grade"] == "measured"


def test_a_supply_that_vanishes_is_a_power_loss_also_without_the_pin():
    bench, monitor = started()
    settle(bench)

    async def steps():
        bench.board.supply = 100
        await until(lambda: names(bench) == ["PowerLoss!"])

    run_monitor(monitor, steps)
    assert len(monitor._session.sent) == 1


def feed(nominal_mv, samples):
    """What a row of samples, 10 ms apart, gives."""
    supply = SupplyEvents(nominal_mv)
    events = []
    for index, sample in enumerate(samples):
        events += supply.feed(sample, 10 * index)
    return events


def test_a_dip_has_its_residual_voltage_and_its_length():
    samples = [12000, 11000, 9000, 7000, 9000, 10900, 11000, 11040, 12000]
    assert feed(12000, samples) == [("Dip!", 7000, 20, 50)]


def test_a_swell_has_its_maximum_and_its_length():
    samples = [12000, 13100, 13300, 14000, 13100, 12960, 12000]
    assert feed(12000, samples) == [("Swell!", 14000, 20, 30)]


def test_the_thresholds_are_those_of_the_standard_with_hysteresis():
    assert feed(230_000, [207_000, 253_000]) == [], "90 % and 110 % are still normal"
    assert feed(230_000, [206_999, 211_599, 211_600]) == [("Dip!", 206_999, 0, 20)]
    assert feed(230_000, [253_001, 248_401, 248_400]) == [("Swell!", 253_001, 0, 20)]


def test_an_interruption_is_told_at_once_and_is_no_dip():
    samples = [12000, 8000, 599, 0, 0, 8000, 11100, 12000, 8000, 12000]
    assert feed(12000, samples) == [("interruption", 599, 10, 10), ("Dip!", 8000, 80, 10)]
    assert feed(12000, [600, 12000]) == [("Dip!", 600, 0, 10)], "5 % is a dip"


def test_a_dip_can_follow_a_swell_directly():
    assert feed(12000, [14000, 6000, 12000]) == [("Swell!", 14000, 0, 10), ("Dip!", 6000, 10, 10)]


def test_a_swell_that_ends_in_an_interruption_tells_both():
    events = [("Swell!", 14000, 0, 10), ("interruption", 0, 10, 0)]
    assert feed(12000, [14000, 0, 12000]) == events
