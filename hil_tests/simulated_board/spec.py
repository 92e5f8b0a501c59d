"""What a simulated board is: its identity, its sensors, its memory, and where its state lives."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

DOCUMENTATION_OUI = "00256D"
DEFAULT_HEAP_BYTES = 256 * 1024
NOMINAL_SUPPLY_MV = 12_000
NOMINAL_MAINS_MV = 230_000

_MODEL_NAMES = {"MODEM": "CM-31", "VOICEMODEM": "EMTA-31", "STB": "STB-40"}


@dataclass(frozen=True, slots=True)
class BoardSpec:
    """One board as it left the (made-up) factory, and how much memory its machine has."""

    name: str
    product_class: str
    serial_number: str
    manufacturer_oui: str = DOCUMENTATION_OUI
    manufacturer: str = "IPKO-COM"
    model_name: str = ""
    hardware_version: str = "A0"
    lab: bool = False
    sensors: tuple[str, ...] = ("supply", "power_fail")
    sampler: str = ""
    """What its converter samples all the time: "mains", "rail", or nothing."""
    card_inserted: bool | None = None
    card_kind: str = "good"
    """Which made-up card it comes with; see card_slot.py."""
    heap_bytes: int = DEFAULT_HEAP_BYTES
    rom: bool = True
    """Run the agent in place from a ROM image; False: from LittleFS, as on machines without."""
    cpython: bool = False
    """Run the agent from source on CPython, as is done where the machine has no wheel."""
    flash_timings: int = 0
    """Let erasing and writing flash take the time the datasheet gives (see vm/block_device.py):
    1 typical, 2 at most."""
    vanishing_port: bool = False
    """The serial port is the board's own USB: it goes with every reset and comes back elsewhere."""
    cut_at_flash_operation: int = 0
    """Cut the power in the middle of this flash operation of the first boot; 0 for never."""
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What differs from the facts of its product class (see facts.py), by subject."""
    agent_main: str = ""
    """Path of a source file that takes the place of agent/main.py; for trials of the board."""

    @property
    def supply_nominal_mv(self) -> int:
        return NOMINAL_MAINS_MV if self.sampler == "mains" else NOMINAL_SUPPLY_MV

    @property
    def endpoint_id(self) -> str:
        return f"ops::{self.manufacturer_oui}-{self.product_class}-{self.serial_number}"

    def factory_data(self) -> dict[str, Any]:
        """Return the attributes of the Board contract that the factory wrote."""
        return {
            "product_class": self.product_class,
            "manufacturer": self.manufacturer,
            "manufacturer_oui": self.manufacturer_oui,
            "model_name": self.model_name or _MODEL_NAMES.get(self.product_class, "BOARD"),
            "serial_number": self.serial_number,
            "hardware_version": self.hardware_version,
            "lab": self.lab,
            "supply_nominal_mv": self.supply_nominal_mv,
            "time_servers": "time.example",
            "sensors": [*self.sensors, *(["card"] if self.card_inserted is not None else [])],
        }

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "BoardSpec":
        return cls.from_mapping(json.loads(text))

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> "BoardSpec":
        known = {each.name for each in fields(cls)}
        kept = {name: value for name, value in values.items() if name in known}
        kept["sensors"] = tuple(kept.get("sensors", ("supply", "power_fail")))
        return cls(**kept)


@dataclass(frozen=True, slots=True)
class BoardFolder:
    """The files of one board under the bench's state folder."""

    path: Path

    @classmethod
    def of(cls, state: Path, name: str) -> "BoardFolder":
        return cls(state / "boards" / name)

    @property
    def control_socket(self) -> Path:
        return self.path / "control.sock"

    @property
    def serial_port(self) -> Path:
        """Symbolic link to the pseudo-terminal; the same path for the life of the state."""
        return self.path / "serial"

    def usb_port(self, number: int) -> Path:
        """The same for a port that vanishes: ttyACM0, ttyACM1."""
        return self.path / f"ttyACM{number}"

    @property
    def usb_ports(self) -> Path:
        """The pattern that fits whichever of them there is."""
        return self.path / "ttyACM*"

    @property
    def flash_image(self) -> Path:
        return self.path / "flash.img"

    @property
    def rom_image(self) -> Path:
        return self.path / "rom.img"

    @property
    def power_times(self) -> Path:
        """When each step of a power-fail signal was done, where flash takes time."""
        return self.path / "flash.img.power.times"

    @property
    def files(self) -> Path:
        """The board's storage where the agent runs on CPython."""
        return self.path / "files"

    @property
    def router(self) -> Path:
        """What the customer set on the board's router, which the agent's storage is not."""
        return self.path / "router.json"

    @property
    def machine_code(self) -> Path:
        return self.path / "vm"

    @property
    def console_log(self) -> Path:
        return self.path / "console.log"

    @property
    def actions_log(self) -> Path:
        return self.path / "actions.jsonl"

    @property
    def process_log(self) -> Path:
        return self.path / "process.log"
