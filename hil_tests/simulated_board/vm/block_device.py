"""The board's flash chip: a file of 4,096-byte blocks on the host.

Writing goes to the file at once and unbuffered, so a killed machine loses only the operation it
was in the middle of. Erased bytes are 0xFF. With timings 1, erasing a block takes 45 ms and every
write of up to a page of 256 bytes 0.4 ms; with 2, 400 ms and 3 ms. Source: Winbond W25Q32JV
datasheet, table "AC Electrical Characteristics", tSE and tPP, typical and maximum. A shorter write
takes less on the chip.
One more block lies outside the file system (agent/ports/board.py, `raw_flash`), in a file of its
own.
"""

from time import sleep_us

BLOCK_BYTES = 4096
_PAGE_BYTES = 256
_ERASE_US = (0, 45_000, 400_000)
_PROGRAM_US = (0, 400, 3_000)
_ERASED = b"\xff" * 256


class FlashFile:
    """Block device protocol of MicroPython (extended interface, with offsets)."""

    def __init__(self, path, timings=0, cut_at=0, cut=None):
        self._file = open(path, "r+b")
        self._blocks = self._file.seek(0, 2) // BLOCK_BYTES
        self._timings = timings
        self._cut_at = cut_at
        self._cut = cut

    def readblocks(self, block, buffer, offset=0):
        self._file.seek(block * BLOCK_BYTES + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        self.program(self._file, block * BLOCK_BYTES + offset, buffer)

    def program(self, file, start, data):
        """Write erased bytes; what was written when the power goes before the time is over is
        not there, or half of it."""
        file.seek(start)
        if self._is_last():
            file.write(memoryview(data)[: len(data) // 2])
            self._cut()
        if self._timings:
            pages = (start + len(data) - 1) // _PAGE_BYTES - start // _PAGE_BYTES + 1
            sleep_us(pages * _PROGRAM_US[self._timings])
        file.write(data)

    def ioctl(self, operation, argument):
        if operation == 4:
            return self._blocks
        if operation == 5:
            return BLOCK_BYTES
        if operation == 6:
            self.erase(self._file, argument)
        return 0

    def erase(self, file, block):
        last = self._is_last()
        file.seek(block * BLOCK_BYTES)
        for _ in range(BLOCK_BYTES // len(_ERASED) // (2 if last else 1)):
            file.write(_ERASED)
        if last:
            self._cut()
        if self._timings:
            sleep_us(_ERASE_US[self._timings])

    def _is_last(self):
        """Count one operation; tell whether the power goes in the middle of it."""
        if not self._cut_at:
            return False
        self._cut_at -= 1
        return self._cut_at == 0


class RawFlash:
    """The block outside the file system: `raw_flash` of a board."""

    def __init__(self, device, path):
        self._device = device
        try:
            self._file = open(path, "r+b")
        except OSError:
            self._file = open(path, "w+b")
            self._file.write(_ERASED * (BLOCK_BYTES // len(_ERASED)))

    def erase(self):
        self._device.erase(self._file, 0)

    def program(self, offset, data):
        self._device.program(self._file, offset, data)

    def read(self, offset, size):
        self._file.seek(offset)
        return self._file.read(size)
