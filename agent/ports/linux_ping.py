"""Echo requests of ICMP and ICMPv6 without privileges: datagram sockets of the kernel's own.

The kernel fills in identifier and checksum, and gives back only our answers. Whoever may open them
stands in net.ipv4.ping_group_range. Source: Linux, icmp(7).
"""

import asyncio
import errno
import socket
import struct
import time

_ECHO = "!BBHHH"
_ECHO_BYTES = 8
_REQUEST = {socket.AF_INET: 8, socket.AF_INET6: 128}
_ANSWER = {socket.AF_INET: 0, socket.AF_INET6: 129}
_PROTOCOL = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}


def ping(host, count, wait_ms, size):
    """Yield None until (Status, address, times in µs, -1 for none); a task does the work."""
    task = asyncio.get_running_loop().create_task(_ping(host, count, wait_ms, size))
    return _advance(task)


def _advance(task):
    try:
        while not task.done():
            yield None
        yield task.result()
    finally:
        task.cancel()


async def _ping(host, count, wait_ms, size):
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError:
        return "Error_CannotResolveHostName", "", []
    family, _, _, _, address = found[0]
    times_us = []
    try:
        with socket.socket(family, socket.SOCK_DGRAM, _PROTOCOL[family]) as sock:
            sock.setblocking(False)
            for sequence in range(1, count + 1):
                times_us.append(await _one(sock, family, address, sequence, wait_ms, size))
    except OSError as error:
        unreachable = error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH)
        status = "Error_NoRouteToHost" if unreachable else "Error_Internal"
        return status, address[0], times_us
    return "Complete", address[0], times_us


async def _one(sock, family, address, sequence, wait_ms, size):
    """Microseconds until the answer to one request, -1 without."""
    loop = asyncio.get_running_loop()
    began = time.monotonic_ns()
    sock.sendto(struct.pack(_ECHO, _REQUEST[family], 0, 0, 0, sequence) + bytes(size), address)
    try:
        async with asyncio.timeout(wait_ms / 1000):
            while True:
                data = await loop.sock_recv(sock, 2048)
                if len(data) >= _ECHO_BYTES:
                    kind, _, _, _, number = struct.unpack_from(_ECHO, data)
                    if (kind, number) == (_ANSWER[family], sequence):
                        return (time.monotonic_ns() - began) // 1000
    except TimeoutError:
        return -1
