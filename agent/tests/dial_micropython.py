"""Connecting a socket on the MicroPython unix VM, as a board's `dial` does."""

import asyncio
import errno
import socket


async def dial(host, port):
    address = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)[0][-1]
    sock = socket.socket()
    sock.setsockopt(6, 1, 1)
    sock.setblocking(False)
    try:
        sock.connect(address)
    except OSError as error:
        if error.errno != errno.EINPROGRESS:
            sock.close()
            raise
    stream = asyncio.StreamWriter(sock)
    await stream.drain()
    return sock
