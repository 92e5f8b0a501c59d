"""The allow-lists that an installation signed when it kept them in files, one for each version."""

from __future__ import annotations

from pathlib import Path


def lists_in(folder: Path) -> dict[int, str]:
    """Each document by its version; nothing where there is no folder."""
    return {
        int(path.stem): path.read_text(encoding="ascii")
        for path in folder.glob("*.jws")
        if path.stem.isdecimal()
    }
