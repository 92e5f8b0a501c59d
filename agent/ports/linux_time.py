"""Whether the kernel's clock is kept right (by systemd-timesyncd, chrony or ntpd), and how well.

The kernel is asked by adjtimex(2), which Python does not have: a process of a moment does, so that
no library for it stays in memory. Nobody sets the machine's clock but who keeps it right.
"""

import os
import sys
import time

from agent.compat import sleep_ms

_ASK = """
import ctypes, struct
timex = ctypes.create_string_buffer(256)
state = ctypes.CDLL(None).adjtimex(timex)
print(state, struct.unpack_from("@Illl", timex)[3])
"""  # struct timex: modes, offset, freq, maxerror (microseconds)
_UNSYNCHRONIZED = 5  # TIME_ERROR
_LOOK_MS = 10


async def machine_time():
    """(Unix ms now, half width of its error in ms), or None while the kernel knows of no source."""
    told = await _told([sys.executable, "-I", "-S", "-c", _ASK])
    if len(told) != 2 or int(told[0]) in (-1, _UNSYNCHRONIZED):
        return None
    return time.time_ns() // 1_000_000, int(told[1]) // 1000 + 1


async def _told(command):
    """The words another program says, none when it fails."""
    inlet, outlet = os.pipe()
    try:
        actions = [(os.POSIX_SPAWN_DUP2, outlet, 1)]
        child = os.posix_spawn(command[0], command, os.environ, file_actions=actions)
    except OSError:
        os.close(inlet)
        return []
    finally:
        os.close(outlet)
    with open(inlet, encoding="ascii") as file:
        ended = 0
        while not ended:
            ended, status = os.waitpid(child, os.WNOHANG)
            await sleep_ms(0 if ended else _LOOK_MS)
        return file.read().split() if status == 0 else []
