"""One unit: what it is, whether it is there, and putting it into service."""

from __future__ import annotations

import base64
import binascii
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, StringConstraints

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.api.idempotency import NotKept
from fleet_server.domain.errors import InvalidCertificateRequestError
from fleet_server.domain.local_time import local_day
from fleet_server.domain.positions import join_positions
from fleet_server.domain.roles import Permission
from fleet_server.services.assignments import held_by
from fleet_server.services.console_token import console_token
from fleet_server.services.cover import UnitCover
from fleet_server.services.enrolment import enrol
from fleet_server.services.policy import read_policy
from fleet_server.services.views_devices import read_presence
from fleet_server.services.views_units import UnitRecord, look_up, read_unit

router = APIRouter(prefix="/units/{serial}", tags=["units"])

_EXAMPLE: dict[str, Any] = {
    "serial_number": "00000003",
    "endpoint_id": "ops::00256D-STB-00000003",
    "product_class": "STB",
    "manufacturer_oui": "00256D",
    "manufacturer": "Example Devices",
    "model_name": "STB-40",
    "hardware_version": "A0",
    "software_version": "0.1.0",
    "lab": False,
    "status": "in_service",
    "state": "installed",
    "place": "",
    "received_at": "2027-01-10T08:00:00Z",
    "approval_reference": "EXAMPLE-APPROVAL-3",
    "supplier": "SUP-EX",
    "mac_addresses": {"ethernet": "00:25:6D:10:00:03"},
    "warranty": {
        "state": "in_term",
        "received_on": "2027-01-14",
        "last_covered_on": "2028-01-14",
        "days_left": 257,
        "supplier_until_on": None,
    },
    "paired_with": "EX000001",
    "contract": "C-1003",
    "position": "tv-1",
}
Serial = Annotated[str, Path(max_length=32)]


class WarrantyView(BaseModel):
    """Days are local; null where there is none or it is not known."""

    state: str
    received_on: date | None
    last_covered_on: date | None
    days_left: int | None
    supplier_until_on: date | None


class UnitView(BaseModel):
    """`contract` and `position` are null for a role that may not see them, and in stock.

    `approval_reference` is null when the unit's model is not on record. `warranty` is that of
    7.2.2 today: in_term, expired, unknown, no_term or not_received; a later claim than its last
    day is not the customer's cost by that alone.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    serial_number: str
    endpoint_id: str
    product_class: str
    manufacturer_oui: str
    manufacturer: str
    model_name: str
    hardware_version: str
    software_version: str
    lab: bool
    status: str
    state: str
    place: str
    received_at: datetime
    approval_reference: str | None
    supplier: str
    mac_addresses: dict[str, str]
    warranty: WarrantyView
    paired_with: str | None
    contract: str | None
    position: str | None


class PresenceView(BaseModel):
    """`presence` is online, suspect, offline or never; `seen` is the last proof of life."""

    presence: str
    since: datetime | None
    seen: datetime | None
    as_of: datetime


class EnrolmentRequest(BaseModel):
    """`csr`: PKCS #10, DER, base64. `position`: one, or several of one box joined by `+`; or
    `spare`, with no contract, for a unit that stays in stock until a replacement needs it."""

    csr: Annotated[str, StringConstraints(min_length=1, max_length=8192)]
    contract: Annotated[str, StringConstraints(max_length=32)] = ""
    position: Annotated[str, StringConstraints(min_length=1, max_length=64)]


class EnrolmentView(BaseModel):
    """What the unit's console verb `install` takes; certificates are DER, base64."""

    endpoint_id: str
    certificate: str
    ca: str
    command_key: str
    broker_host: str
    broker_port: int
    controller: str
    position: str


class ConsoleTokenRequest(BaseModel):
    """`nonce`: from the unit's last answer to `hello`, hex."""

    nonce: Annotated[str, StringConstraints(pattern="^[0-9a-f]{16,128}$")]


class ConsoleTokenView(BaseModel):
    """`token` is the argument of the unit's console verb `open`."""

    token: str


@router.get("")
def get_unit(serial: Serial, caller: CurrentCaller, context: Context) -> UnitView:
    """The unit of exactly this serial number; 404 when it was never taken into stock."""
    caller.require(Permission.LOOK_UP_UNIT)
    with context.fleet.reading() as connection:
        day = local_day(context.now())
        unit, cover = look_up(connection, serial, day, read_policy(connection))
        sees = caller.account.may(Permission.SEE_CONTRACT)
        held = held_by(connection, unit.id) if sees else ()
    return UnitView(
        serial_number=unit.serial_number,
        endpoint_id=unit.endpoint_id,
        product_class=unit.product_class,
        manufacturer_oui=unit.manufacturer_oui,
        manufacturer=unit.manufacturer,
        model_name=unit.model_name,
        hardware_version=unit.hardware_version,
        software_version=unit.software_version,
        lab=unit.lab,
        status=_status(unit),
        state=unit.state,
        place=unit.place,
        received_at=unit.received_at,
        approval_reference=unit.approval_reference,
        supplier=unit.supplier,
        mac_addresses=unit.mac_addresses,
        warranty=_warranty(cover),
        paired_with=cover.paired.serial_number if cover.paired else None,
        contract=held[0].number if held else None,
        position=join_positions(row.name for row in held) if held else None,
    )


@router.get("/presence")
def get_presence(serial: Serial, caller: CurrentCaller, context: Context) -> PresenceView:
    """Whether the unit is there, since when, and when it last gave a sign of life."""
    caller.require(Permission.SEE_DEVICES)
    with context.fleet.reading() as connection:
        unit = read_unit(connection, serial)
        presence = read_presence(connection, unit.endpoint_id)
    return PresenceView(
        presence=presence.state,
        since=presence.since_at,
        seen=presence.seen_at,
        as_of=context.now(),
    )


@router.post("/enrolment", status_code=201)
def enrol_unit(
    serial: Serial, body: EnrolmentRequest, caller: CurrentCaller, context: Context
) -> EnrolmentView:
    """Put a unit into service: its certificate, and the position it holds from then on.

    404 when unit, contract or position is unknown, 409 when the registry forbids it, 422 when the
    certificate request is not one this unit could have made.
    """
    caller.require(Permission.ENROL_UNIT)
    csr_der = _base64(body.csr)
    enrolled = enrol(
        context.fleet,
        serial,
        csr_der,
        body.contract,
        body.position,
        caller.actor,
        context.now(),
    )
    return EnrolmentView(
        endpoint_id=enrolled.endpoint_id,
        certificate=_text(enrolled.certificate_der),
        ca=_text(enrolled.ca_der),
        command_key=_text(enrolled.command_key),
        broker_host=enrolled.broker_host,
        broker_port=enrolled.broker_port,
        controller=enrolled.controller_id,
        position=enrolled.position,
    )


@router.post("/console-token", status_code=201)
def open_console(
    serial: Serial,
    body: ConsoleTokenRequest,
    caller: CurrentCaller,
    context: Context,
    _: NotKept,
) -> ConsoleTokenView:
    """A token that opens the serial console of this unit once, within ten minutes."""
    caller.require(Permission.OPEN_CONSOLE)
    return ConsoleTokenView(token=console_token(context.fleet, serial, body.nonce, context.now()))


def _warranty(found: UnitCover) -> WarrantyView:
    return WarrantyView(
        state=found.cover.state.value,
        received_on=found.cover.received_on,
        last_covered_on=found.cover.last_covered_on,
        days_left=found.cover.days_left,
        supplier_until_on=found.supplier.until_on,
    )


def _status(unit: UnitRecord) -> str:
    if unit.blacklisted:
        return "blacklisted"
    return "in_service" if unit.in_service else "in_stock"


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise InvalidCertificateRequestError("csr is not base64.") from error


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
