"""The TLS stream of a simulated unit: the calls and errors of `agent/ports/link.py`, made light.

All units share one TLS context, into which the certificate of the one that dials is put before its
connection is made of it (OpenSSL copies it), and one buffer for what arrives. `freeze` is what a
unit without power does to its connection: nothing more is read or sent, and nobody closes it.
"""

import asyncio
import os
import socket
import ssl
from base64 import encodebytes

_RESET = 104
_INVALID = 22
_SCRATCH = memoryview(bytearray(64 * 1024))


class Link(asyncio.BufferedProtocol):
    """One connection."""

    def __init__(self, tls: "Identities", certificate: bytes, key: bytes, host: str) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = tls.client(self._incoming, self._outgoing, certificate, key, host)
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._gone = False
        self._frozen = False

    # --- what the agent calls

    async def fill(self, view: memoryview) -> None:
        """Read until the memoryview is full."""
        at = 0
        while at < len(view):
            try:
                size: int = self._tls.read(len(view) - at, view[at:])  # type: ignore[assignment]
            except ssl.SSLWantReadError:
                await self._more()
                continue
            if not size:
                raise OSError(_RESET, "closed by the server")
            at += size

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write all of `data`; other tasks run meanwhile."""
        self.write_now(data)
        while self._room is not None and not self._gone:
            await self._room
        if self._gone:
            raise OSError(_RESET, "closed by the server")

    def write_now(self, data: bytes | bytearray | memoryview) -> bool:
        """Hand `data` to the TLS layer at once; False when an earlier write is still stuck."""
        transport = self._transport
        if transport is None or self._gone or transport.get_write_buffer_size():
            return False
        self._tls.write(bytes(data))
        self._flush()
        return not transport.get_write_buffer_size()

    def close(self) -> None:
        """Close at once, whatever is under way; a frozen link stays as it is."""
        if self._transport is not None and not self._frozen:
            self._transport.abort()
        self._end()

    # --- what the bench does

    async def shake_hands(self) -> None:
        """Raises OSError when the other side does not trust us, or cannot be trusted."""
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                await self._more()
            else:
                self._flush()
                return

    def freeze(self) -> None:
        """The power of this end is gone."""
        if self._transport is not None and not self._gone:
            self._frozen = True
            self._transport.pause_reading()

    def bury(self) -> None:
        """The machine that held this end started anew: it knows nothing of the connection."""
        if self._transport is not None:
            self._transport.abort()

    # --- what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        return _SCRATCH

    def buffer_updated(self, nbytes: int) -> None:
        self._incoming.write(_SCRATCH[:nbytes])
        _set(self._waiter)

    def eof_received(self) -> None:
        self._end()

    def connection_lost(self, error: Exception | None) -> None:
        self._end()

    def pause_writing(self) -> None:
        self._room = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        _set(self._room)
        self._room = None

    async def _more(self) -> None:
        if self._gone:
            raise OSError(_RESET, "closed by the server")
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data and self._transport is not None and not self._frozen:
            self._transport.write(data)

    def _end(self) -> None:
        self._gone = True
        _set(self._waiter)
        _set(self._room)


class Identities:
    """Makes the TLS side of each connection, with the certificate of the unit that dials."""

    def __init__(self, ca: bytes) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.check_hostname = True
        self._context.load_verify_locations(cadata=ca)

    def client(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        certificate: bytes,
        key: bytes,
        host: str,
    ) -> ssl.SSLObject:
        """Raises OSError when certificate and key do not fit."""
        text = _pem("CERTIFICATE", certificate) + _pem("EC PRIVATE KEY", key)
        with open(os.memfd_create("identity"), "wb", buffering=0) as file:
            file.write(text)
            self._context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
        return self._context.wrap_bio(incoming, outgoing, server_hostname=host)


async def open_link(
    identities: Identities, certificate: bytes, key: bytes, host: str, port: int
) -> Link:
    """A Link to a broker on this machine, with its handshake done. Raises OSError."""
    link = Link(identities, certificate, key, host)
    loop = asyncio.get_running_loop()
    sock = socket.socket()
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        await loop.sock_connect(sock, ("127.0.0.1", port))
        await loop.create_connection(lambda: link, sock=sock)
    except BaseException:
        sock.close()
        raise
    try:
        await link.shake_hands()
    except BaseException:
        link.close()
        raise
    return link


def _pem(label: str, der: bytes) -> bytes:
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (
        label.encode(),
        encodebytes(der),
        label.encode(),
    )


def _set(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)
