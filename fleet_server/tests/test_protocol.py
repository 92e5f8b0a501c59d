"""The generated modules are those of the schema beside them."""

from __future__ import annotations

from pathlib import Path

from fleet_server.protocol import generate


def test_generated_modules_are_current(tmp_path: Path) -> None:
    generate.generate(tmp_path)
    folder = Path(generate.__file__).parent
    for name in generate.NAMES:
        assert (tmp_path / name).read_text() == (folder / name).read_text()
