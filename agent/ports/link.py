"""The TLS stream to the broker, both sides with certificates, for MicroPython.

A link raises OSError and nothing else when the other side cannot be reached, cannot be trusted,
or is gone. `agent/ports/link_cpython.py` is the same for CPython.
"""
# MicroPython's StreamReader writes as well; the stubs describe CPython's.
# pyright: reportAttributeAccessIssue=false

import asyncio
import ssl

_CONNECTION_RESET = 104
_INVALID = 22


class Link:
    """A stream of bytes in both directions."""

    def __init__(self, sock):
        self._sock = sock
        self._stream = asyncio.StreamReader(sock)

    async def fill(self, view):
        """Read until the memoryview is full."""
        at = 0
        while at < len(view):
            try:
                size = await self._stream.readinto(view[at:])
            except ValueError as error:
                raise _untrusted(error)  # noqa: B904  the VM cannot chain
            if size == 0:
                raise OSError(_CONNECTION_RESET)
            at += size or 0

    async def write(self, data):
        """Write all of `data`; other tasks run meanwhile."""
        try:
            self._stream.write(data)
            await self._stream.drain()
        except ValueError as error:
            raise _untrusted(error)  # noqa: B904  the VM cannot chain

    def write_now(self, data):
        """Hand `data` to the TLS layer at once; False when an earlier write is still stuck."""
        if self._stream.out_buf:
            return False
        self._stream.write(data)
        return not self._stream.out_buf

    def close(self):
        """Close at once, whatever is under way."""
        try:
            self._sock.close()
        except OSError:
            return


def _untrusted(error):
    """TLS tells of a certificate it does not accept by ValueError, of other things by OSError."""
    return OSError(_INVALID, str(error).strip())


async def open_link(dial, settings):
    """Return a Link to settings.host; the handshake happens with the first write.

    `dial` is Board.dial; `settings` as in agent/core/session.py.
    """
    sock = await dial(settings.host, settings.port)
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_cert_chain(settings.certificate, settings.key)
        context.load_verify_locations(cadata=settings.ca)
        secured = context.wrap_socket(
            sock, server_hostname=settings.host, do_handshake_on_connect=False
        )
    except (OSError, ValueError) as error:
        sock.close()
        raise _untrusted(error)  # noqa: B904  the VM cannot chain
    secured.setblocking(False)
    return Link(secured)
