"""Every name that differs between CPython and MicroPython; no other module asks which one runs it.

Rules for the rest of the agent: import `const` from here and call it by its bare name; measure
time with `monotonic_ms()`; catch `TimeoutError` from here, never the built-in one.
"""

import sys
from asyncio import TimeoutError as TimeoutError
from binascii import crc32 as crc32
from binascii import hexlify, unhexlify
from hashlib import sha256 as sha256
from os import urandom as urandom

MICROPYTHON = sys.implementation.name == "micropython"

if MICROPYTHON:
    import gc
    from asyncio import sleep_ms as sleep_ms
    from asyncio import wait_for as _wait_for
    from time import ticks_diff as ticks_diff
    from time import ticks_ms as ticks_ms

    from micropython import const as const

    async def wait_for_event(event, limit_ms):
        """True when the event came within the limit."""
        try:
            await _wait_for(event.wait(), limit_ms / 1000)
        except TimeoutError:
            return False
        return True

    def aes_blocks(key, blocks):
        """AES of each 16 bytes by itself. Raises ImportError where the machine has none."""
        from cryptolib import aes

        return aes(key, 1).encrypt(blocks)

    def memory_bytes():
        """Return (total, free) bytes of the heap."""
        free = gc.mem_free()
        return free + gc.mem_alloc(), free

    def trace_of(error):
        """The text of an exception with the way it came."""
        import io

        out = io.StringIO()
        sys.print_exception(error, out)
        return out.getvalue()

else:
    import os
    import time
    from asyncio import sleep as _sleep
    from asyncio import timeout as _timeout

    def const(value):
        return value

    def ticks_ms():
        return time.monotonic_ns() // 1_000_000

    def ticks_diff(later, earlier):
        return later - earlier

    async def sleep_ms(duration_ms):
        await _sleep(duration_ms / 1000)

    async def wait_for_event(event, limit_ms):
        try:
            async with _timeout(limit_ms / 1000):  # a quarter less work than wait_for
                await event.wait()
        except TimeoutError:
            return False
        return True

    def aes_blocks(key, blocks):
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        # The counter is in agent/wire/sealed.py: it is what makes each block another one.
        encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305
        return encryptor.update(blocks) + encryptor.finalize()

    def memory_bytes():
        """Return (total, free) bytes of the machine's memory."""
        page = os.sysconf("SC_PAGE_SIZE")
        return page * os.sysconf("SC_PHYS_PAGES"), page * os.sysconf("SC_AVPHYS_PAGES")

    def trace_of(error):
        import traceback

        return "".join(traceback.format_exception(error))


_since = [ticks_ms(), 0]


def monotonic_ms():
    """Milliseconds since this module was loaded at boot; never wraps, never steps back.

    The ticks of a 32-bit board wrap after 12 days: call at least once in 6.
    """
    now = ticks_ms()
    _since[1] += ticks_diff(now, _since[0])
    _since[0] = now
    return _since[1]


def to_hex(data):
    """Lower-case hex digits of `data` as text."""
    return hexlify(data).decode()


def from_hex(text):
    """Raises ValueError when `text` is not an even number of hex digits."""
    return unhexlify(text)
