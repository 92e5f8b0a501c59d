"""One unit: what it is, whether it is there, and putting it into service."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, StringConstraints

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.api.idempotency import NotKept
from fleet_server.domain.errors import InvalidCertificateRequestError
from fleet_server.domain.roles import Permission
from fleet_server.services.console_token import console_token
from fleet_server.services.enrolment import enrol
from fleet_server.services.views_devices import read_holding, read_presence
from fleet_server.services.views_units import UnitRecord, read_unit

router = APIRouter(prefix="/units/{serial}", tags=["units"])

Serial = Annotated[str, Path(max_length=32)]


class UnitView(BaseModel):
    """`contract` and `position` are null for a role that may not see them, and in stock."""

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
    contract: str | None
    position: str | None


class PresenceView(BaseModel):
    """`presence` is online, suspect, offline or never; `seen` is the last proof of life."""

    presence: str
    since: datetime | None
    seen: datetime | None
    as_of: datetime


class EnrolmentRequest(BaseModel):
    """`csr`: PKCS #10, DER, base64. `position`: one, or several of one box joined by `+`."""

    csr: Annotated[str, StringConstraints(min_length=1, max_length=8192)]
    contract: Annotated[str, StringConstraints(min_length=1, max_length=32)]
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
        unit = read_unit(connection, serial)
        holding = None
        if caller.account.may(Permission.SEE_DEVICES):
            holding = read_holding(connection, unit.endpoint_id)
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
        contract=holding.contract if holding else None,
        position=holding.position if holding else None,
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
