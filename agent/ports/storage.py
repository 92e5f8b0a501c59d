"""Small files in one folder of persistent storage: LittleFS on MicroPython, any folder on Linux.

What has returned is durable. `append` may leave a part of its bytes when the power goes (on Linux;
LittleFS keeps all or nothing), `replace` leaves the old content or the new one, never a mixture.
"""

import errno
import os

from agent.errors import StorageError

_NEW = ".new"


class Storage:
    """Raises StorageError when the medium fails. A missing file is a value, not an error."""

    def __init__(self, root: str) -> None:
        self._root = root if root.endswith("/") else root + "/"

    def size(self, name: str) -> int | None:
        """Bytes of the file, or None when there is none."""
        try:
            return self._stat_size(self._root + name)
        except OSError as error:
            if error.errno == errno.ENOENT:
                return None
            raise StorageError("stat", name, error.errno) from error

    def read(self, name: str, offset: int, size: int) -> bytes:
        """Up to `size` bytes from `offset`; b"" when there is no such file."""
        try:
            with self._open(self._root + name, "rb") as file:
                size = min(size, file.seek(0, 2) - offset)  # MicroPython takes all it is asked for
                file.seek(offset)
                return file.read(size) if size > 0 else b""
        except OSError as error:
            if error.errno == errno.ENOENT:
                return b""
            raise StorageError("read", name, error.errno) from error

    def append(self, name: str, data: bytes) -> None:
        """Add to a file that is there."""
        try:
            with self._open(self._root + name, "ab") as file:
                file.write(data)
                self._sync(file)
        except OSError as error:
            raise StorageError("append", name, error.errno) from error

    def replace(self, name: str, chunks) -> None:
        """Make `chunks` (an iterable of bytes) the content of the file, at once or not at all."""
        path = self._root + name
        try:
            with self._open(path + _NEW, "wb") as file:
                for chunk in chunks:
                    file.write(chunk)
                self._sync(file)
            self._rename(path + _NEW, path)
            self._sync_folder()
        except OSError as error:
            raise StorageError("replace", name, error.errno) from error

    def remove(self, name: str) -> None:
        """Nothing happens when there is no such file."""
        try:
            self._remove(self._root + name)
            self._sync_folder()
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise StorageError("remove", name, error.errno) from error

    def prepare(self, name: str, head: bytes) -> "Slot":
        """Start the file anew with `head`; what is slow on flash is done when this returns.

        The content counts for nothing until `Slot.commit` has added the rest.
        """
        try:
            file = self._open(self._root + name, "wb")
            file.write(head)
            self._push(file)
            return Slot(file, self._sync)
        except OSError as error:
            raise StorageError("prepare", name, error.errno) from error

    def _open(self, path, mode):
        return open(path, mode)

    def _stat_size(self, path):
        return os.stat(path)[6]

    def _rename(self, old, new):
        os.rename(old, new)

    def _remove(self, path):
        os.remove(path)

    def _push(self, file):
        if _fsync:  # LittleFS has it on flash already, and a flush would take the next block
            file.flush()

    def _sync(self, file):
        file.flush()
        if _fsync:
            _fsync(file.fileno())

    def _sync_folder(self):
        if _fsync:
            folder = os.open(self._root, getattr(os, "O_RDONLY", 0))
            try:
                _fsync(folder)
            finally:
                os.close(folder)


class Slot:
    """A file that is open with its blocks taken and erased: one small write completes it."""

    def __init__(self, file, sync) -> None:
        self._file = file
        self._sync = sync

    def commit(self, tail: bytes) -> None:
        """Add `tail` and make the file durable. Raises StorageError."""
        try:
            self._file.write(tail)
            self._sync(self._file)
        except OSError as error:
            raise StorageError("commit", error.errno) from error

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            raise StorageError("close", error.errno) from error


_fsync = getattr(os, "fsync", None)
