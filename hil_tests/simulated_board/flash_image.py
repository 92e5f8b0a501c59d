"""The flash of a simulated board: the image file, the agent in it, and a look at its files."""

from pathlib import Path

from firmware_tools.build import (
    AGENT_FOLDER,
    DATA_FOLDER,
    AgentBuild,
    agent_rom,
    compile_agent,
    compile_files,
    install_agent,
    new_image,
    new_storage,
)
from firmware_tools.flash_image import FlashImage

_AGENT_MAIN = f"{AGENT_FOLDER}/main.mpy"
_MACHINE_SOURCES = (
    "start.py",
    "simulated.py",
    "block_device.py",
    "card_line.py",
    "wave_player.py",
    "power_trace.py",
)


def agent_for(agent_main: str) -> AgentBuild:
    """Compile the agent; with `agent_main`, let that source file take the place of its main."""
    build = compile_agent()
    if not agent_main:
        return build
    source = Path(agent_main).resolve()
    (compiled,) = compile_files([source], source.parent).values()
    return AgentBuild({**build.files, _AGENT_MAIN: compiled})


def flash_agent(image_file: Path, build: AgentBuild) -> bool:
    """Make sure the image holds just this agent; its storage is kept. False when it did."""
    if not image_file.exists():
        new_image(build).save(image_file)
        return True
    image = FlashImage.load(image_file)
    if not install_agent(image, build):
        return False
    image.save(image_file)
    return True


def flash_rom(rom_file: Path, image_file: Path, build: AgentBuild) -> bool:
    """Make sure the ROM image is this agent and there is storage. False when it was so."""
    if not image_file.exists():
        new_storage().save(image_file)
    data = agent_rom(build)
    if rom_file.exists() and rom_file.read_bytes() == data:
        return False
    beside = rom_file.with_name(rom_file.name + ".new")
    beside.write_bytes(data)
    beside.replace(rom_file)
    return True


def stored_files(image_file: Path) -> dict[str, bytes]:
    """Return what the agent has stored, by absolute path. The board must be off."""
    return FlashImage.load(image_file).files(DATA_FOLDER)


def write_machine_code(folder: Path) -> None:
    """Compile the modules that make the bare machine a board, and put them into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    source = Path(__file__).parent / "vm"
    for name, data in compile_files((source / name for name in _MACHINE_SOURCES), source).items():
        (folder / name).write_bytes(data)
