"""Importing against the registry: what is taken over, what is there already, what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import pytest
from sqlalchemy import select, text, update

from fleet_server.domain.import_subjects import SUBJECTS
from fleet_server.domain.rows import FileRow, Values, as_field
from fleet_server.services import tables as t
from fleet_server.services.audit import verify
from fleet_server.services.demo_data import ACTOR
from fleet_server.services.import_handlers import handler_of
from fleet_server.services.registry_export import count, export
from fleet_server.services.registry_import import Import, Tally, batches
from fleet_server.tests.registry_desk import RegistryDesk

STB = {
    "serial_number": "S-1",
    "product_class": "STB",
    "manufacturer_oui": "00256D",
    "model_name": "STB-40",
    "hardware_version": "A0",
    "mac_ethernet": "00256D400001",
    "supplier": "SUP-EX",
    "supplier_warranty_until_on": "2028-02-29",
    "place": "ST-1",
}
OTHER_STB = {**STB, "serial_number": "S-2", "mac_ethernet": "00256D400002"}
CARD = {
    "serial_number": "CARD0001",
    "product_class": "CARD",
    "manufacturer_oui": "00256D",
    "model_name": "CARD-EX",
    "place": "ST-1",
}
CONTRACT = {
    "number": "C-1",
    "package": "TOP L",
    "signed_on": "2027-01-10",
    "network_element": "N1-S1",
    "positions": "internet;tv-1;card-1",
}
HELD = {
    "contract": "C-1",
    "position": "tv-1",
    "serial_number": "S-1",
    "since_on": "2027-01-15",
    "handed_over_on": "2027-01-12",
    "value_cents": "6000",
}
NETWORK = {"code": "N1-S9", "kind": "street", "parent": "N1-A1"}
MODEL = {
    "manufacturer_oui": "00256D",
    "product_class": "STB",
    "model_name": "STB-50",
    "manufacturer": "Example Devices",
}


def test_units_come_into_stock_at_their_place(registry: RegistryDesk) -> None:
    tally, refusals = registry.take("units", [STB, CARD])
    assert (tally, refusals) == (Tally(added=2), [])
    box, card = registry.unit("S-1"), registry.unit("CARD0001")
    assert (box.state, box.endpoint_id) == ("in_stock", "ops::00256D-STB-S-1")
    assert (box.supplier_warranty_until_on, card.endpoint_id) == (date(2028, 2, 29), None)
    assert registry.log("unit:S-1") == [
        ("unit_received", {"state": "in_stock", "place": "ST-1"}, "delivery 7")
    ]
    macs = {row.mac_address: row.unit_id for row in registry.rows(t.unit_mac)}
    assert macs["00:25:6D:40:00:01"] == box.id
    (state,) = [row for row in registry.rows(t.unit_state) if row.unit_id == box.id]
    assert (state.state, state.from_at) == ("in_stock", registry.now)


# (subject, row, what is changed, column at fault, part of what is said)
REFUSED: list[tuple[str, Mapping[str, str], dict[str, str], str, str]] = [
    ("units", STB, {"serial_number": "00000003"}, "mac_ethernet", "on record already"),
    ("units", OTHER_STB, {"mac_ethernet": "00256D100001"}, "mac_ethernet", "unit 00000001"),
    ("units", OTHER_STB, {"model_name": "STB-99"}, "model_name", "import models first"),
    ("units", OTHER_STB, {"hardware_version": "B7"}, "hardware_version", "not a hardware revision"),
    ("units", OTHER_STB, {"supplier": "SUP-9"}, "supplier", "import suppliers first"),
    ("units", OTHER_STB, {"place": "WH-9"}, "place", "import places first"),
    ("units", OTHER_STB, {"received_on": "2027-01-16"}, "received_on", "future"),
    ("contracts", CONTRACT, {"network_element": "N9"}, "network_element", "import network first"),
    ("contracts", CONTRACT, {"number": "C-2", "signed_on": "2027-01-16"}, "signed_on", "future"),
    ("contracts", CONTRACT, {"number": "C-1002"}, "positions", "other positions"),
    ("contracts", CONTRACT, {"number": "C-1002", "positions": "internet"}, "package", "TOP M"),
    ("assignments", HELD, {"serial_number": "S-9"}, "serial_number", "import units first"),
    ("assignments", HELD, {"contract": "C-9"}, "contract", "import contracts first"),
    ("assignments", HELD, {"position": "tv-2"}, "position", "the contract has no tv-2"),
    ("assignments", HELD, {"position": "internet"}, "serial_number", "MODEM or VOICEMODEM"),
    ("assignments", HELD, {"since_on": "2027-01-14"}, "since_on", "before the unit was received"),
    ("assignments", HELD, {"since_on": "2027-01-16"}, "since_on", "future"),
    ("assignments", HELD, {"handed_over_on": "2027-01-16"}, "since_on", "future"),
    ("pairings", {"card": "CARD0001", "box": "S-1"}, {"card": "CARD0009"}, "card", "no CARD"),
    ("pairings", {"card": "CARD0001", "box": "S-1"}, {"box": "00000001"}, "box", "no STB"),
    ("network", NETWORK, {"parent": "N9"}, "parent", "not on record"),
    ("network", NETWORK, {"parent": "N1-S1"}, "parent", "nothing hangs on a street"),
    ("network", NETWORK, {"code": "N1-S1", "parent": "N1-A2"}, "parent", "another element"),
    ("models", MODEL, {"model_name": "STB-40"}, "approval_reference", "EXAMPLE-APPROVAL-3"),
    ("places", {"code": "ST-1", "kind": "van", "name": "Store in the centre"}, {}, "kind", "store"),
    ("suppliers", {"code": "SUP-EX", "name": "Somebody else"}, {}, "name", "Example Supplies"),
]  # fmt: skip


def test_what_contradicts_the_registry_is_refused_and_nothing_is_overwritten(
    registry: RegistryDesk,
) -> None:
    registry.take("units", [STB, CARD])
    registry.take("contracts", [CONTRACT])
    before = len(registry.rows(t.audit_entry))
    for subject, row, change, column, said in REFUSED:
        tally, refusals = registry.take(subject, [{**row, **change}])
        assert tally == Tally(refused=1), (subject, change)
        assert [(one.line, one.column) for one in refusals] == [(2, column)], (subject, change)
        assert said in refusals[0].text
    assert len(registry.rows(t.audit_entry)) == before


@pytest.mark.parametrize(
    ("change", "approved", "said"),
    [
        ({"lab": True}, True, "lab board"),
        ({"blacklisted": True}, True, "blacklisted"),
        ({"state": "scrapped"}, True, "only: nothing"),
        ({}, False, "no approval reference [7.1.8]"),
    ],
)
def test_a_unit_that_may_not_serve_is_not_imported_onto_a_contract(
    registry: RegistryDesk, change: dict[str, bool | str], approved: bool, said: str
) -> None:
    registry.take("units", [STB])
    registry.take("contracts", [CONTRACT])
    with registry.engine.begin() as connection:
        connection.execute(
            update(t.unit).where(t.unit.c.serial_number == "S-1").values({"lab": False, **change})
        )
        if not approved:
            connection.execute(update(t.model).values(approval_reference=""))
    _, (refusal,) = registry.take("assignments", [HELD])
    assert said in refusal.text


def test_what_is_on_a_contract_is_taken_over_with_its_day_and_papers(
    registry: RegistryDesk,
) -> None:
    registry.take("units", [{**STB, "received_on": "2024-02-29"}])
    registry.take("contracts", [CONTRACT])
    tally, _ = registry.take("assignments", [{**HELD, "since_on": "2024-03-01"}])
    assert tally == Tally(added=1)
    (held,) = registry.rows(t.assignment)
    assert (held.handed_over_on, held.value_cents) == (date(2027, 1, 12), 6000)
    assert registry.on("C-1", date(2024, 2, 29)) == []
    assert registry.on("C-1", date(2024, 3, 1)) == [("tv-1", "S-1")]
    assert (registry.unit("S-1").state, registry.unit("S-1").place_id) == ("installed", None)
    _, taken = registry.take("assignments", [{**HELD, "position": "card-1"}])
    assert taken[0].text.startswith("Position 'card-1' takes CARD")
    again, refusals = registry.take("assignments", [{**HELD, "since_on": "2024-03-02"}])
    assert (again.refused, refusals[0].text) == (1, "is on record already, as another day")


def test_the_same_file_twice_changes_nothing(registry: RegistryDesk) -> None:
    files: list[tuple[str, list[Mapping[str, str]]]] = [
        ("units", [STB, CARD]),
        ("contracts", [CONTRACT]),
        ("pairings", [{"card": "CARD0001", "box": "S-1"}]),
        ("assignments", [HELD]),
        ("network", [NETWORK]),
        ("models", [MODEL]),
    ]
    for subject, rows in files:
        assert registry.take(subject, rows)[0] == Tally(added=len(rows)), subject
    before = len(registry.rows(t.audit_entry))
    for subject, rows in files:
        assert registry.take(subject, rows) == (Tally(unchanged=len(rows)), []), subject
    assert len(registry.rows(t.audit_entry)) == before


def test_a_dry_run_says_the_same_and_writes_nothing(registry: RegistryDesk) -> None:
    rows = [STB, {**STB, "serial_number": "S-2"}, {**CARD, "place": "NOWHERE"}]
    before = [len(registry.rows(table)) for table in (t.unit, t.unit_mac, t.audit_entry)]
    dry = registry.take("units", rows, dry_run=True)
    assert [len(registry.rows(table)) for table in (t.unit, t.unit_mac, t.audit_entry)] == before
    assert registry.take("units", rows) == dry
    assert dry[0] == Tally(added=1, refused=2)


def test_two_rows_of_one_file_do_not_share_what_is_unique(registry: RegistryDesk) -> None:
    rows = [STB, {**STB, "mac_ethernet": ""}, {**STB, "serial_number": "S-2"}]
    _, refusals = registry.take("units", rows)
    assert [(one.line, one.text) for one in refusals] == [
        (3, "S-1 is in line 2 already"),
        (4, "00:25:6D:40:00:01 is in line 2 already"),
    ]


def test_a_unit_of_an_earlier_version_is_completed_where_it_is(registry: RegistryDesk) -> None:
    with registry.engine.begin() as connection:
        connection.execute(text("DELETE FROM unit_mac"))
        connection.execute(
            update(t.unit)
            .where(t.unit.c.serial_number == "00000001")
            .values(model_id=None, model_name="", manufacturer="", hardware_version="")
        )
    row = {
        "serial_number": "00000001",
        "product_class": "MODEM",
        "manufacturer_oui": "00256D",
        "model_name": "CM-31",
        "mac_cable": "00256D100001",
        "place": "ST-1",
    }
    _, refusals = registry.take("units", [{**row, "product_class": "VOICEMODEM"}])
    assert refusals[0].column == "product_class"
    assert registry.take("units", [row])[0] == Tally(added=1)
    unit = registry.unit("00000001")
    assert (unit.model_name, unit.manufacturer) == ("CM-31", "Example Devices")
    assert [row.mac_address for row in registry.rows(t.unit_mac)] == ["00:25:6D:10:00:01"]
    assert len([one for one in registry.rows(t.unit_state) if one.unit_id == unit.id]) == 1
    assert registry.log("unit:00000001")[0][0] == "unit_described"
    registry.assign("00000001", "C-1002", "internet")


def test_a_contract_of_an_earlier_version_is_completed(registry: RegistryDesk) -> None:
    with registry.engine.begin() as connection:
        connection.execute(
            update(t.contract)
            .where(t.contract.c.number == "C-1002")
            .values(package="", signed_on=None, network_element_id=None)
        )
    assert registry.take("contracts", [{**CONTRACT, "number": "C-1002"}])[0] == Tally(added=1)
    with registry.reading() as connection:
        names = connection.scalars(
            select(t.service_position.c.name)
            .join(t.contract, t.contract.c.id == t.service_position.c.contract_id)
            .where(t.contract.c.number == "C-1002")
        ).all()
    assert sorted(names) == ["card-1", "internet", "tv-1"]
    assert registry.log("contract:C-1002")[0][0] == "contract_completed"


def test_what_a_unit_is_on_record_as_stands(registry: RegistryDesk) -> None:
    registry.take("units", [STB])
    _, refusals = registry.take("units", [{**STB, "model_name": "STB-99"}])
    assert [(one.column, one.text) for one in refusals] == [
        ("model_name", "is on record already, as STB-40")
    ]


def test_everything_that_is_exported_can_be_imported_and_is_unchanged(
    registry: RegistryDesk,
) -> None:
    registry.load_history()
    registry.assign("00000002", "C-1001", "internet+voice", None, 5500)
    for subject in SUBJECTS.values():
        with registry.reading() as connection:
            rows = list(export(connection, subject))
            assert count(connection, subject) >= len(rows) > 0, subject.name
        tally, refusals = registry.take(subject.name, [_fields(subject.name, row) for row in rows])
        assert (tally, refusals) == (Tally(unchanged=len(rows)), []), subject.name


def test_what_was_exported_builds_the_same_registry_elsewhere(registry: RegistryDesk) -> None:
    registry.load_history()
    with registry.reading() as connection:
        told = {
            name: [_fields(name, row) for row in export(connection, subject)]
            for name, subject in SUBJECTS.items()
        }
    assert [row["position"] for row in told["assignments"]] == ["internet", "tv-1", "card-1"]
    assert {row["serial_number"]: row["mac_emta"] for row in told["units"]}["00000002"] == (
        "00:25:6D:20:00:02"
    )


def test_the_chain_holds_after_many_batches(registry: RegistryDesk) -> None:
    rows = [FileRow(line, {**CARD, "serial_number": f"CARD{line:05}"}) for line in range(2, 2_503)]
    job = Import(handler_of("units"), ACTOR, "delivery 8", dry_run=False)
    sizes = []
    for batch in batches(rows):
        sizes.append(len(batch))
        with registry.engine.begin() as connection:
            assert job.take(connection, batch, registry.now) == []
    assert sizes == [1000, 1000, 501]
    assert job.tally == Tally(added=2_501)
    with registry.reading() as connection:
        report = verify(connection)
    assert report.broken_at is None
    assert report.entries > 2_501


def _fields(subject: str, row: Values) -> dict[str, str]:
    return {column.name: as_field(row[column.name]) for column in SUBJECTS[subject].columns}
