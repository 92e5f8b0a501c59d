"""A NOR flash in memory with a real LittleFS on it, which loses its power at a chosen operation.

On MicroPython the file system is the built-in VfsLfs2, mounted; on CPython it is littlefs-python,
set to the same geometry and caches. By its mode a cut operation is "torn" (half of it is done),
"skipped" (none of it) or "garbled" (nonsense all over its place).
"""

import os

from agent.compat import MICROPYTHON
from agent.ports.storage import Storage

BLOCK_BYTES = 4096
BLOCKS = 48
_PROGRAM_BYTES = 32
_CACHE_BYTES = 128
_IO_ERROR = 5
MODES = ("torn", "skipped", "garbled")


class FlashDead(Exception):
    """The power is gone: nothing was written and nothing will be."""


class Flash:
    """Counts programs and erases; `cut_after` more of them succeed, the next is torn."""

    def __init__(self, data=None):
        self.data = data or bytearray(b"\xff" * (BLOCK_BYTES * BLOCKS))
        self.programs = self.erases = 0
        self.cut_after = None
        self.mode = "torn"
        self.dead = False

    def power_up(self):
        return Flash(bytearray(self.data))

    def read_into(self, start, buffer):
        buffer[:] = self.data[start : start + len(buffer)]

    def program(self, start, data):
        """False when the power is gone."""
        length = self._powered(start, len(data))
        self.data[start : start + length] = data[:length]
        self.programs += 1
        return not self.dead

    def erase(self, block):
        start = block * BLOCK_BYTES
        length = self._powered(start, BLOCK_BYTES)
        self.data[start : start + length] = b"\xff" * length
        self.erases += 1
        return not self.dead

    def _powered(self, start, length):
        if self.dead:
            return 0
        if self.cut_after is not None:
            self.cut_after -= 1
            if self.cut_after < 0:
                self.dead = True
                if self.mode == "garbled":
                    for at in range(start, start + length):
                        self.data[at] &= (at * 37 + start * 11) & 255
                return length // 2 if self.mode == "torn" else 0
        return length


if MICROPYTHON:
    import vfs

    _ROOT = "/cut"

    class _Device:
        def __init__(self, flash):
            self._flash = flash

        def readblocks(self, block, buffer, offset=0):
            self._flash.read_into(block * BLOCK_BYTES + offset, buffer)

        def writeblocks(self, block, buffer, offset=None):
            if offset is None:
                self.ioctl(6, block)
                offset = 0
            if not self._flash.program(block * BLOCK_BYTES + offset, buffer):
                raise OSError(_IO_ERROR)

        def ioctl(self, operation, argument):
            if operation == 4:
                return BLOCKS
            if operation == 5:
                return BLOCK_BYTES
            if operation == 6 and not self._flash.erase(argument):
                return -_IO_ERROR
            return 0

    def storage_on(flash, new=False):
        """Mount `flash`, formatted first when it is `new`, and return a Storage on it."""
        release()
        device = _Device(flash)
        if new:
            vfs.VfsLfs2.mkfs(device)
        vfs.mount(vfs.VfsLfs2(device), _ROOT)
        return Storage(_ROOT)

    def release():
        """Unmount what is mounted."""
        if _ROOT[1:] in os.listdir("/"):
            vfs.umount(_ROOT)

else:
    import littlefs

    class _Context:
        def __init__(self, flash):
            self._flash = flash

        def read(self, cfg, block, off, size):
            buffer = bytearray(size)
            self._flash.read_into(block * BLOCK_BYTES + off, buffer)
            return buffer

        def prog(self, cfg, block, off, data):
            return 0 if self._flash.program(block * BLOCK_BYTES + off, data) else -_IO_ERROR

        def erase(self, cfg, block):
            return 0 if self._flash.erase(block) else -_IO_ERROR

        def sync(self, cfg):
            return -_IO_ERROR if self._flash.dead else 0

    def _checked(function):
        """The same function, its errors spelled as those of the operating system."""

        def call(*args, **more):
            try:
                return function(*args, **more)
            except FileNotFoundError as error:
                raise OSError(2, "littlefs") from error
            except littlefs.LittleFSError as error:
                raise OSError(-error.code, "littlefs") from error

        return call

    class _File:
        def __init__(self, file):
            self.read = _checked(file.read)
            self.seek = _checked(file.seek)
            self.write = _checked(file.write)
            self.flush = _checked(file.flush)
            self.close = _checked(file.close)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.close()

    class _LittleFSStorage(Storage):
        """The port's own logic over littlefs-python instead of the operating system."""

        def __init__(self, filesystem):
            super().__init__("/")
            self._in_place = False
            self._open = lambda path, mode: _File(_checked(filesystem.open)(path, mode, 0))
            self._stat_size = lambda path: _checked(filesystem.stat)(path).size
            self._rename = _checked(filesystem.rename)
            self._remove = _checked(filesystem.remove)

        def _sync(self, file):
            file.flush()

        def _sync_folder(self):
            pass

    def storage_on(flash, new=False):
        """Mount `flash`, formatted first when it is `new`, and return a Storage on it."""
        filesystem = littlefs.LittleFS(
            context=_Context(flash),
            mount=False,
            block_size=BLOCK_BYTES,
            block_count=BLOCKS,
            read_size=_PROGRAM_BYTES,
            prog_size=_PROGRAM_BYTES,
            cache_size=_CACHE_BYTES,
            lookahead_size=_PROGRAM_BYTES,
            block_cycles=100,
        )
        if new:
            filesystem.format()
        filesystem.mount()
        return _LittleFSStorage(filesystem)

    def release():
        pass
