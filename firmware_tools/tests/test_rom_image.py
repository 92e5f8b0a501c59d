"""The ROM image, byte by byte, and as the machine of the boards reads it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from firmware_tools.build import REPOSITORY, compile_files
from firmware_tools.rom_image import rom_image

_DEADLINE_S = 60
_MACHINE = shutil.which("micropython", path=str(REPOSITORY / ".venv" / "bin")) or shutil.which(
    "micropython"
)
needs_machine = pytest.mark.skipif(_MACHINE is None, reason="the machine has no wheel here")

_READ = """
import sys, vfs
with open("rom.img", "rb") as file:
    vfs.mount(vfs.VfsRom(file.read()), "/rom")
for name in ("/rom/top", "/rom/agent/text", "/rom/agent/core/long"):
    with open(name, "rb") as file:
        print(name, len(file.read()))
sys.path[:] = ["/rom"]
from agent.core import answer
print("answer", answer.question(2), answer.TEXT)
"""

# Sends a text as long as the code that holds it to the heap, or leaves it where it lies.
_PLACE = """
import gc, sys, uctypes, vfs
with open("rom.img", "rb") as file:
    image = file.read()
vfs.mount(vfs.VfsRom(image), "/rom")
sys.path[:] = [sys.argv[1]]
gc.collect()
before = gc.mem_alloc()
import answer
gc.collect()
start = uctypes.addressof(image)
print(gc.mem_alloc() - before, start <= uctypes.addressof(answer.TEXT) < start + len(image))
"""


def run(folder: Path, program: str, *args: str) -> str:
    assert _MACHINE is not None
    done = subprocess.run(  # noqa: S603 - our own interpreter and our own program
        [_MACHINE, "-X", "heapsize=4m", "-c", program, *args],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=_DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def compiled(folder: Path, source: str) -> bytes:
    path = folder / "answer.py"
    path.write_text(source)
    (data,) = compile_files([path], folder).values()
    return data


def test_a_small_image_is_as_the_format_says() -> None:
    image = rom_image({"/a/b": b"xyz", "/c": b""})
    file_b = b"\x05\x07\x01b\x02\x03xyz"
    file_c = b"\x05\x04\x01c\x02\x00"
    folder = b"\x04\x0b\x01a" + file_b
    assert image == b"\xd2\xcd\x31\x80\x13" + file_c + folder
    assert len(image) % 2 == 0


def test_lengths_take_as_many_bytes_as_they_need() -> None:
    image = rom_image({"/f": bytes(300)})
    assert b"\x02\x82\x2c" + bytes(300) in image


def test_the_same_files_give_the_same_image() -> None:
    files = {"/b/y": b"2", "/a": b"1", "/b/x": b"3"}
    assert rom_image(files) == rom_image(dict(reversed(files.items())))


@needs_machine
def test_the_machine_reads_every_file_and_imports_code(tmp_path: Path) -> None:
    code = compiled(tmp_path, "TEXT = 'lies in flash'\ndef question(n):\n    return n * 21\n")
    files = {
        "/top": b"1",
        "/agent/text": bytes(130),
        "/agent/core/long": bytes(20_000),
        "/agent/__init__.mpy": compiled(tmp_path, ""),
        "/agent/core/__init__.mpy": compiled(tmp_path, ""),
        "/agent/core/answer.mpy": code,
    }
    (tmp_path / "rom.img").write_bytes(rom_image(files))
    said = run(tmp_path, _READ).split("\n")
    assert said[:3] == ["/rom/top 1", "/rom/agent/text 130", "/rom/agent/core/long 20000"]
    assert said[3] == "answer 42 lies in flash"


@needs_machine
def test_what_is_imported_from_the_image_stays_in_it(tmp_path: Path) -> None:
    code = compiled(tmp_path, f"TEXT = {b'x' * 5000!r}\n")
    (tmp_path / "rom.img").write_bytes(rom_image({"/answer.mpy": code}))
    (tmp_path / "answer.mpy").write_bytes(code)
    (tmp_path / "answer.py").unlink()
    from_rom = run(tmp_path, _PLACE, "/rom").split()
    from_files = run(tmp_path, _PLACE, "").split()
    assert from_rom[1] == "True" and from_files[1] == "False"
    assert int(from_rom[0]) < 1500 < 5000 < int(from_files[0])
