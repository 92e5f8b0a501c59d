"""Small files in one folder of persistent storage: LittleFS on MicroPython, any folder on Linux.

What has returned is durable. `append` may leave a part of its bytes when the power goes (on Linux;
LittleFS keeps all or nothing), `replace` leaves the old content or the new one, never a mixture.
"""

import errno
import os

from agent.compat import const
from agent.errors import StorageError

SLOT_PAGE_BYTES = const(256)
_TAIL_BYTES = const(16)
_MARK = b"\x5a"  # neither erased flash nor a new file looks like it
_NEW = ".new"


class Storage:
    """Raises StorageError when the medium fails. A missing file is a value, not an error.

    `slot` keeps the power-loss record: in the board's `region` (agent/ports/board.py, `raw_flash`)
    where it has one, else in a file.
    """

    def __init__(self, root: str, region=None) -> None:
        self._root = root if root.endswith("/") else root + "/"
        self._in_place = bool(_fsync)
        self.slot = RawSlot(region) if region else FileSlot(self)

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

    def open_slot(self, name: str, content: bytes, at: int):
        """Write the file anew, durable, and return it open: what is slow is done when this returns.

        On Linux all of `content` is there and stands at byte `at`, so that writing there changes no
        size and costs one write of the medium. LittleFS writes a file anew from where it is
        changed: there the file ends at `at`, with its block erased, and is added to.
        """
        try:
            file = self._open(self._root + name, "wb")
            if self._in_place:
                file.write(content)
                self._sync(file)
                self._sync_folder()
                file.seek(at)
            else:
                file.write(content[:at])  # a flush would take the next block
            return file
        except OSError as error:
            raise StorageError("prepare", name, error.errno) from error

    def fill_slot(self, file, data) -> None:
        """Write to an open slot, durable when it returns."""
        try:
            file.write(data)
            self._sync_data(file)
        except OSError as error:
            raise StorageError("commit", error.errno) from error

    def _open(self, path, mode):
        return open(path, mode)

    def _stat_size(self, path):
        return os.stat(path)[6]

    def _rename(self, old, new):
        os.rename(old, new)

    def _remove(self, path):
        os.remove(path)

    def _sync(self, file):
        file.flush()
        if _fsync:
            _fsync(file.fileno())

    def _sync_data(self, file):
        file.flush()
        if self._in_place:
            _data_sync(file.fileno())

    def _sync_folder(self):
        if _fsync:
            folder = os.open(self._root, getattr(os, "O_RDONLY", 0))
            try:
                _fsync(folder)
            finally:
                os.close(folder)


class FileSlot:
    """The power-loss record as a file: its head, then its tail, then a mark, each on pages of its
    own as in a RawSlot. One small write at the right place completes it."""

    _NAME = "journal.power"

    def __init__(self, storage) -> None:
        self._storage = storage
        self._file = None
        self._at = 0

    def prepare(self, head: bytes) -> None:
        """Start anew with `head`; the record counts for nothing until `commit`."""
        self.close()
        self._at = page_end(len(head))
        content = head + bytes(self._at - len(head) + 2 * SLOT_PAGE_BYTES)
        self._file = self._storage.open_slot(self._NAME, content, self._at)

    def commit(self, tail) -> None:
        """Add `tail`, durable when it returns. Fast."""
        self._storage.fill_slot(self._file, tail)

    def mark(self) -> None:
        """Mark the committed record."""
        rest = bytes(SLOT_PAGE_BYTES - _TAIL_BYTES)
        self._storage.fill_slot(self._file, rest + _MARK)

    def read(self, offset: int, size: int) -> bytes:
        """Bytes of the head; whatever stands there when nothing was prepared."""
        return self._storage.read(self._NAME, offset, size)

    def tail(self, head_bytes: int) -> bytes:
        """The tail behind a head of that size; right only if its CRC is."""
        self._at = page_end(head_bytes)
        return self.read(self._at, _TAIL_BYTES)

    def marked(self) -> bool:
        """Whether the record whose tail was read has its mark."""
        return self.read(self._at + SLOT_PAGE_BYTES, 1) == _MARK

    def clear(self) -> None:
        """Forget the record."""
        self.close()
        self._storage.remove(self._NAME)

    def close(self) -> None:
        """Let go of the file; a record that was not committed counts for nothing."""
        file, self._file = self._file, None
        if file:
            try:
                file.close()
            except OSError as error:
                raise StorageError("close", error.errno) from error


class RawSlot:
    """The same in a region of flash outside the file system, which does nothing unasked."""

    def __init__(self, region) -> None:
        self._region = region
        self._at = 0
        self._is_erased = False

    def prepare(self, head: bytes) -> None:
        self._at = page_end(len(head))
        if not self._is_erased:
            self._do(self._region.erase)
        self._is_erased = False
        self._do(self._region.program, 0, head)

    def commit(self, tail) -> None:
        self._do(self._region.program, self._at, tail)

    def mark(self) -> None:
        self._do(self._region.program, self._at + SLOT_PAGE_BYTES, _MARK)

    def read(self, offset: int, size: int) -> bytes:
        return self._do(self._region.read, offset, size)

    def tail(self, head_bytes: int) -> bytes:
        self._at = page_end(head_bytes)
        return self.read(self._at, _TAIL_BYTES)

    def marked(self) -> bool:
        return self.read(self._at + SLOT_PAGE_BYTES, 1) == _MARK

    def clear(self) -> None:
        self._do(self._region.erase)
        self._is_erased = True  # for the next record, which need not wait for it again

    def _do(self, operation, *args):
        try:
            return operation(*args)
        except OSError as error:
            raise StorageError("raw flash", error.errno) from error


def page_end(size: int) -> int:
    """`size` rounded up to whole pages: no page of flash is written twice."""
    return (size + SLOT_PAGE_BYTES - 1) // SLOT_PAGE_BYTES * SLOT_PAGE_BYTES


_fsync = getattr(os, "fsync", None)
_data_sync = getattr(os, "fdatasync", _fsync)
