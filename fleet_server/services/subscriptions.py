"""What every agent shall report to us, and what is missing of that.

`Periodic!` carries no retry: one that is late proves nothing. All others are retried until we have
answered, because an answer means the event is in the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent.wire.codes import (
    BATTERY,
    BATTERY_EVENT,
    BULK_DATA,
    CARD_INSERTED_EVENT,
    CARD_READER,
    CARD_REMOVED_EVENT,
    CARD_STATE_EVENT,
    DIP_EVENT,
    EMERGENCY,
    EMERGENCY_EVENT,
    EVENTS_DROPPED_EVENT,
    MAINS_LOST_EVENT,
    MAINS_RESTORED_EVENT,
    POWER,
    POWER_LOSS_EVENT,
    POWER_RESTORED_EVENT,
    PUSH_EVENT,
    RESULT_EVENT,
    SWELL_EVENT,
    TESTS,
    TRANSIENT_EVENT,
)
from fleet_server.protocol import usp_pb2 as usp

TABLE = "Device.LocalAgent.Subscription."
_CONTROLLERS = "Device.LocalAgent.Controller."
_PERIODIC = "PeriodicNotifInterval"
_CLIENT = "Device.MQTT.Client.1."
_RETRY_TIME = "ConnectRetryTime"
_MULTIPLIER = "ConnectRetryIntervalMultiplier"
_SPREAD = "X_IPKO-COM_ConnectSpread"
RETURN_PATHS = tuple(_CLIENT + name for name in (_RETRY_TIME, _MULTIPLIER, _SPREAD))
_USUAL_MULTIPLIER, _LARGEST_MULTIPLIER = 2000, 65_535
_POWER_EVENTS = (
    POWER_LOSS_EVENT,
    POWER_RESTORED_EVENT,
    DIP_EVENT,
    SWELL_EVENT,
    TRANSIENT_EVENT,
)
_BATTERY_EVENTS = (MAINS_LOST_EVENT, MAINS_RESTORED_EVENT, BATTERY_EVENT)
_LINE_STATE = tuple(EMERGENCY + name for name in ("Reachable", "Reason", "LineReady", "Since"))
_BATTERY_STATE = tuple(BATTERY + name for name in ("Status", "ChargePercent", "RuntimeLeft"))
_SERVICE = "Device.X_IPKO-COM_Service."
ALLOW_LIST_VERSION = _SERVICE + "AllowListVersion"


def _by_last_name(paths: Iterable[str]) -> dict[str, str]:
    return {path: path.rpartition(".")[2] for path in paths}


# What these events say of the state is the state: it needs no ValueChange beside them. The argument
# that tells each parameter.
_TOLD_BY_EVENTS = {
    EMERGENCY_EVENT: _by_last_name(_LINE_STATE),
    BATTERY_EVENT: _by_last_name(_BATTERY_STATE),
    "StateChanged!": {_SERVICE + "State": "State"},
    "AllowListChanged!": {ALLOW_LIST_VERSION: "Version"},
}
_OURS = ("MODEM", "VOICEMODEM", "STB")
_CLOCK_STATUS = "Device.Time.Status"
_CARD = "Device.SmartCardReaders.SmartCardReader.*.SmartCard."
_CARD_STATUS = _CARD + "Status"
_CARD_STATE = _CARD + "X_IPKO-COM_Entitlement.State"
REPLACEMENT_HEALTHY = "Device.X_IPKO-COM_Replacement.Healthy"
_REPLACEMENT = (REPLACEMENT_HEALTHY, "Device.X_IPKO-COM_Replacement.Reason")
_OTHER_CARD = _CARD + "X_IPKO-COM_Entitlement.OtherCard"
_CARD_EVENTS = (CARD_INSERTED_EVENT, CARD_REMOVED_EVENT, CARD_STATE_EVENT)
_REQUIRED = ("ID", "NotifType", "ReferenceList")


@dataclass(frozen=True, slots=True)
class Wanted:
    """One subscription; `classes` limits it to our product classes, empty means any agent."""

    subscription_id: str
    notif_type: str
    references: str
    retry: bool = True
    classes: tuple[str, ...] = ()


WANTED = (
    Wanted("fleet-boot", "Event", "Device.Boot!"),
    Wanted("fleet-periodic", "Event", "Device.LocalAgent.Periodic!", retry=False),
    Wanted(
        "fleet-power",
        "Event",
        ",".join(POWER + name for name in _POWER_EVENTS),
        classes=_OURS,
    ),
    Wanted("fleet-drops", "Event", "Device.LocalAgent." + EVENTS_DROPPED_EVENT, classes=_OURS),
    Wanted("health", "Event", f"{BULK_DATA}Profile.*.{PUSH_EVENT}", classes=_OURS),
    Wanted("fleet-tests", "Event", TESTS + RESULT_EVENT, classes=_OURS),
    Wanted("fleet-service", "Event", _SERVICE, classes=_OURS),
    Wanted("fleet-line", "Event", EMERGENCY + EMERGENCY_EVENT, classes=("VOICEMODEM",)),
    Wanted(
        "fleet-battery",
        "Event",
        ",".join(POWER + name for name in _BATTERY_EVENTS),
        classes=("VOICEMODEM",),
    ),
    Wanted("fleet-supply", "ValueChange", POWER + "Source", classes=_OURS),
    Wanted("fleet-replacement", "ValueChange", ",".join(_REPLACEMENT), classes=_OURS),
    Wanted("fleet-clock", "ValueChange", _CLOCK_STATUS, classes=_OURS),
    Wanted("fleet-card", "ValueChange", _CARD_STATUS, classes=("STB",)),
    Wanted(
        "fleet-card-entitlement",
        "ValueChange",
        ",".join((_CARD_STATE, _OTHER_CARD)),
        classes=("STB",),
    ),
    Wanted(
        "fleet-card-events",
        "Event",
        ",".join(CARD_READER + name for name in _CARD_EVENTS),
        classes=("STB",),
    ),
    Wanted("fleet-operations", "OperationComplete", "Device."),
)


def state_paths(product_class: str | None) -> list[str]:
    """The parameters the console shows as the live state of one of our agents."""
    if product_class not in _OURS:
        return []
    paths = [POWER + "Source", POWER + "SupplyVoltage", _CLOCK_STATUS, _SERVICE + "State"]
    paths += [ALLOW_LIST_VERSION, *_REPLACEMENT]
    if product_class == "VOICEMODEM":
        paths += [*_LINE_STATE, *_BATTERY_STATE]  # never who called whom, or when
    return [*paths, _CARD_STATUS, _CARD_STATE, _OTHER_CARD] if product_class == "STB" else paths


def told_values(event_name: str, params: Mapping[str, str]) -> dict[str, str]:
    """The parameters whose value an event tells, by path."""
    named = _TOLD_BY_EVENTS.get(event_name, {})
    return {path: params[name] for path, name in named.items() if name in params}


def own_controller_row(found: Mapping[str, str]) -> str | None:
    """`Device.LocalAgent.Controller.<n>.` of ours, from the answer to a search for it."""
    for path in found:
        if path.startswith(_CONTROLLERS) and path.endswith("." + _PERIODIC):
            return path[: -len(_PERIODIC)]
    return None


def missing_subscriptions(
    found: Mapping[str, str], own_row: str | None, product_class: str | None
) -> list[usp.Add.CreateObject]:
    """Rows to add so that the agent reports what is wanted."""
    there = set(_own_subscription_ids(found, own_row))
    return [
        _row(wanted)
        for wanted in WANTED
        if wanted.subscription_id not in there
        and (not wanted.classes or product_class in wanted.classes)
    ]


def periodic_setting(
    found: Mapping[str, str], own_row: str | None, interval_s: int
) -> usp.Set.UpdateObject | None:
    """The Set that makes the periodic interval right, or None when nothing needs to be set."""
    if own_row is None or found.get(own_row + _PERIODIC) == str(interval_s):
        return None
    return usp.Set.UpdateObject(
        obj_path=own_row,
        param_settings=[usp.ParamSetting(param=_PERIODIC, value=str(interval_s), required=True)],
    )


def returning(found: Mapping[str, str], window_s: int) -> usp.Set.UpdateObject | None:
    """The Set by which one of our agents spreads its return over `window_s` seconds, or None when
    it does already.

    The first wait after a loss lies between ConnectRetryTime and that times the multiplier. After a
    power cut an area starts at once, a tenth of the fleet at most: a tenth of the window.
    Source: TR-369 R-MQTT.10.
    """
    retry_s = int(found.get(_CLIENT + _RETRY_TIME, "0") or 0)
    if retry_s < 1:
        return None
    multiplier = max(_USUAL_MULTIPLIER, 1000 * (retry_s + window_s) // retry_s)
    wanted = {
        _MULTIPLIER: str(min(multiplier, _LARGEST_MULTIPLIER)),
        _SPREAD: str(window_s // 10),
    }
    differing = {name: text for name, text in wanted.items() if found.get(_CLIENT + name) != text}
    if not differing or _CLIENT + _SPREAD not in found:
        return None
    return usp.Set.UpdateObject(
        obj_path=_CLIENT,
        param_settings=[
            usp.ParamSetting(param=name, value=text) for name, text in differing.items()
        ],
    )


def _own_subscription_ids(found: Mapping[str, str], own_row: str | None) -> Iterable[str]:
    for path, value in found.items():
        if not path.startswith(TABLE) or not path.endswith(".ID"):
            continue
        recipient = found.get(path[: -len("ID")] + "Recipient", "")
        if own_row is None or recipient.rstrip(".") in ("", own_row.rstrip(".")):
            yield value


def _row(wanted: Wanted) -> usp.Add.CreateObject:
    settings = {
        "ID": wanted.subscription_id,
        "Enable": "true",
        "NotifType": wanted.notif_type,
        "ReferenceList": wanted.references,
        "Persistent": "true",
        "NotifRetry": "true" if wanted.retry else "false",
    }
    return usp.Add.CreateObject(
        obj_path=TABLE,
        param_settings=[
            usp.ParamSetting(param=name, value=value, required=name in _REQUIRED)
            for name, value in settings.items()
        ],
    )
