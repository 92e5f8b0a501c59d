"""What has to be so after a swap campaign, seen from outside: registry, network, broker, devices.

Each check gives what is wrong, in words.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.core.customer_settings import nothing
from agent.core.provisioning import Provisioning
from agent.core.store import Store
from agent.tests.fakes import FakeStorage
from hil_tests.fleet_simulator.household import OLD_AWAY, Fault, Household
from hil_tests.fleet_simulator.link import Identities, open_link
from hil_tests.fleet_simulator.office import Office
from hil_tests.fleet_simulator.site import Site
from hil_tests.fleet_simulator.unit import Unit
from hil_tests.operator_systems import Call, OperatorSystems
from hil_tests.service_watch import Home, Moment, gap_s, in_service, moments, violations

_LOOK_S = 0.5
_REFUSED_S = 2.0
_ENDED = ("done", "rolled_back")
_FENCE = "old_unit/fence"
_NETWORK = ("mac_cable", "mac_emta")

Views = Mapping[str, Mapping[str, Any]]


def standing(homes: Iterable[Household], views: Views) -> list[str]:
    """Every replacement has ended, or says what a person must do; what was away is owed its
    fence."""
    wrong = []
    for home in homes:
        view = views[home.plan.contract]
        if home.fault is Fault.ABSENT:
            is_right = view["todo"] == "connect_new"
        elif home.fault is Fault.NONE:
            is_right = view["phase"] == "done"
        else:
            is_right = view["phase"] in _ENDED
        if view["phase"] == "done":
            is_right &= (_FENCE in view["owed"]) == (home.fault in OLD_AWAY)
        if not is_right:
            wrong.append(_named(home, f"{view['phase']} {view['step']} {view['owed']}"))
    return wrong


def debts(homes: Iterable[Household], views: Views) -> list[str]:
    """Nothing is owed any more but to units that are still off."""
    return [
        _named(home, f"is owed {views[home.plan.contract]['owed']}")
        for home in homes
        if views[home.plan.contract]["owed"] and home.fault is not Fault.NEW_DEAD
    ]


def registry(office: Office, homes: Iterable[Household]) -> list[str]:
    """Each position is held by the unit that shall serve, by no other."""
    held = defaultdict(list)
    for row in office.rows("/registry/assignments"):
        held[row["contract"], row["position"]].append(row["serial_number"])
    return [
        _named(home, f"the registry has {held[home.plan.contract, home.plan.position]}")
        for home in homes
        if held[home.plan.contract, home.plan.position] != [_serving(home).plan.serial_number]
    ]


def devices(homes: Iterable[Household]) -> list[str]:
    """The unit that shall serve does, with the customer's settings; the other does not."""
    wrong = []
    for home in homes:
        serving = _serving(home)
        other = home.new if serving is home.old else home.old
        if not serving.serves or (other is not None and other.serves):
            wrong.append(_named(home, "the wrong unit lets its customer through"))
        if serving.settings != home.settings and not _without_settings(home, serving):
            wrong.append(_named(home, "the customer's settings were not carried over"))
        if other is home.old and other.settings not in (None, nothing()):
            wrong.append(_named(home, "the old unit knows its customer"))
    return wrong


async def fenced(site: Site, homes: Iterable[Household], within_s: float) -> list[str]:
    """Every old unit has forgotten all, shows "return me", and comes in no more with what it had:
    its certificate is revoked."""
    waiting = {home.plan.contract: home for home in homes}
    identities = Identities(site.root_der)
    deadline = time.monotonic() + within_s
    while waiting and time.monotonic() < deadline:
        known = [home for home in waiting.values() if home.old.is_fenced]
        shut = await asyncio.gather(*(_is_shut_out(identities, site, home.old) for home in known))
        for home, is_out in zip(known, shut, strict=True):
            if is_out:
                del waiting[home.plan.contract]
        await asyncio.sleep(_LOOK_S)
    return [
        _named(home, "is fenced, and still let in" if home.old.is_fenced else "is not fenced")
        for home in waiting.values()
    ]


def network(state: Path, homes: Iterable[Household]) -> list[str]:
    """Never are two units of one contract in service, and in the end the right one is, by what the
    operator's systems were asked."""
    wrong = []
    for home, watched, seen in _seen(state, homes):
        wrong += [_named(home, one) for one in violations(watched, seen)]
        serving = in_service(watched, seen[-1]) if seen else ""
        if serving != _serving(home).plan.serial_number:
            wrong.append(_named(home, f"the network serves {serving or 'nobody'}"))
    return wrong


def gaps(state: Path, homes: Iterable[Household], since_s: float) -> list[tuple[Fault, float]]:
    """What went wrong at each home, and for how many seconds nobody was in service there."""
    return [
        (home.fault, gap_s(watched, seen, since_s)) for home, watched, seen in _seen(state, homes)
    ]


def _seen(
    state: Path, homes: Iterable[Household]
) -> Iterator[tuple[Household, Home, list[Moment]]]:
    """Each home that the access network serves, and every state of it that was in force."""
    systems = OperatorSystems(state)
    access, voice = defaultdict[str, list[Call]](list), defaultdict[str, list[Call]](list)
    for call in systems.calls("access"):
        access[call.arguments["mac_address"]].append(call)
    for call in systems.calls("voice"):
        voice[call.arguments["line"]].append(call)
    for home in homes:
        line = f"{home.plan.contract}/voice" if home.plan.product_class == "VOICEMODEM" else ""
        units = [unit for unit in (home.old, home.new) if unit is not None]
        watched = Home({unit.plan.serial_number: _addresses(unit) for unit in units}, line)
        if not _addresses(home.old):
            continue
        calls = [
            call for macs in watched.addresses.values() for mac in macs for call in access[mac]
        ]
        yield home, watched, list(moments(watched, calls, voice[line]))


def _addresses(unit: Unit) -> frozenset[str]:
    """By which the access network knows it."""
    return frozenset(
        ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))
        for column, digits in unit.plan.macs.items()
        if column in _NETWORK
    )


def _serving(home: Household) -> Unit:
    return home.old if home.old.home or home.new is None else home.new


def _without_settings(home: Household, serving: Unit) -> bool:
    """Whether the old unit could not be asked for them."""
    return home.fault in OLD_AWAY and serving.settings == nothing()


async def _is_shut_out(identities: Identities, site: Site, unit: Unit) -> bool:
    """Whether the broker refuses who comes with the certificate that the unit had."""
    copy = Store(FakeStorage())
    copy.save("provisioning", unit.issued)
    kept = Provisioning(copy, unit.plan.endpoint_id)
    certificate, key = kept.get("certificate"), kept.private_key_der()
    try:
        link = await open_link(identities, certificate, key, "localhost", site.mqtt_port)
    except OSError:
        return True
    try:
        await asyncio.wait_for(link.fill(memoryview(bytearray(1))), _REFUSED_S)
    except TimeoutError:  # it waits for what we have to say
        return False
    except OSError:
        return True
    finally:
        link.close()
    return False


def _named(home: Household, what: str) -> str:
    return f"{home.plan.contract} ({home.fault}): {what}"
