"""Health under Device.DeviceInfo.: memory, processor, temperatures, power rails.

Memory is the heap on a board, the machine's on Linux; persistent memory is what holds the agent's
files. What the hardware does not measure has no row.
"""

import os

from agent.compat import memory_bytes
from agent.core.parts import part


def rows(device, path):
    """The rows of one of these objects."""
    if ".Memory" in path:
        row = [()]
        row.extend([str(size // 1024) for size in device.facts("memory", _memory)])
        storage = device.facts("storage", lambda _: _persistent(device.board.root))
        row.extend([str(size // 1024) for size in storage])
        yield row
    elif ".Process" in path:
        processor = device.facts("cpu")
        if processor:
            yield [(), str(processor["usage_percent"])]
    elif ".Temperature" in path:
        yield from _temperatures(device)
    else:
        yield from _rails(device)


def _temperatures(device):
    found = device.facts("temperatures")
    number = 0
    for name, celsius in found["sensors"] if found else ():
        number += 1
        row = [(number,), "cpe-%d" % number, None, None, name, str(celsius), device.now()]
        monitor = device.temperatures
        if monitor:
            row.extend(part("temperature_watch").texts(device, monitor, name))
        else:
            row.extend([None] * 10)
        yield row


def _rails(device):
    found = device.facts("rails")
    number = 0
    for name, millivolts, milliamperes in found["rails"] if found else ():
        number += 1
        row = [(number,), "cpe-%d" % number, None, None, name, device.now(), str(millivolts)]
        if milliamperes < 0:
            row.extend((None, None))
        else:
            row.extend((str(milliamperes), str(millivolts * milliamperes // 1000)))
        yield row


def _memory(_):
    return memory_bytes()


def _persistent(root):
    """(total, free) bytes of the file system that holds `root`."""
    found = os.statvfs(root)
    return found[1] * found[2], found[1] * found[4]
