"""What the fleet asks of the operator's own systems and of devices, as plain values.

Each operation says what shall be, never what shall change, so that carrying it out twice does no
harm. `target` names what it is about: operations on one target are carried out in the order in
which they were decided. No operation carries personal data: a customer is a contract number, a
telephone line a contract number and a position; the operator's adapter finds the rest.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class System(StrEnum):
    """Where an operation goes; all but the last are the operator's own systems."""

    ACCESS = "access"
    VOICE = "voice"
    CONDITIONAL_ACCESS = "conditional_access"
    NOTICES = "notices"
    WORK_ORDERS = "work_orders"
    DEVICE = "device"


class AccessMode(StrEnum):
    """What CMTS, DHCP and DNS let through for one MAC address."""

    OPEN = "open"
    WALLED_GARDEN = "walled_garden"  # the hosts of the allow-list, telephony, our own connection
    MANAGEMENT_ONLY = "management_only"  # telephony and our own connection


class Barring(StrEnum):
    """What the softswitch refuses on a line; emergency numbers are never among it."""

    NONE = "none"
    OUTGOING = "outgoing"
    ALL_BUT_EMERGENCY = "all_but_emergency"


class Channel(StrEnum):
    """How a notice reaches the customer."""

    SMS = "sms"
    EMAIL = "email"


@dataclass(frozen=True, slots=True)
class SetAccess:
    """The network serves this MAC address in this class; `service_class` is the package."""

    mac_address: str
    service_class: str
    mode: AccessMode

    def __post_init__(self) -> None:
        object.__setattr__(self, "mode", AccessMode(self.mode))

    @property
    def target(self) -> str:
        return f"mac:{self.mac_address}"


@dataclass(frozen=True, slots=True)
class RemoveAccess:
    """The network serves this MAC address no more."""

    mac_address: str

    @property
    def target(self) -> str:
        return f"mac:{self.mac_address}"


@dataclass(frozen=True, slots=True)
class PublishAllowList:
    """The hosts and numbers that stay open; `document` is the signed list."""

    version: int
    document: str

    @property
    def target(self) -> str:
        return "allow-list"


@dataclass(frozen=True, slots=True)
class SetLine:
    """A telephone line, named `<contract>/<position>`, with its barring; made when it is new."""

    line: str
    barring: Barring

    def __post_init__(self) -> None:
        object.__setattr__(self, "barring", Barring(self.barring))

    @property
    def target(self) -> str:
        return f"line:{self.line}"


@dataclass(frozen=True, slots=True)
class MoveLine:
    """The line is bound to one voice modem, by its MAC address as MTA; "" binds it to none."""

    line: str
    mta_mac: str

    @property
    def target(self) -> str:
        return f"line:{self.line}"


@dataclass(frozen=True, slots=True)
class RemoveLine:
    """The line is taken out of the softswitch, and with it what it was bound to."""

    line: str

    @property
    def target(self) -> str:
        return f"line:{self.line}"


@dataclass(frozen=True, slots=True)
class PairCard:
    """A smart card works in this set-top box alone; "" in none."""

    card: str
    box: str

    @property
    def target(self) -> str:
        return f"card:{self.card}"


@dataclass(frozen=True, slots=True)
class EntitleCard:
    """The package a smart card opens; "" for nothing."""

    card: str
    package: str

    @property
    def target(self) -> str:
        return f"card:{self.card}"


@dataclass(frozen=True, slots=True)
class RefreshCard:
    """The entitlements of a smart card are sent once more."""

    card: str

    @property
    def target(self) -> str:
        return f"card:{self.card}"


@dataclass(frozen=True, slots=True)
class SetBlacklisted:
    """A smart card or set-top box is refused whatever it is entitled to, or no longer so."""

    serial_number: str
    blacklisted: bool

    @property
    def target(self) -> str:
        return f"card:{self.serial_number}"


@dataclass(frozen=True, slots=True)
class SendNotice:
    """A notice to the customer of a contract; `values` fill the template: codes, days, amounts."""

    contract: str
    channel: Channel
    template: str
    values: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "channel", Channel(self.channel))

    @property
    def target(self) -> str:
        return f"notice:{self.contract}/{self.channel}"


@dataclass(frozen=True, slots=True)
class OpenWorkOrder:
    """Somebody goes there; `due_on` is an ISO date or empty."""

    order: str
    kind: str
    contract: str
    serial_number: str = ""
    due_on: str = ""

    @property
    def target(self) -> str:
        return f"order:{self.order}"


@dataclass(frozen=True, slots=True)
class CancelWorkOrder:
    """Nobody has to go there any more."""

    order: str

    @property
    def target(self) -> str:
        return f"order:{self.order}"


@dataclass(frozen=True, slots=True)
class SetDeviceState:
    """The device's own state of the service: active, restricted or terminated."""

    endpoint_id: str
    state: str
    reason: str
    profile: str = ""

    @property
    def target(self) -> str:
        return f"device:{self.endpoint_id}"


@dataclass(frozen=True, slots=True)
class GiveAllowList:
    """The device takes over a signed allow-list."""

    endpoint_id: str
    version: int
    document: str

    @property
    def target(self) -> str:
        return f"device:{self.endpoint_id}"


@dataclass(frozen=True, slots=True)
class TellWarranty:
    """The days that the device counts down: ISO dates, `unknown`, or `none` without a term."""

    endpoint_id: str
    unit_received: str
    unit_last_covered_day: str
    card_received: str
    card_last_covered_day: str

    @property
    def target(self) -> str:
        return f"device:{self.endpoint_id}"


AccessOperation = SetAccess | RemoveAccess | PublishAllowList
VoiceOperation = SetLine | MoveLine | RemoveLine | PublishAllowList
CardOperation = PairCard | EntitleCard | RefreshCard | SetBlacklisted
WorkOrderOperation = OpenWorkOrder | CancelWorkOrder
DeviceOperation = SetDeviceState | GiveAllowList | TellWarranty
Operation = (
    AccessOperation
    | VoiceOperation
    | CardOperation
    | SendNotice
    | WorkOrderOperation
    | DeviceOperation
)

_KINDS: dict[str, type[Any]] = {
    "set_access": SetAccess,
    "remove_access": RemoveAccess,
    "publish_allow_list": PublishAllowList,
    "set_line": SetLine,
    "move_line": MoveLine,
    "remove_line": RemoveLine,
    "pair_card": PairCard,
    "entitle_card": EntitleCard,
    "refresh_card": RefreshCard,
    "set_blacklisted": SetBlacklisted,
    "send_notice": SendNotice,
    "open_work_order": OpenWorkOrder,
    "cancel_work_order": CancelWorkOrder,
    "set_device_state": SetDeviceState,
    "give_allow_list": GiveAllowList,
    "tell_warranty": TellWarranty,
}
# What says the same about a target again, so that the newest alone counts; a notice is never among
# it, and a card's pairing says nothing of its package.
_ACCESS = ("set_access", "remove_access")
_LINE = ("set_line", "remove_line")
_BINDING = ("move_line", "remove_line")
_ASPECTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_ACCESS, _ACCESS),
    "set_line": _LINE,
    "move_line": _BINDING,
    "remove_line": (*_LINE, "move_line"),
    **{
        kind: (kind,)
        for kind in (
            "publish_allow_list",
            "pair_card",
            "entitle_card",
            "set_blacklisted",
            "set_device_state",
            "give_allow_list",
            "tell_warranty",
        )
    },
}
# What an operation settles of its target. A later one that settles the same overtakes it; what
# settles nothing (a notice, one more refresh) is never overtaken.
_SETTLES: dict[str, tuple[str, ...]] = {
    **{kind: (kind,) for kind in _ASPECTS},
    **dict.fromkeys(_ACCESS, ("access",)),
    "set_line": ("barring",),
    "move_line": ("binding",),
    "remove_line": ("barring", "binding"),
    "open_work_order": ("order",),
    "cancel_work_order": ("order",),
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def kind_of(operation: Operation) -> str:
    """The name an operation is stored under."""
    return _NAMES[type(operation)]


def superseded_by(kind: str) -> tuple[str, ...]:
    """The kinds of operations that a newer one of this kind on the same target makes needless."""
    return _ASPECTS.get(kind, ())


def settles(operation: Operation) -> tuple[str, ...]:
    """The aspects of its target that an operation settles, for comparing sequence numbers."""
    return _SETTLES.get(kind_of(operation), ())


def encode(operation: Operation) -> str:
    """The arguments of an operation as JSON, always the same for the same operation."""
    return json.dumps(asdict(operation), sort_keys=True, ensure_ascii=False)


def decode(kind: str, arguments: str) -> Operation:
    """The operation of `kind_of` and `encode`."""
    operation: Operation = _KINDS[kind](**json.loads(arguments))
    return operation
