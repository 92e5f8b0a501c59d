"""The ROM image of the agent: a file system whose files a machine uses where they lie.

A board maps the image's flash into its memory. Code that is imported from there runs in place, and
its texts stay there too: only functions, classes and tables of names lie on the heap.

A record is a kind, a length and that many bytes; numbers are in groups of seven bits, the highest
first, every byte but the last with its top bit set. A file is its name and a record of its bytes, a
directory its name and the records in it. Source: MicroPython documentation, `vfs`, "ROM filesystem
format"; `extmod/vfs_rom.c`.
"""

from collections.abc import Mapping

_MAGIC = b"\xd2\xcd\x31"  # "RM1", written as the kind of the outermost record
_VERBATIM = 2
_DIRECTORY = 4
_FILE = 5


def rom_image(files: Mapping[str, bytes]) -> bytes:
    """Return the image that holds these files, by absolute path; the same for the same files."""
    content = _records({path.lstrip("/"): data for path, data in files.items()})
    size = _number(len(content))
    if (len(_MAGIC) + len(size) + len(content)) % 2:
        size = b"\x80" + size  # images have an even length
    return _MAGIC + size + content


def _records(files: Mapping[str, bytes]) -> bytes:
    folders: dict[str, dict[str, bytes]] = {}
    out = b""
    for path in sorted(files):
        name, _, below = path.partition("/")
        if below:
            folders.setdefault(name, {})[below] = files[path]
        else:
            out += _record(_FILE, _named(name) + _record(_VERBATIM, files[path]))
    for name, inside in folders.items():
        out += _record(_DIRECTORY, _named(name) + _records(inside))
    return out


def _named(name: str) -> bytes:
    text = name.encode()
    return _number(len(text)) + text


def _record(kind: int, content: bytes) -> bytes:
    return _number(kind) + _number(len(content)) + content


def _number(value: int) -> bytes:
    groups = [value & 127]
    while value := value >> 7:
        groups.append(value & 127 | 128)
    return bytes(reversed(groups))
