"""The LittleFS image of a board's flash, read and written on the host.

The geometry is that of the boards: blocks of 4,096 bytes, reads and writes of 32. The cache of
128 bytes matters on both sides: LittleFS keeps files up to the cache's size inside the directory,
and a machine with the smaller cache cannot read a longer one. MicroPython's `VfsLfs2` makes its
cache four times the read size. Disk version 2.1, names up to 255 bytes.
Source: LittleFS SPEC.md, "inline structures"; MicroPython `extmod/vfs_lfsx.c`, init_config.
"""

from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from littlefs import LittleFS, LittleFSError

from firmware_tools.errors import BuildError

BLOCK_BYTES = 4096
DEFAULT_BLOCKS = 256
READ_BYTES = 32
CACHE_BYTES = 4 * READ_BYTES
NAME_MAX_BYTES = 255


class FlashImage:
    """One file system, in memory until `save`. Paths are absolute, as on the board."""

    def __init__(self, blocks: int = DEFAULT_BLOCKS) -> None:
        self._disk = _unmounted(blocks)
        self._disk.format()
        self._disk.mount()

    @classmethod
    def load(cls, path: Path) -> "FlashImage":
        """Open the image in `path`. Raises BuildError when it holds no file system."""
        data = path.read_bytes()
        image = cls.__new__(cls)
        image._disk = _unmounted(len(data) // BLOCK_BYTES)
        image._disk.context.buffer[:] = data
        try:
            image._disk.mount()
        except LittleFSError as error:
            raise BuildError(f"{path}: no LittleFS file system in it ({error})") from error
        return image

    def save(self, path: Path) -> None:
        """Write the image beside `path`, then put it in its place in one step."""
        beside = path.with_name(path.name + ".new")
        beside.write_bytes(bytes(self._disk.context.buffer))
        beside.replace(path)

    def files(self, folder: str = "/") -> dict[str, bytes]:
        """Return every file under `folder`, by absolute path; empty when there is no folder."""
        if not self.has(folder):
            return {}
        return {
            f"{root.rstrip('/')}/{name}": self.read(f"{root.rstrip('/')}/{name}")
            for root, _, names in self._disk.walk(folder)
            for name in names
        }

    def has(self, path: str) -> bool:
        return path == "/" or PurePosixPath(path).name in self._names(PurePosixPath(path).parent)

    def read(self, path: str) -> bytes:
        with self._disk.open(path, "rb") as file:
            return bytes(file.read())

    def write(self, path: str, data: bytes) -> None:
        """Write one file, with the folders above it. Raises BuildError when it does not fit."""
        try:
            self.make_folder(str(PurePosixPath(path).parent))
            with self._disk.open(path, "wb") as file:
                file.write(data)
        except LittleFSError as error:
            raise _no_room(path, error) from error

    def make_folder(self, path: str) -> None:
        """Make a folder, with those above it. Raises BuildError when it does not fit."""
        try:
            self._disk.makedirs(path, exist_ok=True)
        except LittleFSError as error:
            raise _no_room(path, error) from error

    def replace_folder(self, folder: str, files: Mapping[str, bytes]) -> None:
        """Remove `folder` with all that is in it, then write `files` (by absolute path)."""
        if self.has(folder):
            self._disk.remove(folder, recursive=True)
        for path in sorted(files):
            self.write(path, files[path])

    def free_bytes(self) -> int:
        return (self._disk.block_count - self._disk.used_block_count) * BLOCK_BYTES

    def _names(self, folder: PurePosixPath) -> list[str]:
        try:
            return list(self._disk.listdir(str(folder)))
        except (LittleFSError, FileNotFoundError):
            return []


def _no_room(path: str, error: LittleFSError) -> BuildError:
    return BuildError(
        f"{path}: does not fit into the image ({error})",
        "Give the image more --blocks, as far as the board's flash has them.",
    )


def _unmounted(blocks: int) -> LittleFS:
    return LittleFS(
        mount=False,
        block_size=BLOCK_BYTES,
        block_count=blocks,
        read_size=READ_BYTES,
        prog_size=READ_BYTES,
        cache_size=CACHE_BYTES,
        lookahead_size=READ_BYTES,
        name_max=NAME_MAX_BYTES,
    )
