"""What can be imported and exported: the columns of each subject, and the rules within one row.

What a row says of other rows (a model, a place, a contract) is checked by
`services/registry_import.py` against the registry. `assignments` are those in force: a file says
which unit is on which position now and since when; what comes later is recorded as it happens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fleet_server.domain import rows
from fleet_server.domain.errors import InvalidError
from fleet_server.domain.identifiers import (
    card_number,
    mac_address,
    manufacturer_oui,
    serial_number,
)
from fleet_server.domain.positions import kind_of, split_positions
from fleet_server.domain.rows import Column, Fault, Values

PRODUCT_CLASSES = ("MODEM", "VOICEMODEM", "STB", "CARD")
PACKAGES = ("TOP S", "TOP M", "TOP L")
PLACE_KINDS = ("warehouse", "store", "van", "contractor", "supplier")
NETWORK_KINDS = ("node", "amplifier", "street")
# What an agent can measure. Source: `Sensors` of Device.X_IPKO-COM_Power., docs/data-model.md.
SENSORS = ("supply", "power_fail", "card", "mains", "rail")
MAC_INTERFACES = ("cable", "emta", "ethernet", "wifi")
_MOST_CENTS = 10_000_000


@dataclass(frozen=True, slots=True)
class Subject:
    """One kind of file. `key` is what a report calls a row; no two rows share a `unique` text."""

    name: str
    columns: tuple[Column[Any], ...]
    key: str
    check: Callable[[Values], list[Fault]] = lambda _values: []
    unique: Callable[[Values], tuple[str, ...]] | None = None

    def read(self, fields: dict[str, str]) -> tuple[Values, list[Fault]]:
        """The values of one row, and what is wrong with it."""
        values, faults = rows.read_row(self.columns, fields)
        return values, faults or self.check(values)

    def unique_texts(self, values: Values) -> tuple[str, ...]:
        return self.unique(values) if self.unique else (str(values[self.key]),)


def _unit_faults(values: Values) -> list[Fault]:
    if values["product_class"] == "CARD":
        return _card_faults(values)
    faults = []
    if values["product_class"] != "STB" and not values["mac_cable"]:
        faults.append(Fault("mac_cable", "is missing; the network knows a modem by it"))
    if values["product_class"] != "VOICEMODEM" and values["mac_emta"]:
        faults.append(Fault("mac_emta", "only a voice modem has a telephone adapter"))
    given = [values[name] for name in _MAC_COLUMNS if values[name]]
    if len(set(given)) != len(given):
        faults.append(Fault("", "two interfaces of one unit have the same MAC address"))
    return faults


def _card_faults(values: Values) -> list[Fault]:
    faults = [Fault(name, "a smart card has none") for name in _MAC_COLUMNS if values[name]]
    try:
        card_number(values["serial_number"])
    except InvalidError as error:
        faults.append(Fault("serial_number", str(error)))
    return faults


def _unit_unique(values: Values) -> tuple[str, ...]:
    macs = tuple(values[name] for name in _MAC_COLUMNS if values[name])
    return (values["serial_number"], *macs)


def _place_faults(values: Values) -> list[Fault]:
    if values["parent"] == values["code"]:
        return [Fault("parent", "an element cannot hang on itself")]
    if values["kind"] == "node" and values["parent"]:
        return [Fault("parent", "a fibre node has none")]
    if values["kind"] != "node" and not values["parent"]:
        return [Fault("parent", "is missing; only a fibre node has none")]
    return []


def _contract_faults(values: Values) -> list[Fault]:
    numbers = {name.partition("-")[2] for name in values["positions"] if kind_of(name) == "tv"}
    cards = {name.partition("-")[2] for name in values["positions"] if kind_of(name) == "card"}
    if cards - numbers:
        return [Fault("positions", "a card needs the television of the same number")]
    return []


def _position(text: str) -> str:
    kind_of(text)
    return text


_MAC_COLUMNS = tuple(f"mac_{interface}" for interface in MAC_INTERFACES)
_name = rows.text_up_to(64)
_product_class = rows.one_of(*PRODUCT_CLASSES)

SUPPLIERS = Subject(
    "suppliers",
    (Column("code", rows.code, required=True), Column("name", _name, required=True)),
    key="code",
)
PLACES = Subject(
    "places",
    (
        Column("code", rows.code, required=True),
        Column("kind", rows.one_of(*PLACE_KINDS), required=True),
        Column("name", _name, required=True),
    ),
    key="code",
)
NETWORK = Subject(
    "network",
    (
        Column("code", rows.code, required=True),
        Column("kind", rows.one_of(*NETWORK_KINDS), required=True),
        Column("parent", rows.code),
    ),
    key="code",
    check=_place_faults,
)
MODELS = Subject(
    "models",
    (
        Column("manufacturer_oui", manufacturer_oui, required=True),
        Column("product_class", _product_class, required=True),
        Column("model_name", _name, required=True),
        Column("manufacturer", _name, required=True),
        Column("approval_reference", _name, default=""),
        Column("hardware_revisions", rows.list_of(_name), default=()),
        Column("sensors", rows.list_of(rows.one_of(*SENSORS)), default=()),
        Column("supplier_warranty_months", rows.whole_number(0, 240)),
    ),
    key="model_name",
    unique=lambda values: (
        f"{values['manufacturer_oui']} {values['product_class']} {values['model_name']}",
    ),
)
UNITS = Subject(
    "units",
    (
        Column("serial_number", serial_number, required=True),
        Column("product_class", _product_class, required=True),
        Column("manufacturer_oui", manufacturer_oui, required=True),
        Column("model_name", _name, required=True),
        Column("hardware_version", _name, default=""),
        *(Column(name, mac_address) for name in _MAC_COLUMNS),
        Column("supplier", rows.code),
        Column("supplier_warranty_until_on", rows.civil_date),
        Column("place", rows.code),
        Column("received_on", rows.civil_date),
    ),
    key="serial_number",
    check=_unit_faults,
    unique=_unit_unique,
)
CONTRACTS = Subject(
    "contracts",
    (
        Column("number", rows.code, required=True),
        Column("package", rows.one_of(*PACKAGES), required=True),
        Column("signed_on", rows.civil_date, required=True),
        Column("network_element", rows.code),
        Column("positions", rows.list_of(_position), required=True),
    ),
    key="number",
    check=_contract_faults,
)
PAIRINGS = Subject(
    "pairings",
    (
        Column("card", card_number, required=True),
        Column("box", serial_number, required=True),
    ),
    key="card",
    unique=lambda values: (f"card {values['card']}", f"box {values['box']}"),
)
ASSIGNMENTS = Subject(
    "assignments",
    (
        Column("contract", rows.code, required=True),
        Column("position", split_positions, required=True),
        Column("serial_number", serial_number, required=True),
        Column("since_on", rows.civil_date, required=True),
        Column("handed_over_on", rows.civil_date),
        Column("value_cents", rows.whole_number(0, _MOST_CENTS)),
    ),
    key="serial_number",
    unique=lambda values: (
        f"unit {values['serial_number']}",
        *(f"{values['contract']} {name}" for name in values["position"]),
    ),
)

SUBJECTS = {
    subject.name: subject
    for subject in (
        SUPPLIERS, PLACES, NETWORK, MODELS, UNITS, CONTRACTS, PAIRINGS, ASSIGNMENTS,
    )
}  # fmt: skip


def subject_called(name: str) -> Subject:
    """Raises InvalidError that names what there is."""
    if name not in SUBJECTS:
        raise InvalidError(f"There is no subject {name!r}; there are {', '.join(SUBJECTS)}.")
    return SUBJECTS[name]
