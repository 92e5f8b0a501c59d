"""In which state the services of a contract are, and what that means in the network and at home.

| state | network access | calls | television | device |
|---|---|---|---|---|
| active | open | all | package | active |
| outgoing_barred [8.8] | open | in; out to emergency numbers | package | active |
| suspended [8.6, 8.8] | walled garden | emergency numbers | nothing | restricted |
| terminated [2, 9.9] | own connection only | emergency numbers | nothing | terminated |

No state is dark for emergency numbers [11.3, S]: a line keeps its registration, and the network
serves the voice modem until it has come back. The operator's systems come first and the devices
after them, because what hangs behind a device can bypass it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fleet_server.domain.errors import ServiceStateError
from fleet_server.domain.kinds import ProductClass
from fleet_server.domain.operations import (
    AccessMode,
    Barring,
    EntitleCard,
    MoveLine,
    Operation,
    PairCard,
    RemoveAccess,
    SetAccess,
    SetDeviceState,
    SetLine,
    System,
)

Stage = tuple[tuple[System, Operation], ...]


class ServiceState(StrEnum):
    """TERMINATED is final: a new subscription is a new contract [2]."""

    ACTIVE = "active"
    OUTGOING_BARRED = "outgoing_barred"
    SUSPENDED = "suspended"
    TERMINATED = "terminated"


class Ground(StrEnum):
    """Why the state changes."""

    DEBT = "debt"
    FRAUD = "fraud"
    OTHER_BREACH = "other_breach"
    PAID = "paid"
    BREACH_ENDED = "breach_ended"
    MISTAKE = "mistake"
    CUSTOMER_REQUEST = "customer_request"


_S = ServiceState
_TAKES_AWAY = frozenset({Ground.DEBT, Ground.FRAUD, Ground.OTHER_BREACH})
_GIVES_BACK = frozenset({Ground.PAID, Ground.BREACH_ENDED, Ground.MISTAKE})
_NEEDS_NOTICE = frozenset({Ground.DEBT, Ground.FRAUD})
_STEPS: dict[ServiceState, dict[ServiceState, frozenset[Ground]]] = {
    _S.ACTIVE: {
        _S.OUTGOING_BARRED: _TAKES_AWAY,
        _S.SUSPENDED: _TAKES_AWAY,
        _S.TERMINATED: _TAKES_AWAY | {Ground.CUSTOMER_REQUEST},
    },
    _S.OUTGOING_BARRED: {
        _S.ACTIVE: _GIVES_BACK,
        _S.SUSPENDED: _TAKES_AWAY,
        _S.TERMINATED: _TAKES_AWAY | {Ground.CUSTOMER_REQUEST},
    },
    _S.SUSPENDED: {
        _S.ACTIVE: _GIVES_BACK,
        _S.TERMINATED: _TAKES_AWAY | {Ground.CUSTOMER_REQUEST},
    },
    _S.TERMINATED: {},
}


@dataclass(frozen=True, slots=True)
class _Meaning:
    mode: AccessMode
    barring: Barring
    entitled: bool
    device: str


_MEANINGS = {
    _S.ACTIVE: _Meaning(AccessMode.OPEN, Barring.NONE, True, "active"),
    _S.OUTGOING_BARRED: _Meaning(AccessMode.OPEN, Barring.OUTGOING, True, "active"),
    _S.SUSPENDED: _Meaning(
        AccessMode.WALLED_GARDEN, Barring.ALL_BUT_EMERGENCY, False, "restricted"
    ),
    _S.TERMINATED: _Meaning(
        AccessMode.MANAGEMENT_ONLY, Barring.ALL_BUT_EMERGENCY, False, "terminated"
    ),
}


@dataclass(frozen=True, slots=True)
class ServedUnit:
    """A unit on a contract; `cable_macs` is what the network knows it by; `box` a card's STB.

    `mta_mac` is what the softswitch knows a voice modem by.
    """

    serial_number: str
    product_class: ProductClass
    endpoint_id: str | None = None
    cable_macs: tuple[str, ...] = ()
    box: str = ""
    blacklisted: bool = False
    mta_mac: str = ""


@dataclass(frozen=True, slots=True)
class Served:
    """What a contract holds; `lines` are its telephone lines, `<contract>/<position>`."""

    package: str
    lines: tuple[str, ...]
    units: tuple[ServedUnit, ...]


def check_change(before: ServiceState, after: ServiceState, ground: Ground) -> None:
    """Raises ServiceStateError, which names what is possible."""
    steps = _STEPS[before]
    if after not in steps:
        if not steps:
            raise ServiceStateError(
                "From %(service_state)s the services can become nothing: it needs a new contract"
                " [2], not %(next_service_state)s.",
                service_state=before,
                next_service_state=after,
            )
        raise ServiceStateError(
            "From %(service_state)s the services can become %(service_states)s, not "
            "%(next_service_state)s.",
            service_state=before,
            service_states=", ".join(sorted(steps)),
            next_service_state=after,
        )
    if ground not in steps[after]:
        raise ServiceStateError(
            "%(next_service_state)s on the ground of %(ground)s is not possible: %(grounds)s.",
            next_service_state=after,
            ground=ground,
            grounds=", ".join(sorted(steps[after])),
        )


def needs_notice(after: ServiceState, ground: Ground) -> bool:
    """Debt and fraud need prior notice [10.1], other breaches do not [10.2].

    What gives back, and what the customer asked for, needs none.
    """
    return after is not ServiceState.ACTIVE and ground in _NEEDS_NOTICE


def costs_reconnection(before: ServiceState, ground: Ground) -> bool:
    """Coming back after a suspension costs the reconnection price [8.6], unless we were wrong."""
    return before is ServiceState.SUSPENDED and ground is not Ground.MISTAKE


def stages(served: Served, state: ServiceState, reason: str) -> tuple[Stage, Stage, Stage]:
    """What has to be done for a contract to be in this state: telephony, network, devices.

    A blacklisted unit gets nothing.
    """
    meaning = _MEANINGS[state]
    units = [unit for unit in served.units if not unit.blacklisted]
    voice = [(System.VOICE, SetLine(line, meaning.barring)) for line in served.lines]
    network: list[tuple[System, Operation]] = [
        (System.ACCESS, SetAccess(mac, served.package, meaning.mode))
        for unit in units
        for mac in unit.cable_macs
    ]
    network += [
        (
            System.CONDITIONAL_ACCESS,
            EntitleCard(unit.serial_number, served.package if meaning.entitled else ""),
        )
        for unit in units
        if unit.product_class is ProductClass.CARD
    ]
    devices = [
        (System.DEVICE, SetDeviceState(unit.endpoint_id, meaning.device, reason, served.package))
        for unit in units
        if unit.endpoint_id
    ]
    return tuple(voice), tuple(network), tuple(devices)


def installation(
    package: str, unit: ServedUnit, state: ServiceState, lines: tuple[str, ...]
) -> tuple[Stage, Stage, Stage]:
    """What has to be done when one unit is put on a contract; `lines` are those it carries."""
    voice, network, devices = stages(Served(package, lines, (unit,)), state, "installed")
    bound: Stage = ()
    if unit.mta_mac and not unit.blacklisted:
        bound = tuple((System.VOICE, MoveLine(line, unit.mta_mac)) for line in lines)
    pairing: Stage = ()
    if unit.product_class is ProductClass.CARD and unit.box:
        pairing = ((System.CONDITIONAL_ACCESS, PairCard(unit.serial_number, unit.box)),)
    return (*voice, *bound, *pairing), network, devices


def removal(unit: ServedUnit) -> Stage:
    """What has to be done when a unit is off its contract: the network serves it no more."""
    found: list[tuple[System, Operation]] = [
        (System.ACCESS, RemoveAccess(mac)) for mac in unit.cable_macs
    ]
    if unit.product_class is ProductClass.CARD:
        found.append((System.CONDITIONAL_ACCESS, EntitleCard(unit.serial_number, "")))
    return tuple(found)
