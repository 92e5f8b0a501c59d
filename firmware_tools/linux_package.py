"""The agent for Linux machines as an archive to be unpacked at the root of the machine.

It holds the sources (the machine's own Python compiles them once, into /var/cache/cpe-agent), the
service, the program and an example of the configuration. The same sources give the same archive.
"""

import gzip
import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

from firmware_tools.build import REPOSITORY, agent_texts

_FILES = Path(__file__).with_name("linux")
_LIBRARY = "usr/lib/cpe-agent"
_PLACES = {
    "cpe-agent": ("usr/bin/cpe-agent", 0o755),
    "cpe-agent.service": ("usr/lib/systemd/system/cpe-agent.service", 0o644),
    "cpe-agent-filter.service": ("usr/lib/systemd/system/cpe-agent-filter.service", 0o644),
    "cpe-agent.toml": ("usr/share/doc/cpe-agent/cpe-agent.toml", 0o644),
}
_BOARDS_ONLY = ("ports/link.py", "ports/esp32.py", "ports/rp2.py")


def linux_files(repository: Path = REPOSITORY) -> Iterator[tuple[str, bytes, int]]:
    """(path on the machine, content, mode) of everything in the archive, in a steady order."""
    agent = repository / "agent"
    for source in sorted([*agent.rglob("*.py"), *agent_texts(repository)]):
        name = source.relative_to(agent).as_posix()
        if not name.startswith("tests/") and name not in _BOARDS_ONLY:
            yield f"{_LIBRARY}/agent/{name}", source.read_bytes(), 0o644
    for name, (place, mode) in sorted(_PLACES.items()):
        yield place, (_FILES / name).read_bytes(), mode
    page = repository / "docs" / "administrator" / "linux-agent.md"
    yield "usr/share/doc/cpe-agent/README.md", page.read_bytes(), 0o644


def write_linux_package(path: Path) -> int:
    """Write the archive (tar, gzip) and return how many files it has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with (
        path.open("wb") as file,
        gzip.GzipFile(fileobj=file, mode="wb", filename="", mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for name, data, mode in linux_files():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), mode
            archive.addfile(member, io.BytesIO(data))
            count += 1
    return count
