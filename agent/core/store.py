"""Named small blobs that survive a power cut: each save leaves the old value or the new one."""

import struct

from agent.compat import crc32
from agent.errors import StorageError

MAX_BYTES = 8192
_SUFFIX = ".blob"
_CRC = "<I"


class Store:
    """Blobs of at most MAX_BYTES in `storage`; nothing is kept in memory."""

    def __init__(self, storage) -> None:
        self._storage = storage

    def load(self, name: str) -> bytes | None:
        """The value last saved, or None when there is none.

        Raises StorageError when the medium gave back something else than was saved: a value that
        guards something must then be taken as unknown, not as absent.
        """
        data = self._storage.read(name + _SUFFIX, 0, MAX_BYTES + 4)
        if not data:
            return None
        if len(data) < 4 or struct.unpack_from(_CRC, data)[0] != crc32(data[4:]):
            raise StorageError("corrupt", name)
        return data[4:]

    def save(self, name: str, data: bytes) -> None:
        """Durable when it returns. Raises StorageError when the medium fails."""
        if len(data) > MAX_BYTES:
            raise StorageError("too large", name, len(data))
        self._storage.replace(name + _SUFFIX, (struct.pack(_CRC, crc32(data)), data))

    def remove(self, name: str) -> None:
        self._storage.remove(name + _SUFFIX)
