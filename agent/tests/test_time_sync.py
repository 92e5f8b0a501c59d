"""When time servers are asked, and what becomes of their answers; the servers are the test's."""

import asyncio

from agent.core import time_exchange
from agent.core.time_sync import Monitor
from agent.tests.fakes import FakeTimeServer
from agent.tests.time_answers import NOON, answer
from agent.tests.usp_bench import Bench

CLIENT = "Device.Time.Client.1."


class TimeBench(Bench):
    """An agent whose time client asks when it is told to."""

    def __init__(self, servers="a.example", **more):
        Bench.__init__(self, **more)
        self.board.time_servers = servers
        self.monitor = Monitor(self.model, self.endpoint)

    def server(self, name, answers):
        self.board.time_lines[name] = FakeTimeServer(answers)
        return self.board.time_lines[name]

    def ask_time(self):
        """Ask once; return the seconds until the next question."""
        return asyncio.run(time_exchange.ask(self.model, self.monitor, 10)) / 1000


def honest(bench, offset_ms=0, **changes):
    """A server that is right, or wrong by an offset."""

    def answers(question):
        now_ms = NOON + bench.now_ms + offset_ms
        return [answer(question[40:48], now_ms, **changes)]

    return answers


def silent(question):
    return []


def test_an_answer_dates_the_device_and_says_where_the_time_came_from():
    bench = TimeBench()
    server = bench.server("a.example", honest(bench))
    assert bench.value("Device.Time.Status") == "Unsynchronized"
    assert 64 <= bench.ask_time() <= 72
    assert bench.clock.unix_ms() == NOON + bench.now_ms
    found = bench.get("Device.Time.")["Device.Time."]
    time = found["Device.Time."]
    assert (time["Status"], time["X_IPKO-COM_Source"]) == ("Synchronized", "SNTP")
    assert (time["X_IPKO-COM_Trusted"], time["X_IPKO-COM_Error"]) == ("false", "2")
    assert found[CLIENT]["Status"] == "Synchronized"
    assert (server.asked, server.open) == (1, 0)


def test_the_wait_grows_to_the_greatest_while_all_is_well():
    bench = TimeBench()
    bench.server("a.example", honest(bench))
    bench.set(CLIENT, {"MinPoll": "5", "MaxPoll": "7"})
    assert [1 << n for n in (5, 6, 7, 7)] == [_floor(bench.ask_time()) for _ in range(4)]


def test_a_server_that_does_not_answer_is_asked_ever_later_but_never_before_16_s():
    bench = TimeBench()
    bench.server("a.example", silent)
    waits = [_floor(bench.ask_time()) for _ in range(8)]
    assert waits == [16, 32, 64, 128, 256, 512, 1024, 1024]
    assert bench.value(CLIENT + "Status") == "Error_FailedToSynchronize"
    assert not bench.clock.synchronized


def test_without_a_network_nothing_is_sent_and_it_tries_again_soon():
    bench = TimeBench("nowhere.example")
    assert bench.ask_time() == 4


def test_of_several_servers_the_next_is_asked_when_one_fails():
    bench = TimeBench("a.example, b.example")
    bench.server("a.example", honest(bench, leap=3))
    bench.server("b.example", honest(bench))
    bench.ask_time()
    assert not bench.clock.synchronized
    bench.ask_time()
    assert bench.clock.synchronized


def test_a_server_that_wants_no_questions_gets_none_until_the_settings_change():
    for code in (b"DENY", b"RSTR"):
        bench = TimeBench()
        server = bench.server("a.example", honest(bench, stratum=0, reference=code))
        bench.ask_time()
        assert bench.ask_time() == 3600
        assert (server.asked, bench.monitor.status) == (1, "Error_FailedToSynchronize")
        bench.set(CLIENT, {"MaxPoll": "9"})
        bench.monitor.look(bench.now_ms)
        bench.ask_time()
        assert server.asked == 2


def test_a_server_that_wants_fewer_questions_gets_fewer():
    bench = TimeBench()
    bench.server("a.example", honest(bench))
    first = _floor(bench.ask_time())
    bench.server("a.example", honest(bench, stratum=0, reference=b"RATE"))
    assert _floor(bench.ask_time()) == 2 * first


def test_forged_answers_are_passed_over_and_the_right_one_behind_them_is_taken():
    bench = TimeBench()
    right = honest(bench)

    def answers(question):
        forged = [answer(bytes(8), NOON + 10**9), b"", b"\x24" * 48, answer(bytes(8), stratum=0)]
        return forged + right(question)

    bench.server("a.example", answers)
    bench.ask_time()
    assert bench.clock.unix_ms() == NOON + bench.now_ms


def test_a_lying_server_neither_moves_the_controllers_time_nor_what_has_expired():
    bench = TimeBench("liar.example,a.example")
    bench.clock.set_time(NOON + bench.now_ms, 40)
    bench.server("a.example", honest(bench))
    for lie_ms in (86_400_000, -86_400_000, 60_000, -60_000):
        bench.monitor.begin()
        bench.server("liar.example", honest(bench, lie_ms))
        assert _floor(bench.ask_time()) == 16
        assert bench.monitor.status == "Error_FailedToSynchronize"
        assert bench.clock.trusted_unix_ms() == bench.clock.unix_ms() == NOON + bench.now_ms
    bench.ask_time()
    assert bench.monitor.status == "Synchronized", "the next server was asked"


def test_a_lie_told_first_is_put_right_by_the_controller_and_what_it_dated_too():
    bench = TimeBench()
    bench.server("a.example", honest(bench, 86_400_000))
    bench.ask_time()
    bench.poll(250)
    boot = "Device.DeviceInfo.Reboots.Reboot.1.TimeStamp"
    assert bench.value(boot).startswith("2026-11-23")
    bench.clock.set_time(NOON + bench.now_ms, 40)
    bench.poll(250)
    assert bench.value(boot).startswith("2026-11-22")


def test_a_time_before_the_floor_is_refused():
    bench = TimeBench()
    bench.server("a.example", honest(bench, -800 * 86_400_000))
    bench.ask_time()
    assert not bench.clock.synchronized


def test_the_client_is_off_without_servers_and_when_it_is_told():
    bench = TimeBench("")
    assert (bench.ask_time(), bench.monitor.status) == (3600, "Disabled")
    for path in ("Device.Time.", CLIENT):
        bench = TimeBench()
        server = bench.server("a.example", honest(bench))
        bench.set(path, {"Enable": "false"})
        assert bench.ask_time() == 3600
        assert server.asked == 0
        assert bench.value(CLIENT + "Status") == "Disabled"
        off = path == "Device.Time."
        assert bench.value("Device.Time.Status") == ("Disabled" if off else "Unsynchronized")


def test_a_machine_that_keeps_its_own_clock_right_is_asked_instead():
    bench = TimeBench()
    server = bench.server("a.example", honest(bench))
    bench.board.machine_clock = (NOON, 30)
    assert bench.ask_time() == 1024
    assert (server.asked, bench.clock.source, bench.clock.trusted) == (0, "Machine", False)
    assert bench.value(CLIENT + "Status") == "Disabled"


def test_servers_that_a_controller_names_are_kept_and_come_before_the_factorys():
    bench = TimeBench("a.example")
    bench.set(CLIENT, {"Servers": "b.example"})
    after = bench.restart()
    assert after.value(CLIENT + "Servers") == "b.example"
    assert time_exchange.settings(after.model)[0] == ["b.example"]


def test_a_change_of_the_settings_wakes_the_client():
    bench = TimeBench("")

    async def scenario():
        task = asyncio.create_task(bench.monitor.run())
        await asyncio.sleep(0.02)
        server = bench.server("b.example", honest(bench))
        bench.set(CLIENT, {"Servers": "b.example"})
        bench.monitor.look(bench.now_ms)
        await asyncio.sleep(0.05)
        task.cancel()
        return server.asked

    assert asyncio.run(scenario()) == 1
    assert bench.clock.synchronized


def _floor(wait_s):
    """The power of two in a wait, which is longer by up to an eighth."""
    exponent = 0
    while 2 << exponent <= wait_s:
        exponent += 1
    assert wait_s <= (1 << exponent) * 9 / 8
    return 1 << exponent
