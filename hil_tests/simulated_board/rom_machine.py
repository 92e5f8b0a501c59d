"""The MicroPython machine with a ROM image in its memory: `rom_machine.py IMAGE ARGUMENT...`.

On a board the image's flash is mapped into the address space, so that code runs in place. Here it
is a mapped file, outside the machine's heap; where it lies is told in the environment. Run by its
path, with the machine's own working folder.
"""

import ctypes
import mmap
import os
import sys

from micropython_unix import run_main  # type: ignore[import-untyped]


def main() -> int:
    """Map the image and become the machine; return its exit code."""
    with open(sys.argv[1], "rb") as file:
        image = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    address = ctypes.addressof(ctypes.c_char.from_buffer(image))
    os.environ["SIMULATED_BOARD_ROM"] = f"{address} {len(image)}"
    return int(run_main([sys.argv[0], *sys.argv[2:]]))


if __name__ == "__main__":
    sys.exit(main())
