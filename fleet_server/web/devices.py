"""The device list and the device page, and the parts of them that are polled.

A polled part is asked for once a second per open page, so each costs a handful of look-ups by
key. The history of a device is sent again only when it has changed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, Query, Response

from agent.wire import codes
from fleet_server.domain.event import parse_time, whole
from fleet_server.domain.roles import Permission
from fleet_server.services import gasps
from fleet_server.services.sequences import missing_events
from fleet_server.services.views_devices import (
    Device,
    DeviceFilter,
    list_devices,
    list_events,
    read_device,
)
from fleet_server.services.views_interruptions import past_interruptions
from fleet_server.web.event_text import describe
from fleet_server.web.labels import PRESENCE_STATES, PRODUCT_CLASSES
from fleet_server.web.page import CurrentPage, Page

router = APIRouter(include_in_schema=False)

_POWER_SOURCE = f"{codes.POWER}Source"
_SUPPLY_VOLTAGE = f"{codes.POWER}SupplyVoltage"
_CARD = f"{codes.CARD_READER}SmartCard."
_CARD_STATUS = f"{_CARD}Status"
_CARD_STATE = f"{_CARD}X_IPKO-COM_Entitlement.State"
_OTHER_CARD = f"{_CARD}X_IPKO-COM_Entitlement.OtherCard"
_CLOCK_STATUS = "Device.Time.Status"
_SERVICE_STATE = "Device.X_IPKO-COM_Service.State"
_EMERGENCY = ("Reachable", "Reason", "Since")
_BATTERY = ("Status", "ChargePercent", "RuntimeLeft")

Key = Annotated[str, Query(max_length=64)]
Code = Annotated[str, Query(max_length=16)]
RowKey = Annotated[int, Query(ge=0, lt=1 << 63)]


def narrowed_to(
    serial: Key = "", kind: Code = "", state: Code = "", interrupted: bool = False
) -> DeviceFilter:
    return DeviceFilter(serial.strip(), kind, state, interrupted)


Narrowed = Annotated[DeviceFilter, Depends(narrowed_to)]


@dataclass(frozen=True, slots=True)
class History:
    """Which pages of the history are shown: older than these keys, or the newest."""

    before: int | None
    past: int | None


NEWEST = History(None, None)


def shown_history(before: RowKey | None = None, past: RowKey | None = None) -> History:
    return History(before, past)


ShownHistory = Annotated[History, Depends(shown_history)]


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the live state; `old` when the device is not online to confirm it."""

    title: str
    text: str
    reported_at: datetime | None
    old: bool


@router.get("/devices")
def device_list(page: CurrentPage, narrowed: Narrowed, after: Key = "") -> Response:
    values = _list_values(page, narrowed, after)
    with page.context.fleet.reading() as connection:
        fleet = gasps.read(connection)
    return page.render(
        "devices.html",
        gasps=page.formats.share(fleet.gasps, fleet.losses) if fleet.losses else "",
        product_classes=list(PRODUCT_CLASSES),
        presence_states=list(PRESENCE_STATES),
        filtered=narrowed != DeviceFilter(),
        rows_url=_list_url("/devices/rows", narrowed, after),
        first_url=_list_url("/devices", narrowed) if after else "",
        next_url=_next_url(narrowed, values),
        **values,
    )


@router.get("/devices/rows")
def device_rows(page: CurrentPage, narrowed: Narrowed, after: Key = "") -> Response:
    return page.render("device_rows.html", **_list_values(page, narrowed, after))


@router.get("/devices/{endpoint_id}")
def device_page(page: CurrentPage, endpoint_id: str, shown: ShownHistory) -> Response:
    device = _device(page, endpoint_id)
    return page.render(
        "device.html",
        live_url=_device_url(endpoint_id, "/live", shown),
        values_url=_device_url(endpoint_id, "/values"),
        **_live_values(page, device),
        **_history_values(page, endpoint_id, shown),
    )


@router.get("/devices/{endpoint_id}/live")
def device_live(
    page: CurrentPage, endpoint_id: str, shown: ShownHistory, version: Key = ""
) -> Response:
    """The live state; with it the history, if it is no longer the one of `version`."""
    device = _device(page, endpoint_id)
    answer = page.html("device_live.html", **_live_values(page, device))
    history = _history_values(page, endpoint_id, shown)
    if history["history_version"] != version:
        answer += page.html("device_history.html", **{**history, "out_of_band": True})
    return Response(answer, media_type="text/html")


@router.get("/devices/{endpoint_id}/values")
def device_values(page: CurrentPage, endpoint_id: str) -> Response:
    return page.render("device_values.html", device=_device(page, endpoint_id))


def _list_values(page: Page, narrowed: DeviceFilter, after: str) -> dict[str, Any]:
    page.require(Permission.SEE_DEVICES)
    with page.context.fleet.reading() as connection:
        return {"page": list_devices(connection, narrowed, after), "narrowed": narrowed}


def _device(page: Page, endpoint_id: str) -> Device:
    page.require(Permission.SEE_DEVICES)
    with page.context.fleet.reading() as connection:
        return read_device(connection, endpoint_id)


def _live_values(page: Page, device: Device) -> dict[str, Any]:
    words = [page.label("presence", device.presence.state)]
    words += [page.label("cause", each.cause) for each in device.open_interruptions]
    return {"device": device, "facts": _facts(page, device), "announcement": ", ".join(words)}


def _facts(page: Page, device: Device) -> list[Fact]:
    """Power, clock, service, and for a set-top box its card, as last reported."""
    _ = page.gettext
    wanted = [
        (_("Power source"), _POWER_SOURCE, "power_source"),
        (_("Supply voltage"), _SUPPLY_VOLTAGE, ""),
        (_("Clock"), _CLOCK_STATUS, "clock"),
    ]
    if _SERVICE_STATE in device.values:
        wanted.append((_("Service"), _SERVICE_STATE, "service_state"))
    if device.identity.product_class == "STB":
        if _CARD_STATE in device.values:
            wanted.append((_("Smart card"), _CARD_STATE, "card_finding"))
        else:
            wanted.append((_("Smart card"), _CARD_STATUS, "card"))
        other = device.values.get(_OTHER_CARD)
        if other is not None and other.value == "true":
            wanted.append((_("Another card than the paired one"), _OTHER_CARD, "truth"))
    found = [_fact(page, device, *each) for each in wanted]
    if device.gasps.losses:
        told = page.formats.share(device.gasps.gasps, device.gasps.losses)
        found.append(Fact(_("Power losses told before the dark"), told, None, False))
    if device.identity.product_class == "VOICEMODEM":
        found[:0] = [_emergency_fact(page, device)]
        if codes.BATTERY + "Status" in device.values:
            found.append(_battery_fact(page, device))
    return found


def _emergency_fact(page: Page, device: Device) -> Fact:
    """Whether the line reaches emergency numbers. A silent device counts as unknown, never as well.

    Source: Subscription terms, articles 7.3.7 and 11.3.
    """
    title = page.gettext("Emergency calls")
    said = {name: device.values.get(codes.EMERGENCY + name) for name in _EMERGENCY}
    reachable, reason, since = (each.value if each else "" for each in said.values())
    reported_at = said["Reachable"].reported_at if said["Reachable"] else None
    if device.presence.state != "online":
        lost = device.presence.evidence == "power_loss"
        reachable, reason = ("false", "PowerLost") if lost else ("unknown", "Silent")
        began_at = device.presence.since_at
        reported_at = began_at
    elif not reachable:
        return Fact(title, page.gettext("not reported yet"), None, True)
    else:
        began_at = parse_time(since)
    words = [page.label("reachable", reachable)]
    if reason:
        words.append(page.label("reason", reason))
    if began_at and reachable != "true":
        words.append(page.gettext("since %(time)s") % {"time": page.formats.moment(began_at)})
    return Fact(title, ", ".join(words), reported_at, False)


def _battery_fact(page: Page, device: Device) -> Fact:
    values = {name: device.values.get(codes.BATTERY + name) for name in _BATTERY}
    status, percent, left_s = (each.value if each else "" for each in values.values())
    words = [page.label("battery", status)]
    if whole(percent) and status != "Absent":
        words.append(f"{percent}\N{NO-BREAK SPACE}%")
    left = whole(left_s)
    if left and status != "Absent":
        words.append(page.formats.length(left * 1000))
    reported = device.values[codes.BATTERY + "Status"]
    text = ", ".join(words)
    return Fact(
        page.gettext("Battery"), text, reported.reported_at, device.presence.state != "online"
    )


def _fact(page: Page, device: Device, title: str, path: str, subject: str) -> Fact:
    reported = device.values.get(path)
    if reported is None:
        return Fact(title, page.gettext("not reported yet"), None, True)
    if subject:
        text = page.label(subject, reported.value)
    else:
        millivolts = whole(reported.value)
        text = reported.value if millivolts is None else page.formats.volts(millivolts)
    return Fact(title, text, reported.reported_at, device.presence.state != "online")


def _history_values(page: Page, endpoint_id: str, shown: History) -> dict[str, Any]:
    with page.context.fleet.reading() as connection:
        past = past_interruptions(connection, endpoint_id, shown.past)
        events = list_events(connection, endpoint_id, shown.before)
        missing = missing_events(connection, endpoint_id)

    def url(changed: History) -> str:
        return "" if changed == shown else _device_url(endpoint_id, "", changed)

    return {
        "past": past.interruptions,
        "newest_past_url": url(replace(shown, past=None)),
        "older_past_url": url(replace(shown, past=past.next_before or shown.past)),
        "events": [describe(event, page.label, page.formats) for event in events.events],
        "missing": missing,
        "newest_url": url(replace(shown, before=None)),
        "older_url": url(replace(shown, before=events.next_before or shown.before)),
        "history_version": _digest((past, events, missing)),
        "out_of_band": False,
    }


def _digest(shown: object) -> str:
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def _next_url(narrowed: DeviceFilter, values: dict[str, Any]) -> str:
    after = values["page"].next_after
    return _list_url("/devices", narrowed, after) if after else ""


def _list_url(path: str, narrowed: DeviceFilter, after: str = "") -> str:
    query = {
        "serial": narrowed.serial,
        "kind": narrowed.product_class,
        "state": narrowed.state,
        "interrupted": "1" if narrowed.interrupted else "",
        "after": after,
    }
    given = {name: value for name, value in query.items() if value}
    return f"{path}?{urlencode(given)}" if given else path


def _device_url(endpoint_id: str, part: str = "", shown: History = NEWEST) -> str:
    keys = {"before": shown.before, "past": shown.past}
    query = urlencode({name: key for name, key in keys.items() if key is not None})
    return f"/devices/{quote(endpoint_id)}{part}{'?' + query if query else ''}"
