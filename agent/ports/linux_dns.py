"""Answers the names a restricted customer asks for, and opens the addresses of those answers.

Every question from the customer's side comes here (linux_filter.py sees to that), over UDP or TCP.
A name that is not on the list is refused. The others go to the operator's resolver, each from a
socket of its own that hears this resolver alone; what does not answer the very question is dropped,
what comes late finds the socket closed. The addresses are open before the customer reads them.
DNSSEC is not checked here: the resolver is the operator's.
"""

import asyncio
import os
import socket
import struct

from agent.ports.linux_dns_messages import (
    MAX_BYTES,
    REFUSED,
    SERVER_FAILURE,
    addresses_in,
    error_answer,
    question_of,
)
from agent.wire.allow_list import covers

PORT = 10053
_DNS_PORT = 53
_WAIT_S = 2.0
_IDLE_S = 10.0
_MAX_BUSY = 64  # questions under way, and connections; more are refused
_MAX_FORGED = 16  # after so many wrong answers none of this socket is believed
_SO_BINDTODEVICE = 25


class Follower:
    """`resolvers()` gives the addresses to ask, in order; `learn(name, addresses)` is awaited
    before an answer leaves and raises OSError when they could not be opened; `hosts` is the
    list."""

    def __init__(self, resolvers, learn):
        self.hosts = []
        self._resolvers = resolvers
        self._learn = learn
        self._sockets = []
        self._tasks = set()

    @property
    def is_listening(self):
        return bool(self._sockets)

    def listen(self, interfaces):
        """Hear the customer's interfaces, of the running event loop. Raises OSError."""
        try:
            for interface in interfaces:
                for family in (socket.AF_INET, socket.AF_INET6):
                    self._open(interface, family)
        except OSError:
            self.close()
            raise

    def close(self):
        """Hear nobody; what is under way gets no answer."""
        loop = asyncio.get_running_loop()
        for sock in self._sockets:
            loop.remove_reader(sock)
            sock.close()
        self._sockets = []
        for task in self._tasks:
            task.cancel()

    def _open(self, interface, family):
        loop = asyncio.get_running_loop()
        for kind, take in (
            (socket.SOCK_DGRAM, self._take_datagram),
            (socket.SOCK_STREAM, self._take_connection),
        ):
            sock = socket.socket(family, kind)
            self._sockets.append(sock)
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, interface.encode())
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind(("", PORT))
            if kind == socket.SOCK_STREAM:
                sock.listen()
            loop.add_reader(sock, take, sock)

    def _take_datagram(self, sock):
        try:
            query, sender = sock.recvfrom(MAX_BYTES)
        except OSError:
            return
        question = question_of(query)
        if question and not covers(self.hosts, question.name):
            _send(sock, error_answer(query, question, REFUSED), sender)
        elif question and len(self._tasks) < _MAX_BUSY:
            self._start(self._serve_datagram(sock, query, question, sender))

    def _take_connection(self, sock):
        try:
            connection, _ = sock.accept()
        except OSError:
            return
        connection.setblocking(False)
        if len(self._tasks) < _MAX_BUSY:
            self._start(self._serve_connection(connection))
        else:
            connection.close()

    def _start(self, work):
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve_datagram(self, sock, query, question, sender):
        _send(sock, await self._answer(query, question, _ask_by_datagram), sender)

    async def _serve_connection(self, connection):
        """Answer one question after the other until the customer is done or silent."""
        try:
            while True:
                query = await asyncio.wait_for(_read_message(connection), _IDLE_S)
                question = question_of(query)
                if not question:
                    return
                answer = error_answer(query, question, REFUSED)
                if covers(self.hosts, question.name):
                    answer = await self._answer(query, question, _ask_by_connection)
                await asyncio.wait_for(_write_message(connection, answer), _IDLE_S)
        except (OSError, asyncio.TimeoutError):
            return
        finally:
            connection.close()

    async def _answer(self, query, question, ask):
        """The resolver's answer, its addresses open; a failure when there is none."""
        number = struct.unpack(">H", os.urandom(2))[0]
        asked = struct.pack(">H", number) + query[2:]
        for resolver in self._resolvers():
            try:
                answer, found = await asyncio.wait_for(
                    ask(resolver, asked, question, number), _WAIT_S
                )
                if found and covers(self.hosts, question.name):
                    await self._learn(question.name, found)
            except (OSError, asyncio.TimeoutError):
                continue
            return query[:2] + answer[2:]
        return error_answer(query, question, SERVER_FAILURE)


async def _ask_by_datagram(resolver, query, question, number):
    loop = asyncio.get_running_loop()
    with socket.socket(_family(resolver), socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect((resolver, _DNS_PORT))  # hears nobody else from now on
        await loop.sock_sendall(sock, query)
        for _ in range(_MAX_FORGED):
            answer = await loop.sock_recv(sock, MAX_BYTES)
            found = addresses_in(answer, question, number)
            if found is not None:
                return answer, found
    raise OSError("no answer to the question")


async def _ask_by_connection(resolver, query, question, number):
    loop = asyncio.get_running_loop()
    with socket.socket(_family(resolver), socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        await loop.sock_connect(sock, (resolver, _DNS_PORT))
        await _write_message(sock, query)
        answer = await _read_message(sock)
    found = addresses_in(answer, question, number)
    if found is None:
        raise OSError("no answer to the question")
    return answer, found


async def _read_message(sock):
    size = struct.unpack(">H", await _read(sock, 2))[0]
    return await _read(sock, size)


async def _write_message(sock, message):
    data = struct.pack(">H", len(message)) + message
    await asyncio.get_running_loop().sock_sendall(sock, data)


async def _read(sock, size):
    loop = asyncio.get_running_loop()
    data = b""
    while len(data) < size:
        more = await loop.sock_recv(sock, size - len(data))
        if not more:
            raise OSError("closed")
        data += more
    return data


def _send(sock, answer, receiver):
    try:
        sock.sendto(answer, receiver)
    except OSError:
        return  # the customer asks again


def _family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET
