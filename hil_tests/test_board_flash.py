"""LittleFS as the machine writes it and as the host writes it is one and the same."""

import subprocess
import sys
from pathlib import Path

import pytest

from firmware_tools.flash_image import FlashImage
from hil_tests.simulated_board.machine import has_micropython

pytestmark = pytest.mark.skipif(not has_micropython(), reason="no MicroPython machine here")

SIZES = (0, 1, 31, 32, 100, 127, 128, 129, 255, 511, 512, 513, 1022, 1023, 4095, 4096, 4097, 20000)
LONG_NAME = "n" * 250
VM_FOLDER = Path(__file__).parent / "simulated_board" / "vm"

DRIVER = f"""
import os, sys, vfs
sys.path.insert(0, sys.argv[1])
from block_device import FlashFile
device = FlashFile(sys.argv[2])
if sys.argv[3] == "format":
    vfs.VfsLfs2.mkfs(device)
vfs.mount(vfs.VfsLfs2(device), "/flash")
def content(size):
    return bytes((i * 7 + size) & 255 for i in range(size))
for size in {SIZES!r}:
    if sys.argv[3] == "read":
        with open("/flash/data/%d" % size, "rb") as file:
            assert file.read() == content(size), size
    else:
        if "data" not in os.listdir("/flash"):
            os.mkdir("/flash/data")
        with open("/flash/data/%d" % size, "wb") as file:
            file.write(content(size))
print(sorted(name for name in os.listdir("/flash/data") if name[0] == "n"))
"""


def content(size: int) -> bytes:
    return bytes((i * 7 + size) & 255 for i in range(size))


def run_machine(image: Path, what: str) -> str:
    done = subprocess.run(  # noqa: S603 - our own machine and our own driver
        [
            *(sys.executable, "-m", "micropython_unix", "-c", DRIVER),
            *(str(VM_FOLDER), str(image), what),
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_machine_reads_every_size_of_file_that_the_host_wrote(tmp_path: Path) -> None:
    image = FlashImage(blocks=64)
    for size in SIZES:
        image.write(f"/data/{size}", content(size))
    image.write(f"/data/{LONG_NAME}", b"long name")
    image.save(tmp_path / "flash.img")
    assert LONG_NAME in run_machine(tmp_path / "flash.img", "read")


@pytest.mark.parametrize("formatted_by", ["host", "machine"])
def test_the_host_reads_every_size_of_file_that_the_machine_wrote(
    tmp_path: Path, formatted_by: str
) -> None:
    path = tmp_path / "flash.img"
    FlashImage(blocks=64).save(path)
    run_machine(path, "format" if formatted_by == "machine" else "write")
    files = FlashImage.load(path).files("/data")
    assert files == {f"/data/{size}": content(size) for size in SIZES}


def test_both_may_write_to_one_image_in_turn(tmp_path: Path) -> None:
    path = tmp_path / "flash.img"
    FlashImage(blocks=64).save(path)
    run_machine(path, "write")
    image = FlashImage.load(path)
    image.replace_folder("/agent", {"/agent/main.mpy": content(700)})
    image.save(path)
    run_machine(path, "read")
    assert FlashImage.load(path).read("/agent/main.mpy") == content(700)
