"""Personal data: seen by job and purpose, every look on record, erased for good [11.1].

All persons are made up.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from fleet_server.domain.people import (
    ErasureGround,
    InvalidPersonError,
    PersonField,
    Purpose,
    PurposeError,
    check_person,
    fields_for,
    purposes_of,
)
from fleet_server.domain.roles import Permission, Role, allows
from fleet_server.services import audit, people
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry
from fleet_server.services.people_tables import person, person_look
from fleet_server.tests.console_site import MODEM, VOICE_MODEM, Site, add_interruption

PERSON = {
    "name": "Shembull",
    "surname": "Prova",
    "personal_number": "1000000000",
    "address": "Rruga e Shembullit 1",
    "fixed_number": "+383 38 000 000",
    "mobile_number": "+383 44 000 000",
    "e_mail": "shembull@example.org",
}
URL = "/api/v1/contracts/C-1001/person"
# Written by hand: what each role sees, for each purpose it may name.
DOOR = "name surname address mobile_number"
TELEPHONE = "name surname address fixed_number mobile_number"
ALL = "name surname personal_number address fixed_number mobile_number e_mail"
SEEN = {
    ("technician", "visit"): DOOR,
    ("dispatcher", "visit"): TELEPHONE,
    ("call_centre", "call"): TELEPHONE,
    ("call_centre", "return"): f"{TELEPHONE} e_mail",
    ("call_centre", "contract_data"): ALL,
    ("administrator", "contract_data"): ALL,
    ("administrator", "own_data"): ALL,
}


def put(site: Site, role: Role = Role.CALL_CENTRE, **changed: str) -> Any:
    return site.browser().request("PUT", URL, json={**PERSON, **changed}, headers=site.bearer(role))


def get(site: Site, role: Role, purpose: str) -> Any:
    return site.browser().get(URL, params={"purpose": purpose}, headers=site.bearer(role))


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("purpose", Purpose)
def test_a_role_sees_for_a_purpose_what_the_table_says(role: Role, purpose: Purpose) -> None:
    expected = SEEN.get((role.value, purpose.value))
    if expected is None:
        with pytest.raises(PurposeError):
            fields_for(role, purpose)
    else:
        assert {field.value for field in fields_for(role, purpose)} == set(expected.split())
    assert allows(role, Permission.LOOK_AT_PERSON) == bool(purposes_of(role))


def test_a_technician_sees_who_opens_the_door_and_no_more(site: Site) -> None:
    assert put(site).status_code == 204
    seen = get(site, Role.TECHNICIAN, "visit").json()
    assert seen == {
        "contract": "C-1001",
        "purpose": "visit",
        **{name: PERSON[name] if name in DOOR.split() else None for name in PERSON},
    }


def test_every_look_is_on_record_with_account_purpose_and_fields(site: Site) -> None:
    put(site)
    get(site, Role.TECHNICIAN, "visit")
    site.now += timedelta(minutes=1)
    get(site, Role.CALL_CENTRE, "call")
    headers = site.bearer(Role.AUDITOR)
    page = site.browser().get("/api/v1/person-looks?limit=1", headers=headers).json()
    (last,) = page["items"]
    assert (last["by"], last["purpose"], last["contract"]) == ("account:4", "call", "C-1001")
    assert sorted(last["fields"]) == sorted(TELEPHONE.split())
    url = f"/api/v1/person-looks?after={page['next']}"
    (first,) = site.browser().get(url, headers=headers).json()["items"]
    assert (first["by"], first["purpose"]) == ("account:2", "visit")
    assert not any(value in str([last, first]) for value in PERSON.values())
    other = site.browser().get("/api/v1/person-looks?contract=C-1002", headers=headers).json()
    assert other == {"items": [], "next": None}


def test_a_look_that_finds_nothing_is_on_record_too(site: Site) -> None:
    assert get(site, Role.TECHNICIAN, "visit").status_code == 404
    assert site.people is not None
    with site.people.connect() as connection:
        assert len(connection.execute(select(person_look)).all()) == 1


def test_without_its_record_there_is_no_look(site: Site) -> None:
    put(site)
    assert site.people is not None
    with site.people.begin() as connection:
        person_look.drop(connection)
    with pytest.raises(Exception, match="person_look"):
        get(site, Role.TECHNICIAN, "visit")


def test_another_purpose_than_the_roles_is_refused_and_shows_nothing(site: Site) -> None:
    put(site)
    answer = get(site, Role.TECHNICIAN, "contract_data")
    assert answer.status_code == 403
    assert answer.json()["type"].endswith(":purpose-not-of-role")
    assert not any(value in answer.text for value in PERSON.values())


def test_whose_contract_it_is_can_be_corrected_and_the_log_names_nobody(site: Site) -> None:
    put(site)
    put(site, surname="Shembulli")
    seen = get(site, Role.ADMINISTRATOR, "own_data").json()
    assert seen["surname"] == "Shembulli"
    with site.context.fleet.reading() as connection:
        entries = audit.history(connection, "contract:C-1001")
        stored = str(connection.execute(select(t.audit_entry)).all())
    assert [entry.action for entry in entries] == ["person_recorded"] * 2
    assert not any(value in stored for value in (*PERSON.values(), "Shembulli"))


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": " ", "surname": ""}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"address": "a\nb"}, "address"),
        ({"fixed_number": "not a number"}, "fixed_number"),
        ({"mobile_number": "+383 44 000 000 x"}, "mobile_number"),
        ({"e_mail": "shembull"}, "e_mail"),
        ({"e_mail": "a@b@c"}, "e_mail"),
        ({"e_mail": "@shembull.example"}, "e_mail"),
    ],
)
def test_a_value_that_its_field_does_not_take_is_refused_without_being_repeated(
    changed: dict[str, str], field: str
) -> None:
    values = {PersonField(name): value for name, value in {**PERSON, **changed}.items()}
    with pytest.raises(InvalidPersonError, match=field) as caught:
        check_person(values)
    assert not any(len(value) > 1 and value in str(caught.value) for value in changed.values())


def test_a_contract_that_is_not_there_has_no_person(site: Site) -> None:
    headers = site.bearer(Role.CALL_CENTRE)
    answer = site.browser().request(
        "PUT", "/api/v1/contracts/C-9/person", json=PERSON, headers=headers
    )
    assert answer.status_code == 404
    answer = site.browser().get("/api/v1/contracts/C-9/person?purpose=call", headers=headers)
    assert answer.json()["type"].endswith(":unknown-contract")


def _write_reasons(site: Site) -> None:
    """Words of people about the contract, its unit while it was there, and other things."""
    about = [
        ("contract:C-1001", 0),
        ("contract:C-1001/voice", 0),
        ("unit:00000002", 0),
        ("unit:00000002", -1),
        ("unit:00000001", 0),
        ("contract:C-10012", 0),
    ]
    with site.context.fleet.writing() as connection:
        for number, (subject, days) in enumerate(about):
            at = site.now + timedelta(days=days)
            entry = Entry("noted", subject)
            audit.append(connection, Actor.account(1), [entry], at, f"MARK-{number} called")


def test_erasure_takes_the_person_and_peoples_words_and_the_chain_holds(site: Site) -> None:
    put(site)
    _write_reasons(site)
    headers = site.bearer(Role.ADMINISTRATOR)
    answer = site.browser().request("DELETE", f"{URL}?ground=request", headers=headers)
    assert answer.json()["texts_erased"] == 3
    assert get(site, Role.ADMINISTRATOR, "own_data").status_code == 404
    with site.context.fleet.reading() as connection:
        left = {row.text for row in connection.execute(select(t.audit_reason))}
        assert audit.verify(connection).broken_at is None
        last = audit.history(connection, "contract:C-1001")[0]
    assert left == {"MARK-3 called", "MARK-4 called", "MARK-5 called"}
    assert (last.action, last.detail) == ("person_erased", {"ground": "request"})


def test_words_about_an_interruption_go_with_whom_it_struck(site: Site) -> None:
    fleet = site.context.fleet
    struck = add_interruption(site, VOICE_MODEM, [])
    other = add_interruption(site, MODEM, [])
    with fleet.writing() as connection:
        for number in (struck, other):
            entry = Entry("liability_decided", f"interruption:{number}")
            audit.append(connection, Actor.account(1), [entry], site.now, f"MARK-{number}")
    assert people.erase(fleet, "C-1001", ErasureGround.REQUEST, Actor.account(8), site.now) == 1
    with fleet.reading() as connection:
        left = {row.text for row in connection.execute(select(t.audit_reason))}
    assert left == {f"MARK-{other}"}


def test_what_was_erased_stays_erased_when_an_older_copy_comes_back(site: Site) -> None:
    fleet = site.context.fleet
    put(site)
    _write_reasons(site)
    with fleet.reading_people() as connection:
        before = dict(connection.execute(select(person)).one()._mapping)
    people.erase(fleet, "C-1001", ErasureGround.REQUEST, Actor.account(8), site.now)
    with fleet.reading_people() as connection:
        register = people.register(connection)
    with fleet.writing_people() as connection:
        connection.execute(person.insert().values(**before))
        connection.execute(
            person.insert().values(
                **{
                    **before,
                    "contract_number": "C-1002",
                    "updated_at": site.now + timedelta(days=1),
                }
            )
        )
    again = [*register, people.Erased("C-1002", site.now, ErasureGround.MISTAKE)]
    people.reapply(fleet, again)
    with fleet.reading_people() as connection:
        left = connection.execute(select(person.c.contract_number)).all()
    assert left == [("C-1002",)], "recorded after the erasure: stays"


def test_the_register_is_extended_by_what_it_does_not_hold(site: Site) -> None:
    one = people.Erased("C-1001", site.now, ErasureGround.REQUEST)
    two = people.Erased("C-1001", site.now + timedelta(days=1), ErasureGround.MISTAKE)
    for _ in range(2):
        with site.context.fleet.writing_people() as connection:
            people.extend_register(connection, [one, two])
    with site.context.fleet.reading_people() as connection:
        assert people.register(connection) == [one, two]


PAGE = "/contracts/C-1001/person"


def test_the_page_shows_nothing_until_a_purpose_is_chosen_and_then_what_the_role_sees(
    site: Site,
) -> None:
    put(site)
    browser = site.signed_in(Role.TECHNICIAN)
    before = browser.get(PAGE).text
    assert not any(value in before for value in PERSON.values())
    assert 'value="visit"' in before
    assert 'value="own_data"' not in before
    shown = browser.get(f"{PAGE}?purpose=visit").text
    assert [name for name, value in PERSON.items() if value in shown] == DOOR.split()
    assert "Erase" not in shown
    assert site.people is not None
    with site.people.connect() as connection:
        assert len(connection.execute(select(person_look)).all()) == 1
    assert browser.get(f"{PAGE}?purpose=own_data").status_code == 403


def test_the_page_records_refuses_and_erases(site: Site) -> None:
    browser = site.signed_in(Role.ADMINISTRATOR)
    assert browser.submit(PAGE, **PERSON).status_code == 303
    assert PERSON["surname"] in browser.get(f"{PAGE}?purpose=own_data").text
    refused = browser.submit(PAGE, **{**PERSON, "e_mail": "nobody"})
    assert refused.status_code == 422
    assert "Nothing was changed" in refused.text
    albanian = site.signed_in(Role.ADMINISTRATOR, "sq")
    refused = albanian.submit(PAGE, **{**PERSON, "fixed_number": "none"})
    assert "Numri i telefonit fiks: një numër telefoni si +383 38 000 000." in refused.text
    assert browser.submit(f"{PAGE}-erasure", ground="request").status_code == 303
    gone = browser.get(f"{PAGE}?purpose=own_data").text
    assert "Nothing is on record for this contract." in gone
    assert PERSON["surname"] not in gone
    assert browser.get("/contracts/C-9/person?purpose=own_data").status_code == 404
