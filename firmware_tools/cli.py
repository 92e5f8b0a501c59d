"""The command `firmware-tools`: build an image, look at a device, put it into service."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from firmware_tools.errors import BuildError, SignInError, ToolError
from firmware_tools.progress import ConsoleProgress

TOKEN_VARIABLE = "FLEET_TOKEN"  # noqa: S105 - the name of a variable, not a secret
Port = Annotated[str, typer.Option(help="serial port, e.g. /dev/ttyUSB0")]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
_screen = Console(soft_wrap=True)
_errors = Console(stderr=True, soft_wrap=True)


@app.command()
def provision(
    port: Port,
    server: Annotated[str, typer.Option(help="address of the fleet server, http(s)://…")],
    contract: Annotated[str, typer.Option(help="contract number of the work order")] = "",
    position: Annotated[
        str, typer.Option(help="service position, e.g. internet, voice, tv-1")
    ] = "",
    spare: Annotated[
        bool, typer.Option("--spare", help="for no contract: a unit that will replace another")
    ] = False,
    username: Annotated[str, typer.Option("--username", "--user", "-u")] = "technician",
    password_file: Annotated[
        Path | None, typer.Option(help="file that holds the password; asked for if left out")
    ] = None,
    online_within: Annotated[float, typer.Option(help="seconds to wait until online")] = 60.0,
) -> None:
    """Put the device on the serial port into service and wait until it is online.

    A token in the environment variable FLEET_TOKEN replaces user name and password.
    """
    from firmware_tools.device_console import DeviceConsole
    from firmware_tools.provision import SPARE, Placement
    from firmware_tools.provision import provision as put_into_service
    from firmware_tools.registry import Registry
    from firmware_tools.serial_link import SerialLink

    progress = ConsoleProgress(_screen)
    if spare == bool(contract or position) or (not spare and not (contract and position)):
        raise typer.BadParameter("Give --contract and --position, or --spare alone.")
    place = SPARE if spare else Placement(contract, position)
    token = os.environ.get(TOKEN_VARIABLE)
    with SerialLink(port) as link, Registry(server, token) as registry:
        if not token:
            password = _password(username, password_file)
            with progress.step(f"signed in as {username}"):
                registry.sign_in(username, password)
        device = put_into_service(DeviceConsole(link), registry, place, progress, online_within)
    where = "spare, for a replacement" if spare else f"in service at {place}"
    _say(f"{device.model_name} {device.serial_number} is {where}.")


@app.command()
def identify(port: Port) -> None:
    """Ask the device on the serial port who it is and how it does."""
    from firmware_tools.device_console import DeviceConsole
    from firmware_tools.serial_link import SerialLink

    with SerialLink(port) as link:
        device = DeviceConsole(link)
        identity = device.hello()
        status = device.status()
    _say(f"{identity.endpoint_id}  {identity.model_name} {identity.hardware_version}")
    _say(f"software  {identity.software_version}{'  LAB BOARD' if identity.lab else ''}")
    _say(f"state     {identity.state}")
    for name in ("link", "since_s", "error", "journal_pending", "clock"):
        if status.get(name) not in (None, ""):
            _say(f"{name:<16}{status[name]}")


@app.command()
def report(
    port: Port,
    name: Annotated[
        str, typer.Argument(help="status, levels, card, voice, warranty, events or test")
    ] = "status",
) -> None:
    """Show what the device says of itself: its state, signal levels, last events, self test."""
    from firmware_tools.device_console import DeviceConsole
    from firmware_tools.serial_link import SerialLink

    with SerialLink(port) as link:
        rows = DeviceConsole(link).report(name)
    for row in rows:
        key = f"{row.key} {row.number}" if row.number else row.key
        _say(f"{key:<28}{row.value:<28}{row.verdict}".rstrip())
    if not rows:
        _say("nothing to show")


@app.command()
def console(port: Port) -> None:
    """Type to the device and read what it says; Ctrl-] ends it. Try `help`."""
    from firmware_tools.terminal import talk

    talk(port)


@app.command()
def build(
    image: Annotated[Path, typer.Option(help="where the flash image goes")] = Path(
        "build/flash.img"
    ),
    blocks: Annotated[int, typer.Option(help="blocks of 4,096 bytes", min=32)] = 256,
    port: Annotated[
        str, typer.Option(help="board whose port goes with it: esp32 or rp2; or none")
    ] = "",
    rom: Annotated[
        Path | None, typer.Option(help="put the agent here, to run in place; not into the image")
    ] = None,
) -> None:
    """Compile the agent and make the flash image that holds it."""
    from firmware_tools.build import PORTS, agent_rom, compile_agent, new_image, new_storage

    if port and port not in PORTS:
        raise BuildError(f"no port for {port!r}", f"Name one of {', '.join(PORTS)}.")
    compiled = compile_agent(port=port)
    made = new_image(compiled, blocks) if rom is None else new_storage(blocks)
    image.parent.mkdir(parents=True, exist_ok=True)
    made.save(image)
    _say(f"{len(compiled.files)} files, {compiled.mpy_bytes} bytes of .mpy")
    _say(f"{image}: {blocks * 4} KiB, {made.free_bytes() // 1024} KiB free for data")
    if rom is not None:
        rom.parent.mkdir(parents=True, exist_ok=True)
        rom.write_bytes(agent_rom(compiled))
        _say(f"{rom}: {rom.stat().st_size} bytes for the ROM partition")
    _say(f"build {compiled.digest[:16]}")


@app.command("linux-package")
def linux_package(
    out: Annotated[Path, typer.Option(help="where the archive goes")] = Path(
        "build/cpe-agent.tar.gz"
    ),
) -> None:
    """Pack the agent for Linux machines: sources, service and program, to unpack at the root."""
    from firmware_tools.linux_package import write_linux_package

    count = write_linux_package(out)
    _say(f"{out}: {count} files; see docs/administrator/linux-agent.md")


def main() -> None:
    """Run the command line; the exit code tells the kind of failure (see errors.py)."""
    try:
        app()
    except ToolError as error:
        _errors.print(f"Failed: {error}", markup=False, highlight=False)
        _errors.print(f"Next:   {error.next_step}", markup=False, highlight=False)
        sys.exit(error.exit_code)


def _password(username: str, password_file: Path | None) -> str:
    if password_file is not None:
        try:
            return password_file.read_text().strip()
        except OSError as error:
            raise SignInError(f"{password_file}: cannot be read ({error.strerror})") from error
    if not sys.stdin.isatty():
        raise SignInError(
            "no password, and no terminal to ask for it", "Give --password-file or FLEET_TOKEN."
        )
    return str(typer.prompt(f"Password of {username}", hide_input=True))


def _say(text: str) -> None:
    _screen.print(text, markup=False, highlight=False)


if __name__ == "__main__":
    main()
