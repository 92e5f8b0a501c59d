"""One replacement of any kind on the real engine, what may happen to it, and what must hold then.

Who is replaced stands in SUBJECTS; beside the bench's units there is a contract with a plain modem,
and the set-top boxes have addresses in the network. Everything is made up.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, select

from agent.wire import replacement as parts
from agent.wire.codes import CARD_RUNNING
from fleet_server.adapters.simulated import Behaviour
from fleet_server.adapters.simulated.base import SimulatedSystem
from fleet_server.adapters.x509_files import new_key
from fleet_server.domain.errors import RuleError
from fleet_server.domain.operations import AccessMode, SetAccess
from fleet_server.services import tables as t
from fleet_server.services.delivery import Delivery
from fleet_server.services.swaps import SwapPhase, SwapView, Todo
from fleet_server.tests.service_desk import (
    CARD,
    CONTRACT,
    MAC,
    NOON,
    STB,
    STORE,
    VOICE_MODEM,
    AtOnce,
    insert,
    set_presence,
)
from fleet_server.tests.swap_bench import (
    NEW,
    NEW_BOX,
    NEW_CARD,
    NEW_MAC,
    NEW_MODEM,
    NEW_STB,
    OLD,
    OLD_BOX,
    PlayedUnit,
    SwapBench,
    prepare_bench,
)

SECOND_CONTRACT = "C-2002"
ENDED = (SwapPhase.DONE, SwapPhase.ROLLED_BACK)
_PLAIN_OLD, _PLAIN_NEW = "20000021", "20000022"
_PREFIX = "02:00:5E:00:20:"
_FAULTS = {
    "keeps silent": Behaviour(fail_before=1),
    "loses its answer": Behaviour(fail_after=1),
    "refuses": Behaviour(refuse_calls=1),
    "refuses twice": Behaviour(refuse_calls=2),
    "answers twice": Behaviour(answer_twice=1),
    "is late": Behaviour(late=1),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """Who is replaced by whom; units without an agent or an address have "" there."""

    name: str
    contract: str
    position: str
    old: str
    new: str
    agents: tuple[str, str] = ("", "")
    macs: tuple[str, str] = ("", "")


SUBJECTS = (
    Subject(
        "voice modem",
        CONTRACT,
        "internet+voice",
        OLD,
        NEW,
        (VOICE_MODEM, NEW_MODEM),
        (MAC, NEW_MAC),
    ),
    Subject(
        "modem",
        SECOND_CONTRACT,
        "internet",
        _PLAIN_OLD,
        _PLAIN_NEW,
        (f"ops::00256D-MODEM-{_PLAIN_OLD}", f"ops::00256D-MODEM-{_PLAIN_NEW}"),
        (_PREFIX + "21", _PREFIX + "22"),
    ),
    Subject(
        "set-top box",
        CONTRACT,
        "tv-1",
        OLD_BOX,
        NEW_BOX,
        (STB, NEW_STB),
        (_PREFIX + "03", _PREFIX + "13"),
    ),
    Subject("card", CONTRACT, "card-1", CARD, NEW_CARD),
)
EVENTS = (
    *("abort", "abort", "waive", "resume", "courier dies"),
    *("old goes", "new goes", "old comes", "new comes"),
    *("old refuses", "new refuses", "new is ill", "an hour passes"),
    *(f"{system} {fault}" for system in ("access", "voice", "cards") for fault in _FAULTS),
)


def prepare_trials(engine: Engine) -> None:
    """The bench's registry, a contract with a plain modem, and addresses of the boxes."""
    prepare_bench(engine)
    modem, box = SUBJECTS[1], SUBJECTS[2]
    with engine.begin() as connection:
        _add_modems(connection, modem)
        for serial, mac in zip((box.old, box.new), box.macs, strict=True):
            unit = connection.scalar(select(t.unit.c.id).where(t.unit.c.serial_number == serial))
            insert(connection, t.unit_mac, mac_address=mac, unit_id=unit, interface="cable")


def _add_modems(connection: Connection, modem: Subject) -> None:
    contract = insert(
        connection, t.contract, number=modem.contract, created_at=NOON, package="TOP L"
    )
    position = insert(
        connection,
        t.service_position,
        contract_id=contract,
        name=modem.position,
        product_classes="MODEM",
    )
    store = connection.scalar(select(t.place.c.id).where(t.place.c.code == STORE))
    model = insert(
        connection,
        t.model,
        manufacturer_oui="00256D",
        product_class="MODEM",
        model_name="New",
        manufacturer="Made up",
        approval_reference="A-1",
    )
    units = []
    for serial, agent, mac in zip((modem.old, modem.new), modem.agents, modem.macs, strict=True):
        state, place = ("in_stock", store) if serial == modem.new else ("installed", None)
        unit = insert(
            connection,
            t.unit,
            serial_number=serial,
            endpoint_id=agent,
            manufacturer_oui="00256D",
            product_class="MODEM",
            model_name="New",
            model_id=model,
            lab=False,
            blacklisted=False,
            received_at=NOON,
            state=state,
            place_id=place,
        )
        insert(connection, t.unit_mac, mac_address=mac, unit_id=unit, interface="cable")
        units.append(unit)
    insert(
        connection,
        t.assignment,
        unit_id=units[0],
        service_position_id=position,
        since_at=NOON,
        recorded_at=NOON,
    )
    set_presence(connection, modem.agents[0], "online", NOON)


def _play(bench: SwapBench, unit: PlayedUnit) -> None:
    """One more unit that obeys, with a certificate."""
    bench.units[unit.endpoint_id] = unit
    bench.keys[unit.endpoint_id] = new_key()
    with bench.fleet.writing() as connection:
        bench.enrol(connection, len(bench.keys), unit.endpoint_id)


class Trial:
    """One replacement of `subject`. `happen` what EVENTS names, `turn`, and at the end `end`."""

    def __init__(self, bench: SwapBench, subject: Subject, outlets: int, *, is_there: bool) -> None:
        self.bench = bench
        self.subject = subject
        self.card_runs = True
        self.by_hand = False
        modem, box = SUBJECTS[1], SUBJECTS[2]
        _play(bench, PlayedUnit(modem.agents[0], parts.ACTIVE))
        _play(bench, PlayedUnit(modem.agents[1], parts.SPARE, online=False))
        for number, mac in enumerate((modem.macs[0], box.macs[0])):
            wanted = SetAccess(mac, "TOP L", AccessMode.OPEN)
            bench.desk.access.carry_out(f"b-{number}", wanted, 1)
        if is_there:
            self.happen("new comes")
        self.swap_id = bench.order(
            subject.old, subject.new, subject.position, outlets=outlets, contract=subject.contract
        )

    # --- what happens ---

    def turn(self) -> None:
        """Everything goes on once, a second later; then the promises are looked at."""
        self.bench.turn()
        self._put_card_in()
        self.bench.later(seconds=1)
        self.check()

    def _put_card_in(self) -> None:
        """The customer puts a card into the box that it is paired with."""
        if self.subject.name == "card" and self.card_runs:
            self.bench.card_in_box(CARD_RUNNING)
        if self.subject.name == "set-top box":
            card = self.bench.desk.cards.card(CARD)
            assert card is not None
            agent = self.subject.agents[card.box == self.subject.new]
            self.bench.card_in_box(CARD_RUNNING, CARD, agent)

    def happen(self, event: str) -> None:
        who, _, what = event.partition(" ")
        desk = self.bench.desk
        systems = {"access": desk.access, "voice": desk.voice, "cards": desk.cards}
        if who in systems:
            systems[who].behave(_FAULTS[what])
        elif who in ("old", "new"):
            self._unit(self.subject.agents[who == "new"], what)
        elif event == "courier dies":
            old = desk.delivery
            desk.delivery = Delivery(old.fleet, old.systems, old.now, AtOnce())
        elif event == "an hour passes":
            self.bench.later(hours=1)
        else:
            self._person(event)

    def _unit(self, endpoint_id: str, what: str) -> None:
        if not endpoint_id:
            self.card_runs = what == "comes"
        elif what in ("comes", "goes"):
            self.bench.connect(endpoint_id, online=what == "comes")
        elif what == "refuses":
            self.bench.units[endpoint_id].refuses = "made-up"
        else:
            self.bench.units[endpoint_id].well = False
            self.bench.report(endpoint_id)

    def _person(self, what: str) -> None:
        leaves = what == "waive" and self.bench.view(self.swap_id).todo is Todo.LOOK_AT_SYSTEM
        try:
            getattr(self.bench, what)(self.swap_id)
        except RuleError:
            return
        self.by_hand |= leaves

    def end(self) -> None:
        """Nothing goes wrong any more: it ends, and nobody is owed anything."""
        for system in self._systems():
            system.behave(Behaviour())
        self.card_runs = True
        for endpoint_id in filter(None, self.subject.agents):
            self.bench.units[endpoint_id].refuses = ""
            self.bench.units[endpoint_id].well = True
            self.bench.connect(endpoint_id)
        for _ in range(40):
            view = self.bench.view(self.swap_id)
            if view.phase in ENDED and not view.owed:
                break
            if view.phase is SwapPhase.PERSON:
                self.bench.resume(self.swap_id)
            for _ in range(6):
                self.turn()
            self.bench.later(minutes=3)
        assert view.phase in ENDED, view.why
        assert view.owed == ()
        self.check()
        if self.subject.agents[0]:
            old, new = (self.bench.units[one].part for one in self.subject.agents)
            is_done = view.phase is SwapPhase.DONE
            expected = (parts.FENCED, parts.ADOPTED) if is_done else (parts.ACTIVE, parts.SPARE)
            assert (old, new) == expected, f"{view.phase}, and the units are {old} and {new}"

    def _systems(self) -> tuple[SimulatedSystem, ...]:
        desk = self.bench.desk
        return (desk.access, desk.voice, desk.cards)

    # --- what must hold ---

    def check(self) -> None:
        """The promises, as they are to hold at every moment."""
        view, subject = self.bench.view(self.swap_id), self.subject
        served = self.served()
        assert len(served) <= 1, f"two in service: {served}"
        holder = subject.new if view.is_committed else subject.old
        for position in subject.position.split("+"):
            found = self.bench.holders(position, subject.contract)
            assert found == [holder], f"{position} is held by {found}"
        if view.is_committed:
            assert served == {subject.new}, f"committed, and {served} is in service"
        elif subject.agents[0]:
            is_fenced = self.bench.units[subject.agents[0]].part == parts.FENCED
            assert not is_fenced, "fenced before the point of no return"
        if subject.name == "voice modem":
            assert self.bench.line_is_at() in subject.macs
        if view.phase in ENDED:
            self._check_whole(view)

    def _check_whole(self, view: SwapView) -> None:
        subject = self.subject
        is_done = view.phase is SwapPhase.DONE
        served = self.served()
        expected = {subject.new if is_done else subject.old}
        if self.by_hand:
            assert served <= expected, f"{view.phase}, and {served}"
            return
        assert served == expected, f"{view.phase}, and {served}"
        if subject.name == "voice modem":
            assert self.bench.line_is_at() == subject.macs[is_done], f"{view.phase}, and the line"
        if subject.name == "set-top box":
            card = self.bench.desk.cards.card(CARD)
            assert card is not None
            assert (card.box, card.package) == (subject.new if is_done else subject.old, "TOP L")

    def served(self) -> set[str]:
        """Those of the two that the operator's systems serve."""
        both = (self.subject.old, self.subject.new)
        if self.subject.name == "card":
            found = {serial: self.bench.desk.cards.card(serial) for serial in both}
            return {serial for serial, card in found.items() if card and card.box and card.package}
        served = set()
        for serial, mac in zip(both, self.subject.macs, strict=True):
            access = self.bench.desk.access.access(mac)
            if access is not None and access.mode is not AccessMode.MANAGEMENT_ONLY:
                served.add(serial)
        return served
