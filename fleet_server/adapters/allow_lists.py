"""The allow-lists that were signed, one file for each version."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fleet_server.adapters.x509_files import write_private


@dataclass(frozen=True, slots=True)
class AllowLists:
    """The files `<version>.jws` under `folder`."""

    folder: Path

    def all(self) -> dict[int, str]:
        """Each document by its version."""
        return {
            int(path.stem): path.read_text(encoding="ascii")
            for path in self.folder.glob("*.jws")
            if path.stem.isdecimal()
        }

    def add(self, version: int, document: str) -> Path:
        """Keep a document; the one that is there already may be given again."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{version}.jws"
        write_private(path, document.encode())
        return path
