"""Protocol Buffers 3, as much as USP needs: read from a memoryview, write in two passes.

A tag is the field number shifted left by three, plus the wire kind: 0 varint, 1 eight bytes,
2 length and bytes, 5 four bytes. Values equal to the default are left out when written, but for
`bytes`, which stand for submessages and members of a oneof.

A producer is a generator function that puts fields into the Sink it is given and yields now and
then. It runs twice and must put the same both times: first to learn the sizes, then to write.
"""

from agent.breath import breathe
from agent.compat import const
from agent.errors import PeerError, StreamError

_CHUNK_BYTES = const(512)
_MAX_TAG = const(0xFFFFFFFF)


class WireError(PeerError):
    """The bytes are no message of the format."""


def fields(view: memoryview):
    """Yield (tag, value) of each field; the value is an int, or a memoryview for kind 2.

    Raises WireError where the bytes break off or hold a kind that proto3 does not have.
    """
    at = 0
    end = len(view)
    while at < end:
        tag, at = _varint(view, at, end)
        kind = tag & 7
        if tag < 8 or tag > _MAX_TAG:
            raise WireError("tag", tag)
        if kind == 0:
            value, at = _varint(view, at, end)
        else:
            if kind == 2:
                size, at = _varint(view, at, end)
            elif kind == 5:
                size = 4
            elif kind == 1:
                size = 8
            else:
                raise WireError("kind", kind)
            if size > end - at:
                raise WireError("length", size)
            value = view[at : at + size]
            at += size
            if kind != 2:
                value = int.from_bytes(bytes(value), "little")
        yield tag, value


def _varint(view, at, end):
    value = shift = 0
    while at < end and shift < 70:
        byte = view[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
    raise WireError("varint", at)


def text(view) -> str:
    """Raises WireError when the bytes are not UTF-8."""
    try:
        return str(view, "utf-8")
    except ValueError:
        raise WireError("utf-8", len(view))  # noqa: B904 (the board cannot chain)


def encode(*pairs) -> bytes:
    """The bytes of a small message, from tag, value, tag, value ..."""
    out = bytearray()
    for i in range(0, len(pairs), 2):
        _append(out, pairs[i], pairs[i + 1])
    return bytes(out)


def _append(out, tag, value):
    if not value and not isinstance(value, bytes):
        return
    _append_varint(out, tag)
    kind = tag & 7
    if kind == 0:
        _append_varint(out, int(value))
    elif kind == 5:
        out.extend(int(value).to_bytes(4, "little"))
    else:
        if isinstance(value, str):
            value = value.encode()
        _append_varint(out, len(value))
        out.extend(value)


def _append_varint(out, value):
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)


class Sink:
    """Takes fields; keeps their bytes in `buffer` on the second pass, only sizes on the first."""

    def __init__(self, sizes=None):
        self.buffer = bytearray()
        self.sizes = [] if sizes is None else sizes
        self._sizing = sizes is None
        self._taken = 0
        self._opened = 0
        self._path = []

    @property
    def size(self) -> int:
        """Bytes put so far."""
        return self._taken + len(self.buffer)

    def put(self, tag: int, value) -> None:
        """One field: int, bool, text or bytes as the tag's kind asks."""
        _append(self.buffer, tag, value)

    def pairs(self, tag: int, *pairs) -> None:
        """One small submessage, as `encode` takes it."""
        self.put(tag, encode(*pairs))

    def open(self, tag: int) -> None:
        """Begin a submessage; every one is closed again."""
        _append_varint(self.buffer, tag)
        if self._sizing:
            self._path.append(self.size)
            self._path.append(len(self.sizes))
            self.sizes.append(0)
        else:
            if self._opened == len(self.sizes):
                raise StreamError("more")
            _append_varint(self.buffer, self.sizes[self._opened])
            self._path.append(self.size)
            self._path.append(self._opened)
            self._opened += 1

    def close(self) -> None:
        """End the submessage that was opened last."""
        index = self._path.pop()
        size = self.size - self._path.pop()
        if self._sizing:
            self.sizes[index] = size
            _append_varint(self.buffer, size)
        elif self.sizes[index] != size:
            raise StreamError("size", size)

    def take(self) -> memoryview:
        """What was written since the last take."""
        view = memoryview(self.buffer)
        self._taken += len(view)
        self.buffer = bytearray()
        return view


def measure(produce) -> Sink:
    """The first pass: a Sink that knows `size` and `sizes`."""
    sink = Sink()
    for _ in produce(sink):
        sink.take()
        breathe()
    sink.take()
    return sink


def chunks(produce, sizes, size: int):
    """The second pass: yield the message in pieces of at most 512 bytes.

    Raises StreamError when it comes out otherwise than it was measured.
    """
    sink = Sink(sizes)
    for _ in produce(sink):
        if len(sink.buffer) >= _CHUNK_BYTES // 2:
            yield from _cut(sink.take())
    yield from _cut(sink.take())
    if sink.size != size:
        raise StreamError("end", sink.size)


def _cut(view):
    for at in range(0, len(view), _CHUNK_BYTES):
        yield view[at : at + _CHUNK_BYTES]
