"""What the service manager of a Linux machine is told, and what the kernel says about mains.

The manager (systemd, by the sd_notify protocol) hears `READY=1` once the agent runs, and then a
sign of life often enough for its watchdog; without a manager nobody is told. A UPS daemon or an
init that knows of failing power sends SIGPWR; a power supply the kernel drives sends a uevent.
"""

import asyncio
import os
import socket

_KOBJECT_UEVENT = 15
_UEVENT_BYTES = 8192


def tell_manager(text):
    """Send one message; quiet without a manager. Source: sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.sendto(text.encode(), "\0" + address[1:] if address[0] == "@" else address)


async def keep_manager_informed():
    """Say that the agent runs, and feed the manager's watchdog at half its period, for ever."""
    tell_manager("READY=1")
    period_us = int(os.environ.get("WATCHDOG_USEC", 0))
    while period_us:
        await asyncio.sleep(period_us / 2_000_000)
        tell_manager("WATCHDOG=1")


def watch_uevents(on_mains_lost):
    """Have `on_mains_lost()` called when the kernel says so, until the returned socket is given to
    `end_watch`; None where the kernel may not be heard."""
    try:
        sock = socket.socket(
            socket.AF_NETLINK, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, _KOBJECT_UEVENT
        )
        sock.bind((0, 1))
    except OSError:
        return None

    def take():
        try:
            message = sock.recv(_UEVENT_BYTES)
        except OSError:
            return
        if is_mains_lost(message):
            on_mains_lost()

    asyncio.get_running_loop().add_reader(sock, take)
    return sock


def end_watch(sock):
    """Hear the kernel no more; `sock` may be None."""
    if sock is not None:
        asyncio.get_running_loop().remove_reader(sock)
        sock.close()


def is_mains_lost(message):
    """Whether a uevent says that a mains supply went off line.

    Source: Linux, Documentation/power/power_supply_class.
    """
    fields = message.split(b"\0")
    return b"POWER_SUPPLY_TYPE=Mains" in fields and b"POWER_SUPPLY_ONLINE=0" in fields
