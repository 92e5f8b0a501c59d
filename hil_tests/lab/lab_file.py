"""Reads a lab file: which boards a lab has, what they can do, and what the bench may do to them.

Every key stands, with its meaning, in docs/technician/lab.toml; the loader refuses what it does not
know, so that a misspelt key is no test silently left out.
"""

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hil_tests.errors import LabFileError

PRODUCT_CLASSES = ("MODEM", "VOICEMODEM", "STB")
FEATURES = ("supply", "power_fail", "card", "cable", "voice", "battery")
"""What a board's hardware has: sensors and subjects."""
BACKENDS = ("power", "supply_control", "card_control", "network_control", "server", "open_console")
"""What the bench adds to them; tests ask for both in the same way."""
SIMULATED = "simulated"
NONE = "none"
DEFAULT_TIMEOUT_S = 10.0
SUPPLY_NOMINAL_MV = 12_000


@dataclass(frozen=True, slots=True)
class PowerCommands:
    """Command lines of a relay; `{board}` stands for the board's name."""

    on: str
    off: str
    cut: str
    timeout_s: float = DEFAULT_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class SupplyCommands:
    """Command lines of a power supply; `{millivolts}` is what it gives; `read` prints volts."""

    set: str
    read: str = ""
    timeout_s: float = DEFAULT_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class LabBoard:
    """One board; `port` is SIMULATED, or a name as in firmware_tools/serial_port.py."""

    name: str
    product_class: str
    port: str
    features: tuple[str, ...] = ()
    serial_number: str = ""
    hardware_version: str = ""
    build_digest: str = ""
    supply_nominal_mv: int = SUPPLY_NOMINAL_MV
    boot_s: float = 20.0
    vanishing_port: bool = False
    rfc2217: bool = False
    lab_board: bool = True
    power: PowerCommands | str = NONE
    supply: SupplyCommands | str = NONE
    card: str = NONE
    contract: str = ""
    position: str = ""

    @property
    def simulated(self) -> bool:
        return self.port == SIMULATED


@dataclass(frozen=True, slots=True)
class Server:
    """A fleet server to test against; SIMULATED as `url` starts one of the bench's own."""

    url: str
    username: str = "technician"
    password_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Lab:
    """A whole lab. `signing_key` is None where neither file nor environment names one."""

    name: str
    boards: tuple[LabBoard, ...]
    server: Server | None = None
    signing_key: Path | None = None
    folder: Path = field(default_factory=Path)

    @property
    def simulated(self) -> bool:
        return all(board.simulated for board in self.boards)


def read_lab(path: Path) -> Lab:
    """Raises LabFileError that names the key and says what to do."""
    try:
        values = tomllib.loads(path.read_text())
    except FileNotFoundError as error:
        raise LabFileError(
            f"{path}: there is no such file; copy docs/technician/lab.toml and change it"
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LabFileError(f"{path}: {error}") from error
    try:
        return lab_of(values, path.parent)
    except LabFileError as error:
        raise LabFileError(f"{path}: {error}") from error


def lab_of(values: Mapping[str, Any], folder: Path) -> Lab:
    """The lab that a parsed file says; paths in it are relative to `folder`."""
    top = _Table(values, "the file", {"lab": dict, "server": dict, "boards": dict})
    head = _Table(top.need("lab"), "[lab]", {"name": str, "signing_key": str})
    boards = top.need("boards")
    if not boards:
        raise LabFileError("[boards] names no board; add a table such as [boards.modem-1]")
    server = top.get("server", None)
    key = head.get("signing_key", "")
    lab = Lab(
        name=head.need("name"),
        boards=tuple(_board(name, board) for name, board in boards.items()),
        server=None if server is None else _server(server, folder),
        signing_key=folder / key if key else None,
        folder=folder,
    )
    for board in lab.boards:
        _check_placement(board, lab)
    return lab


class _Table:
    """One table of the file; every key is known and has its type."""

    def __init__(self, values: object, where: str, kinds: Mapping[str, type | tuple[type, ...]]):
        if not isinstance(values, dict):
            raise LabFileError(f"{where} must be a table")
        self._values = values
        self._where = where
        for key, value in values.items():
            if key not in kinds:
                raise LabFileError(f"{where}: unknown key {key!r}; {_instead(key, kinds)}")
            kind = kinds[key]
            if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
                raise LabFileError(f"{where}: {key} must be {_words(kind)}, not {value!r}")

    def need(self, key: str) -> Any:
        if key not in self._values:
            raise LabFileError(f"{self._where}: {key} is missing")
        return self._values[key]

    def get(self, key: str, default: Any) -> Any:
        return self._values.get(key, default)

    def all(self) -> dict[str, Any]:
        return dict(self._values)


_BOARD: dict[str, type | tuple[type, ...]] = {
    "product_class": str,
    "port": str,
    "features": list,
    "serial_number": str,
    "hardware_version": str,
    "build_digest": str,
    "supply_nominal_mv": int,
    "boot_s": (int, float),
    "vanishing_port": bool,
    "rfc2217": bool,
    "lab_board": bool,
    "power": (str, dict),
    "supply": (str, dict),
    "card": str,
    "contract": str,
    "position": str,
}
_ONLY_SIMULATED = ("vanishing_port", "rfc2217", "lab_board")


def _board(name: str, values: object) -> LabBoard:
    where = f"[boards.{name}]"
    table = _Table(values, where, _BOARD)
    chosen = table.all()
    simulated = table.need("port") == SIMULATED
    _one_of(where, "product_class", table.need("product_class"), PRODUCT_CLASSES)
    for feature in chosen.get("features", ()):
        _one_of(where, "features", feature, FEATURES)
    for key in _ONLY_SIMULATED:
        if key in chosen and not simulated:
            raise LabFileError(f'{where}: {key} is for port = "simulated" only; leave it out')
    chosen["features"] = tuple(chosen.get("features", ()))
    chosen["power"] = _backend(where, "power", chosen, simulated, _power)
    chosen["supply"] = _backend(where, "supply", chosen, simulated, _supply)
    chosen["card"] = _backend(where, "card", chosen, simulated, None)
    if chosen["card"] != NONE and "card" not in chosen["features"]:
        raise LabFileError(f'{where}: card needs "card" among the features')
    return LabBoard(name=name, **chosen)


def _backend(
    where: str, key: str, chosen: Mapping[str, Any], simulated: bool, commands: Any
) -> Any:
    """SIMULATED, NONE or the commands; a simulated board has what its features allow."""
    value = chosen.get(key)
    if value is None:
        has_it = simulated and (key != "card" or "card" in chosen["features"])
        return SIMULATED if has_it else NONE
    if isinstance(value, dict) and commands is not None:
        return commands(f"{where[:-1]}.{key}]", value)
    _one_of(where, key, value, (SIMULATED, NONE))
    if value == SIMULATED and not simulated:
        raise LabFileError(
            f'{where}: {key} = "simulated" is for port = "simulated" only; '
            + ("name the commands that do it" if commands else 'write "none"')
        )
    return value


def _power(where: str, values: object) -> PowerCommands:
    table = _Table(
        values,
        where,
        {"command": str, "on": str, "off": str, "cut": str, "timeout_s": (int, float)},
    )
    common = table.get("command", "")
    if common and "{action}" not in common:
        raise LabFileError(f"{where}: command must say where {{action}} (on, off, cut) goes")
    words = {
        action: table.get(action, common.replace("{action}", action))
        for action in ("on", "off", "cut")
    }
    words["cut"] = words["cut"] or words["off"]
    for action in ("on", "off"):
        if not words[action]:
            raise LabFileError(f"{where}: {action} is missing; write it, or one common command")
    return PowerCommands(**words, timeout_s=float(table.get("timeout_s", DEFAULT_TIMEOUT_S)))


def _supply(where: str, values: object) -> SupplyCommands:
    table = _Table(values, where, {"set": str, "read": str, "timeout_s": (int, float)})
    line = table.need("set")
    if "{millivolts}" not in line and "{volts}" not in line:
        raise LabFileError(f"{where}: set must say where {{millivolts}} or {{volts}} goes")
    timeout_s = float(table.get("timeout_s", DEFAULT_TIMEOUT_S))
    return SupplyCommands(line, table.get("read", ""), timeout_s)


def _server(values: object, folder: Path) -> Server:
    table = _Table(values, "[server]", {"url": str, "username": str, "password_file": str})
    url = table.need("url")
    password_file = table.get("password_file", "")
    if url != SIMULATED and not url.startswith(("http://", "https://")):
        raise LabFileError('[server]: url must begin with http:// or https://, or be "simulated"')
    if url != SIMULATED and not password_file:
        raise LabFileError("[server]: password_file is missing; a file with the password alone")
    path = folder / password_file if password_file else None
    return Server(url, table.get("username", "technician"), path)


def _check_placement(board: LabBoard, lab: Lab) -> None:
    where = f"[boards.{board.name}]"
    if bool(board.contract) != bool(board.position):
        raise LabFileError(f"{where}: contract and position go together")
    if board.contract and lab.server is None:
        raise LabFileError(f"{where}: contract needs a [server] that has it")
    if board.contract and not board.serial_number:
        raise LabFileError(f"{where}: serial_number is missing; the server knows the unit by it")
    if board.contract and board.simulated and board.lab_board:
        raise LabFileError(f"{where}: a lab board may not serve a contract; lab_board = false")


def _one_of(where: str, key: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise LabFileError(f"{where}: {key} has {value!r}; {_instead(str(value), known)}")


def _instead(word: str, known: Any) -> str:
    close = difflib.get_close_matches(word, list(known), 1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"there are {', '.join(known)}"


def _words(kind: type | tuple[type, ...]) -> str:
    names = {str: "a text", bool: "true or false", int: "a whole number", list: "a list"}
    names.update({float: "a number", dict: "a table"})
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return " or ".join(names[each] for each in kinds)
