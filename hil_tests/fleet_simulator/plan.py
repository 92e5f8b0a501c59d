"""Which units a simulated fleet has, and where each is in service: the same for the same seed.

Everything is made up; the OUI, of the MAC addresses too, is the one for documentation.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from hil_tests.simulated_board.spec import DOCUMENTATION_OUI, BoardSpec

CLASSES = ("MODEM", "VOICEMODEM", "STB")
_SHARES = (60, 25, 15)
_POSITIONS = {"MODEM": "internet", "VOICEMODEM": "internet+voice", "STB": "tv-1"}
_MAC_COLUMN = {"MODEM": "mac_cable", "VOICEMODEM": "mac_cable", "STB": "mac_ethernet"}
WAREHOUSE = "SIM-WH"
_STREET_UNITS = 25
_STREETS = 2
_AMPLIFIERS = 2
NODE_UNITS = _STREET_UNITS * _STREETS * _AMPLIFIERS

Row = dict[str, str]


@dataclass(frozen=True, slots=True)
class UnitPlan:
    """One unit. `spare` ones are on no contract; their contract and street are their neighbour's.

    `places` are the elements of the network above it: street, amplifier, node. `is_enrolled`: it
    has its certificate from the server, which can revoke it.
    """

    number: int
    product_class: str
    spare: bool = False
    is_enrolled: bool = False

    @property
    def spec(self) -> BoardSpec:
        name = f"SIM-{self.product_class}"
        return BoardSpec(
            self.serial_number, self.product_class, self.serial_number, model_name=name
        )

    @property
    def serial_number(self) -> str:
        return f"{'SP' if self.spare else 'SM'}{self.number:06}"

    @property
    def endpoint_id(self) -> str:
        return f"ops::{DOCUMENTATION_OUI}-{self.product_class}-{self.serial_number}"

    @property
    def contract(self) -> str:
        return f"SIM-{self.number:06}"

    @property
    def position(self) -> str:
        return _POSITIONS[self.product_class]

    @property
    def places(self) -> tuple[str, str, str]:
        street = self.number // _STREET_UNITS
        amplifier = street // _STREETS
        node = f"SIM-N{amplifier // _AMPLIFIERS}"
        above = f"{node}-A{amplifier % _AMPLIFIERS}"
        return f"{above}-S{street % _STREETS}", above, node

    @property
    def macs(self) -> dict[str, str]:
        """Its addresses by column of the registry, twelve hex digits."""
        tail = f"{self.number:05X}"
        first, second = ("A", "C") if self.spare else ("B", "D")
        found = {_MAC_COLUMN[self.product_class]: f"{DOCUMENTATION_OUI}{first}{tail}"}
        if self.product_class == "VOICEMODEM":
            found["mac_emta"] = f"{DOCUMENTATION_OUI}{second}{tail}"
        return found

    def is_at(self, place: str) -> bool:
        """Whether it hangs on this element; "" is the whole network."""
        return not place or place in self.places


def fleet_plan(count: int, seed: int, spares: int = 0) -> list[UnitPlan]:
    """`count` units in service, and a spare of the same kind beside each of the first `spares`.

    Those first and their spares are enrolled, so that one may replace the other.
    """
    chance = random.Random(seed)  # noqa: S311 - repeatable, not secret
    classes = chance.choices(CLASSES, _SHARES, k=count)
    units = [
        UnitPlan(number, product_class, is_enrolled=number < spares)
        for number, product_class in enumerate(classes)
    ]
    return units + [replace(unit, spare=True) for unit in units[:spares]]


def registry_rows(units: list[UnitPlan], day: str) -> Iterator[tuple[str, list[Row]]]:
    """(subject, rows) of everything the registry must know, in the order of an import.

    `day` is when contracts were signed and units were handed over, `2026-11-26`.
    """
    serving = [unit for unit in units if not unit.spare]
    yield "places", [{"code": WAREHOUSE, "kind": "warehouse", "name": "Warehouse of the simulator"}]
    yield "network", _network(serving)
    yield "models", [_model(product_class) for product_class in CLASSES]
    yield "units", [_unit(unit) for unit in units]
    yield "contracts", [_contract(unit, day) for unit in serving]
    yield "assignments", [_assignment(unit, day) for unit in serving]


def _network(units: list[UnitPlan]) -> list[Row]:
    rows: dict[str, Row] = {}
    for unit in units:
        street, amplifier, node = unit.places
        rows.setdefault(node, {"code": node, "kind": "node"})
        rows.setdefault(amplifier, {"code": amplifier, "kind": "amplifier", "parent": node})
        rows.setdefault(street, {"code": street, "kind": "street", "parent": amplifier})
    return list(rows.values())


def _model(product_class: str) -> Row:
    return {
        "manufacturer_oui": DOCUMENTATION_OUI,
        "product_class": product_class,
        "model_name": f"SIM-{product_class}",
        "manufacturer": "Example Devices",
        "approval_reference": f"EXAMPLE-APPROVAL-SIM-{product_class}",
        "hardware_revisions": "A0",
    }


def _unit(unit: UnitPlan) -> Row:
    return {
        "serial_number": unit.serial_number,
        "product_class": unit.product_class,
        "manufacturer_oui": DOCUMENTATION_OUI,
        "model_name": f"SIM-{unit.product_class}",
        "hardware_version": "A0",
        "place": WAREHOUSE,
        **unit.macs,
    }


def _contract(unit: UnitPlan, day: str) -> Row:
    return {
        "number": unit.contract,
        "package": "TOP S",
        "signed_on": day,
        "network_element": unit.places[0],
        "positions": unit.position.replace("+", ";"),
    }


def _assignment(unit: UnitPlan, day: str) -> Row:
    return {
        "contract": unit.contract,
        "position": unit.position,
        "serial_number": unit.serial_number,
        "since_on": day,
        "handed_over_on": day,
    }
