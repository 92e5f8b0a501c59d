"""The TLS stream to the broker on CPython: the same calls and errors as `agent/ports/link.py`."""

import asyncio
import binascii
import os
import ssl

_CONNECTION_RESET = 104
_INVALID = 22


class Link:
    """A stream of bytes in both directions."""

    def __init__(self, reader, writer):
        self._reader = reader
        self._writer = writer

    async def fill(self, view):
        """Read until the memoryview is full."""
        try:
            view[:] = await self._reader.readexactly(len(view))
        except asyncio.IncompleteReadError as error:
            raise OSError(_CONNECTION_RESET, "closed by the server") from error

    async def write(self, data):
        """Write all of `data`; other tasks run meanwhile."""
        self._writer.write(bytes(data))
        await self._writer.drain()

    def write_now(self, data):
        """Hand `data` to the TLS layer at once; False when an earlier write is still stuck."""
        transport = self._writer.transport
        if transport.is_closing() or transport.get_write_buffer_size():
            return False
        self._writer.write(bytes(data))
        return not transport.get_write_buffer_size()

    def close(self):
        """Close at once, whatever is under way."""
        self._writer.transport.abort()


async def open_link(dial, settings):
    """Return a Link to settings.host with its handshake done.

    `dial` is Board.dial; `settings` as in agent/core/session.py.
    """
    context = _context(settings)
    sock = await dial(settings.host, settings.port)
    try:
        reader, writer = await asyncio.open_connection(
            sock=sock, ssl=context, server_hostname=settings.host
        )
    except BaseException:
        sock.close()
        raise
    return Link(reader, writer)


def _context(settings):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    try:
        context.load_verify_locations(cadata=settings.ca)
        _load_identity(context, settings.certificate, settings.key)
    except (OSError, ValueError) as error:
        raise OSError(_INVALID, "certificate, key or CA") from error
    return context


def _load_identity(context, certificate_der, key_der):
    """Give certificate and key to the context, which takes files only: one in memory, which no
    disk ever sees and which is gone when it is closed."""
    with open(os.memfd_create("identity"), "wb", buffering=0) as file:
        file.write(_pem("CERTIFICATE", certificate_der) + _pem(_key_label(key_der), key_der))
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")


def _key_label(key_der):
    """PKCS #8 opens with version 0, a SEC 1 key with version 1, after the sequence's length."""
    at = 2 if key_der[1] < 128 else 2 + key_der[1] - 128
    return "PRIVATE KEY" if key_der[at : at + 3] == b"\x02\x01\x00" else "EC PRIVATE KEY"


def _pem(label, der):
    text = binascii.b2a_base64(der).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n".encode()
