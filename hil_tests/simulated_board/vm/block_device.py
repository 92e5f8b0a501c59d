"""The board's flash chip: a file of 4,096-byte blocks on the host.

Writing goes to the file at once and unbuffered, so a killed machine loses only the operation it
was in the middle of. Erased bytes are 0xFF. With `slow`, erasing a block takes 45 ms and writing
a page of 256 bytes 0.4 ms. Source: Winbond W25Q32JV datasheet, table "AC Electrical
Characteristics", tSE and tPP typical.
"""

from time import sleep_us

BLOCK_BYTES = 4096
_ERASE_US = 45_000
_PROGRAM_US_PER_BYTE = 2
_ERASED = b"\xff" * 256


class FlashFile:
    """Block device protocol of MicroPython (extended interface, with offsets)."""

    def __init__(self, path, slow=False, cut_at=0, cut=None):
        self._file = open(path, "r+b")
        self._blocks = self._file.seek(0, 2) // BLOCK_BYTES
        self._slow = slow
        self._cut_at = cut_at
        self._cut = cut

    def readblocks(self, block, buffer, offset=0):
        self._file.seek(block * BLOCK_BYTES + offset)
        self._file.readinto(buffer)

    def writeblocks(self, block, buffer, offset=0):
        self._file.seek(block * BLOCK_BYTES + offset)
        if self._is_last():
            self._file.write(memoryview(buffer)[: len(buffer) // 2])
            self._cut()
        self._file.write(buffer)
        if self._slow:
            sleep_us(len(buffer) * _PROGRAM_US_PER_BYTE)

    def ioctl(self, operation, argument):
        if operation == 4:
            return self._blocks
        if operation == 5:
            return BLOCK_BYTES
        if operation == 6:
            self._erase(argument)
        return 0

    def _erase(self, block):
        last = self._is_last()
        self._file.seek(block * BLOCK_BYTES)
        for _ in range(BLOCK_BYTES // len(_ERASED) // (2 if last else 1)):
            self._file.write(_ERASED)
        if last:
            self._cut()
        if self._slow:
            sleep_us(_ERASE_US)

    def _is_last(self):
        """Count one operation; tell whether the power goes in the middle of it."""
        if not self._cut_at:
            return False
        self._cut_at -= 1
        return self._cut_at == 0
