"""Writes `usp_pb2.py` and `usp_pb2.pyi` from `usp.proto`."""

from __future__ import annotations

import sys
from importlib.resources import files
from pathlib import Path

_FOLDER = Path(__file__).parent
NAMES = ("usp_pb2.py", "usp_pb2.pyi")


def generate(folder: Path) -> None:
    """Write the generated modules into `folder`.

    Raises RuntimeError when protoc refuses the file; it has said why on standard error.
    """
    from grpc_tools import protoc  # type: ignore[import-untyped]

    include = files("grpc_tools") / "_proto"
    status = protoc.main(
        [
            "protoc",
            f"-I{_FOLDER}",
            f"-I{include}",
            f"--python_out={folder}",
            f"--plugin=protoc-gen-mypy={Path(sys.executable).parent / 'protoc-gen-mypy'}",
            f"--mypy_out=quiet:{folder}",
            str(_FOLDER / "usp.proto"),
        ]
    )
    if status:
        raise RuntimeError(f"protoc ended with {status}")


if __name__ == "__main__":
    generate(_FOLDER)
    sys.exit(0)
