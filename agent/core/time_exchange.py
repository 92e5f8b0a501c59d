"""One round of asking for the time, loaded for it: which server, when again, what to make of it.

A server is asked at most every 16 s, after an answer every 2^MinPoll s, slower each time down to
2^MaxPoll. A server that says DENY or RSTR is not asked again until the settings change or the agent
starts anew; after RATE the wait doubles. Source: RFC 4330, 10 (rules for good clients).
"""

from agent.compat import const, monotonic_ms, sleep_ms
from agent.core.clock import MACHINE, SNTP
from agent.core.sntp import COOKIE_BYTES, KissOfDeath, judged, request
from agent.errors import PeerError

CLIENT = "Device.Time.Client.1."
DISABLED = "Disabled"

_ANSWER_MS = const(2000)
_LOOK_MS = const(5)
_UNREACHED_MS = const(4000)  # nothing was sent: the network is not there yet
_ASLEEP_MS = const(3600000)  # until somebody changes the settings
_MACHINE_MS = const(1024000)
_FIRST_RETRY = const(4)  # 2^4 s: no client may ask sooner
_FAILED = "Error_FailedToSynchronize"


def settings(device) -> tuple:
    """(servers, port, MinPoll, MaxPoll); no servers where the client is off."""
    text = device.text
    servers = []
    if text("Device.Time.Enable") == text(CLIENT + "Enable") == "true":
        names = (text(CLIENT + "Servers") or device.board.time_servers).split(",")
        servers = [name.strip() for name in names if name.strip()]
    polls = int(text(CLIENT + "MinPoll")), int(text(CLIENT + "MaxPoll"))
    return servers, int(text(CLIENT + "Port")), polls[0], max(polls)


async def ask(device, monitor, answer_ms: int = _ANSWER_MS) -> int:
    """Ask one server once; return the milliseconds until the next question."""
    told = await device.board.machine_time()
    if told:
        monitor.status = DISABLED  # the machine has a client of its own
        device.clock.set_time(told[0], told[1], None, MACHINE)
        return _MACHINE_MS
    servers, port, low, high = settings(device)
    servers = [name for name in servers if name not in monitor.refused]
    if not servers:
        monitor.status = _FAILED if monitor.refused else DISABLED
        return _ASLEEP_MS
    server = servers[monitor.turn % len(servers)]
    try:
        unix_ms, error_ms, at_ms = await _exchange(device, server, port, answer_ms)
    except OSError:
        monitor.turn += 1
        monitor.status = _FAILED
        return _UNREACHED_MS
    except KissOfDeath as error:
        if error.args[0] in ("DENY", "RSTR"):
            monitor.refused.append(server)
        return _again(device, monitor, high)
    except PeerError:
        return _again(device, monitor, high)
    if not _take(device.clock, unix_ms, error_ms, at_ms):
        return _again(device, monitor, high)
    monitor.status = "Synchronized"
    monitor.exponent = min(max(monitor.exponent + 1, low), high)
    return _spread(device, monitor.exponent)


def _take(clock, unix_ms, error_ms, at_ms):
    """Whether the answer can be true beside what is known; being no better is no fault."""
    if clock.set_time(unix_ms, error_ms, at_ms, SNTP):
        return True
    now_ms = clock.unix_ms()
    if now_ms is None:
        return False
    apart_ms = abs(now_ms - clock.up_time_ms() - unix_ms + at_ms)
    return apart_ms <= clock.error_ms() + error_ms


def _again(device, monitor, high):
    """The next server, later than this one."""
    monitor.turn += 1
    monitor.status = _FAILED
    monitor.exponent = min(max(monitor.exponent + 1, _FIRST_RETRY), high)
    return _spread(device, monitor.exponent)


def _spread(device, exponent):
    """2^exponent seconds and up to an eighth more, so that a fleet does not ask in step."""
    wait_ms = 1000 << exponent
    return wait_ms + (wait_ms >> 11) * device.board.random(1)[0]


async def _exchange(device, server, port, answer_ms):
    """(Unix ms, error ms, up time of both). Raises OSError where nothing can be sent, PeerError."""
    clock = device.clock
    line = await device.board.datagrams(server, port)
    try:
        cookie = device.board.random(COOKIE_BYTES)
        began_ms = clock.up_time_ms()
        limit_ms = monotonic_ms() + answer_ms
        line.send(request(cookie))
        refusal = PeerError("no answer")
        while monotonic_ms() < limit_ms:
            answer = line.receive()
            if answer is None:
                await sleep_ms(_LOOK_MS)
                continue
            now_ms = clock.up_time_ms()
            try:
                unix_ms, error_ms = judged(answer, cookie, now_ms - began_ms, clock.floor_ms)
                return unix_ms, error_ms, now_ms
            except KissOfDeath:
                raise
            except PeerError as error:
                refusal = error  # it may be another's: the right one may still come
        raise refusal
    finally:
        line.close()
