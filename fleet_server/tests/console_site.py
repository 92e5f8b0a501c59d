"""A console over a database of its own, with a made-up fleet and clock, for the tests."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import argon2
import httpx
from fastapi import FastAPI
from sqlalchemy import Engine, select

from fleet_server.adapters.migration import migrate
from fleet_server.adapters.passwords import Argon2Hasher
from fleet_server.console import create_console
from fleet_server.domain.errors import InvalidCertificateRequestError
from fleet_server.domain.roles import Role
from fleet_server.services import tables as t
from fleet_server.services.accounts import create_first_accounts
from fleet_server.services.console_context import ConsoleContext
from fleet_server.services.fleet import Fleet
from fleet_server.services.ports import IssuedCertificate
from fleet_server.services.sign_in_limit import SignInLimit

START = datetime(2026, 3, 28, 12, 0, 0, tzinfo=UTC)
MODEM = "ops::00256D-MODEM-00000001"
VOICE_MODEM = "ops::00256D-VOICEMODEM-00000002"
SET_TOP_BOX = "ops::00256D-STB-00000003"
BLANK = "ops::00256D-VOICEMODEM-00000004"
STRANGER = "os::00256D-00000099"
CSR = b"request of VOICEMODEM-00000004"

_FIELD = re.compile(r'name="form_token" value="([0-9a-f]+)"')


def quick_hasher() -> Argon2Hasher:
    """The real algorithm with parameters that cost next to nothing."""
    return Argon2Hasher(argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


class FakeAuthority:
    """Issues a made-up certificate for exactly the request CSR."""

    def issue(self, csr_der: bytes, endpoint_id: str, now: datetime) -> IssuedCertificate:
        if csr_der != CSR:
            raise InvalidCertificateRequestError("The request is not by this unit.")
        return IssuedCertificate(b"certificate", "01", now, now + timedelta(days=1), bytes(64))

    def root_der(self) -> bytes:
        return b"root"


class FakeSigningKey:
    """Signs with its own name."""

    def sign(self, signing_input: bytes) -> bytes:
        return (b"signed " + signing_input)[:64].ljust(64)

    def public_point(self) -> bytes:
        return bytes(64)


class Site:
    """The application with everything a test may look at or turn."""

    def __init__(self, folder: Path, engine: Engine, people: Engine | None = None) -> None:
        self.folder = folder
        self.engine = engine
        self.people = people
        self.now = START
        tokens = count(1)
        fleet = Fleet(
            engine=self.engine,
            authority=FakeAuthority(),
            command_key=FakeSigningKey(),
            document_key=FakeSigningKey(),
            controller_id="fqdn::fleet.test",
            broker_host="localhost",
            broker_port=8883,
            people=people,
        )
        self.context = ConsoleContext(
            fleet=fleet,
            hasher=quick_hasher(),
            limit=SignInLimit(),
            now=lambda: self.now,
            new_token=lambda: f"token-{next(tokens)}",
        )
        self.app: FastAPI = create_console(self.context)
        self.passwords = {role: f"password of {role}" for role in Role}

    def prepare(self) -> None:
        """Make the first accounts and the made-up fleet."""
        passwords = iter(self.passwords.values())
        with self.context.fleet.writing() as connection:
            create_first_accounts(
                connection, self.context.hasher, lambda: next(passwords), self.now
            )
        add_demo_fleet(self)

    def close(self) -> None:
        self.engine.dispose()
        if self.people is not None:
            self.people.dispose()

    def insert(self, table: Any, **values: Any) -> int:
        """A row; gives its key."""
        with self.context.fleet.writing() as connection:
            key = connection.execute(table.insert().values(**values)).inserted_primary_key
        return int(key[0]) if key and isinstance(key[0], int) else 0

    def browser(self, language: str = "en") -> Browser:
        return Browser(self.app, language)

    def signed_in(self, role: Role, language: str = "en") -> Browser:
        """A browser with a session of the role's first account."""
        browser = self.browser(language)
        answer = browser.submit("/sign-in", username=role.value, password=self.passwords[role])
        assert answer.status_code == 303, answer.text
        return browser

    def bearer(self, role: Role) -> dict[str, str]:
        """Headers of a tool that is signed in."""
        answer = self.browser().post(
            "/api/v1/session", json={"username": role.value, "password": self.passwords[role]}
        )
        assert answer.status_code == 201, answer.text
        return {"Authorization": f"Bearer {answer.json()['token']}"}


class Browser:
    """Asks the application directly, keeping cookies; does not follow redirections."""

    def __init__(self, app: FastAPI, language: str) -> None:
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://fleet.test",
            headers={"Accept-Language": language},
        )

    def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        return asyncio.run(self.client.request(method, url, **options))

    def get(self, url: str, **options: Any) -> httpx.Response:
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> httpx.Response:
        return self.request("POST", url, **options)

    def form_token(self) -> str:
        """The token that the forms of this browser's pages carry."""
        page = self.get("/sign-in")
        if page.status_code == 303:
            page = self.get("/units")
        found = _FIELD.search(page.text)
        assert found is not None, page.text
        return found[1]

    def submit(self, url: str, **fields: str) -> httpx.Response:
        """Send a form as the page would, with its token."""
        return self.post(url, data={"form_token": self.form_token(), **fields})


def prepare_site(engine: Engine) -> None:
    """What every site starts from, to be copied."""
    migrate(engine)
    Site(Path(), engine).prepare()


def add_demo_fleet(site: Site) -> None:
    """A modem, a voice modem and a set-top box in service, a blank unit, a vendor's device."""
    places = {
        MODEM: ("C-1002", ["internet"]),
        VOICE_MODEM: ("C-1001", ["internet", "voice"]),
        SET_TOP_BOX: ("C-1003", ["tv-1"]),
    }
    for endpoint_id in (MODEM, VOICE_MODEM, SET_TOP_BOX, BLANK):
        state = "installed" if endpoint_id in places else "in_stock"
        unit_id = add_unit(site, endpoint_id, state=state)
        number, names = places.get(endpoint_id, ("C-1004", ["voice"]))
        contract_id = site.insert(t.contract, number=number, created_at=START)
        for name in names:
            place = site.insert(
                t.service_position,
                contract_id=contract_id,
                name=name,
                product_classes=endpoint_id.split("-")[1],
            )
            if endpoint_id != BLANK:
                site.insert(
                    t.assignment,
                    unit_id=unit_id,
                    service_position_id=place,
                    since_at=START,
                    recorded_at=START,
                )
    site.insert(t.agent, endpoint_id=STRANGER, registered=False, first_seen_at=START)
    for endpoint_id in places:
        add_presence(site, endpoint_id, "online", "connect")


def add_unit(site: Site, endpoint_id: str, **values: Any) -> int:
    oui, product_class, serial_number = endpoint_id.removeprefix("ops::").split("-", 2)
    given = {
        "serial_number": serial_number,
        "endpoint_id": endpoint_id,
        "manufacturer_oui": oui,
        "product_class": product_class,
        "manufacturer": "Example Devices",
        "model_name": f"Example {product_class.title()}",
        "hardware_version": "1",
        "software_version": "0.1.0",
        "lab": False,
        "blacklisted": False,
        "received_at": START,
        "model_id": approved_model(site, oui, product_class),
    }
    return site.insert(t.unit, **{**given, **values})


def approved_model(site: Site, oui: str, product_class: str) -> int:
    """The one made-up model of this kind; gives its key."""
    model_name = f"Example {product_class.title()}"
    with site.context.fleet.reading() as connection:
        found = connection.scalar(select(t.model.c.id).where(t.model.c.model_name == model_name))
    return found or site.insert(
        t.model,
        manufacturer_oui=oui,
        product_class=product_class,
        model_name=model_name,
        manufacturer="Example Devices",
        approval_reference="EXAMPLE-APPROVAL-1",
    )


def add_presence(site: Site, endpoint_id: str, state: str, evidence: str) -> None:
    with site.context.fleet.writing() as connection:
        connection.execute(t.presence.delete().where(t.presence.c.endpoint_id == endpoint_id))
    site.insert(
        t.presence,
        endpoint_id=endpoint_id,
        state=state,
        since_at=site.now,
        seen_at=site.now,
        evidence=evidence,
    )


def add_event(site: Site, endpoint_id: str, sequence: int, name: str, **params: str) -> int:
    """A journalled event that happened now and came in 50 ms later."""
    return site.insert(
        t.event,
        endpoint_id=endpoint_id,
        event_key=f"j-0a1b2c3d-{sequence}",
        epoch="0a1b2c3d",
        sequence=sequence,
        msg_id=f"j-0a1b2c3d-{sequence}",
        subscription_id="power",
        kind="event",
        path="Device.X_IPKO-COM_Power.",
        name=name,
        params=json.dumps(params),
        boot_count=7,
        up_time_ms=61_000,
        device_at=site.now,
        device_error_ms=12,
        grade="measured",
        received_at=site.now + timedelta(milliseconds=50),
    )


def add_interruption(
    site: Site, endpoint_id: str, evidence: list[str], length_ms: int | None = None
) -> int:
    """One that began now, with one verdict; open unless it has a length."""
    values = {
        "cause": "no power at the device",
        "started_at": site.now,
        "start_error_ms": 12,
        "ended_at": None if length_ms is None else site.now + timedelta(milliseconds=length_ms),
        "end_error_ms": None if length_ms is None else 12,
        "length_ms": length_ms,
        "length_error_ms": None if length_ms is None else 24,
        "evidence": json.dumps(evidence),
        "withdrawn": False,
    }
    key = site.insert(
        t.interruption, endpoint_id=endpoint_id, revision=1, updated_at=site.now, **values
    )
    add_verdict(site, key, 1, **values)
    return key


def add_verdict(site: Site, interruption_id: int, revision: int, **values: Any) -> None:
    site.insert(
        t.interruption_verdict,
        interruption_id=interruption_id,
        revision=revision,
        decided_at=site.now,
        **values,
    )


def add_value(site: Site, endpoint_id: str, path: str, value: str) -> None:
    site.insert(t.parameter, endpoint_id=endpoint_id, path=path, value=value, reported_at=site.now)
