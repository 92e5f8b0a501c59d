"""Accounts and API tokens, by HTTP API and command line; and how many calls may come."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from fleet_server.bootstrap import build, close
from fleet_server.cli import app as command_line
from fleet_server.config import Config
from fleet_server.domain.roles import Role
from fleet_server.installation import migrate_all
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.rate_limit import RateLimit, TooManyCallsError
from fleet_server.tests.console_site import START, Site

PASSWORD = "a made-up sentence"
NEW = {"username": "van-7", "role": "technician", "password": PASSWORD}


def call(
    site: Site, method: str, url: str, body: Any = None, role: Role = Role.ADMINISTRATOR
) -> Any:
    return site.browser().request(method, f"/api/v1{url}", json=body, headers=site.bearer(role))


def sign_in(site: Site, username: str, password: str) -> Any:
    body = {"username": username, "password": password}
    return site.browser().post("/api/v1/session", json=body)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def make_token(site: Site, role: Role, *scopes: str, days: int = 30) -> Any:
    body = {"name": "a tool", "scopes": scopes, "days": days}
    return call(site, "POST", "/tokens", body, role)


def test_an_account_is_made_and_may_sign_in(site: Site) -> None:
    made = call(site, "POST", "/accounts", NEW)
    assert made.status_code == 201
    assert made.headers["location"] == f"/api/v1/accounts/{made.json()['id']}"
    assert sign_in(site, "van-7", PASSWORD).json()["role"] == "technician"
    assert call(site, "GET", made.headers["location"].removeprefix("/api/v1")).json() == made.json()
    again = call(site, "POST", "/accounts", NEW)
    assert again.json()["type"].endswith(":username-taken")


@pytest.mark.parametrize(
    "changed",
    [
        {"username": "Van"},
        {"username": "-van"},
        {"username": ""},
        {"username": "a b"},
        {"password": "eleven char"},
        {"password": "x" * 257},
        {"role": "owner"},
    ],
)
def test_an_account_with_such_a_name_or_password_is_refused(
    site: Site, changed: dict[str, str]
) -> None:
    assert call(site, "POST", "/accounts", {**NEW, **changed}).status_code == 422


def test_whoever_is_disabled_is_out_at_once_and_may_come_back(site: Site) -> None:
    session = bearer(sign_in(site, "auditor", site.passwords[Role.AUDITOR]).json()["token"])
    token = bearer(make_token(site, Role.AUDITOR, "see_devices").json()["token"])
    found = call(site, "PATCH", "/accounts/7", {"disabled": True}).json()
    assert found["disabled_at"] == "2026-03-28T12:00:00Z"
    for headers in (session, token):
        answer = site.browser().get("/api/v1/units/00000002", headers=headers)
        assert answer.status_code == 401
    assert sign_in(site, "auditor", site.passwords[Role.AUDITOR]).status_code == 401
    call(site, "PATCH", "/accounts/7", {"disabled": False})
    assert sign_in(site, "auditor", site.passwords[Role.AUDITOR]).status_code == 201
    for headers in (session, token):
        assert site.browser().get("/api/v1/units/1", headers=headers).status_code == 401


def test_another_role_or_password_ends_every_session(site: Site) -> None:
    for url, method, body in (
        ("/accounts/7", "PATCH", {"role": "dispatcher"}),
        ("/accounts/7/password", "PUT", {"password": PASSWORD}),
    ):
        password = site.passwords[Role.AUDITOR]
        session = bearer(sign_in(site, "auditor", password).json()["token"])
        assert call(site, method, url, body).status_code in (200, 204)
        assert site.browser().get("/api/v1/units/1", headers=session).status_code == 401
    assert sign_in(site, "auditor", PASSWORD).json()["role"] == "dispatcher"


@pytest.mark.parametrize("change", [{"disabled": True}, {"role": "auditor"}])
def test_the_last_administrator_stays_one(site: Site, change: dict[str, Any]) -> None:
    refused = call(site, "PATCH", "/accounts/8", change)
    assert refused.json()["type"].endswith(":last-administrator")
    second = call(site, "POST", "/accounts", {**NEW, "role": "administrator"}).json()
    call(site, "PATCH", f"/accounts/{second['id']}", {"disabled": True})
    assert call(site, "PATCH", "/accounts/8", change).status_code == 409
    call(site, "PATCH", f"/accounts/{second['id']}", {"disabled": False})
    assert call(site, "PATCH", "/accounts/8", change).status_code == 200


def test_what_is_done_to_accounts_is_on_record_without_names_or_passwords(site: Site) -> None:
    made = call(site, "POST", "/accounts", NEW).json()
    url = f"/accounts/{made['id']}"
    call(site, "PATCH", url, {"role": "dispatcher"})
    call(site, "PATCH", url, {"role": "dispatcher", "disabled": True})
    call(site, "PUT", f"{url}/password", {"password": PASSWORD})
    with site.context.fleet.reading() as connection:
        entries = audit.history(connection, f"account:{made['id']}")
        stored = str(connection.execute(select(t.audit_entry)).all())
    assert [(entry.action, entry.detail) for entry in reversed(entries)] == [
        ("account_created", {"role": "technician"}),
        ("account_role_set", {"from": "technician", "to": "dispatcher"}),
        ("account_disabled", {}),
        ("account_password_set", {}),
    ]
    assert {entry.actor.name for entry in entries} == {"8"}
    assert "van-7" not in stored
    assert PASSWORD not in stored


def test_a_token_may_its_scopes_and_no_more_until_it_ends(site: Site) -> None:
    made = make_token(site, Role.TECHNICIAN, "look_up_unit", days=2).json()
    headers = bearer(made["token"])
    ask = site.browser().get
    assert ask("/api/v1/units/00000002", headers=headers).status_code == 200
    refused = ask("/api/v1/units/00000002/presence", headers=headers)
    assert refused.status_code == 403
    assert "made without see_devices" in refused.json()["detail"]
    assert ask("/api/v1/units/00000002", headers=headers).json()["contract"] is None
    site.now += timedelta(days=2)
    assert ask("/api/v1/units/00000002", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("method", "url", "body"),
    [
        ("POST", "/tokens", {"name": "x", "scopes": ["manage_accounts"], "days": 1}),
        ("GET", "/tokens", None),
        ("DELETE", "/tokens/1", None),
        ("POST", "/accounts", NEW),
        ("PUT", "/accounts/8/password", {"password": PASSWORD}),
        ("PATCH", "/accounts/8", {}),
        ("GET", "/accounts", None),
    ],
)
def test_a_token_cannot_widen_itself(site: Site, method: str, url: str, body: Any) -> None:
    headers = bearer(make_token(site, Role.ADMINISTRATOR, "manage_accounts").json()["token"])
    answer = site.browser().request(method, f"/api/v1{url}", json=body, headers=headers)
    assert answer.status_code == 403
    assert "sign in with the password" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("scopes", "days"),
    [([], 30), (["enrol_unit"], 30), (["see_looks"], 0), (["see_looks"], 367), (["x"], 1)],
)
def test_a_token_beyond_role_or_time_is_refused(site: Site, scopes: list[str], days: int) -> None:
    assert make_token(site, Role.AUDITOR, *scopes, days=days).status_code == 422


def test_tokens_are_listed_without_their_secret_and_revoked_by_their_owner(site: Site) -> None:
    made = make_token(site, Role.AUDITOR, "see_looks", "see_devices").json()
    listed = call(site, "GET", "/tokens", role=Role.AUDITOR).json()
    assert listed == [{name: value for name, value in made.items() if name != "token"}]
    assert listed[0]["scopes"] == ["see_devices", "see_looks"]
    assert call(site, "GET", "/tokens", role=Role.DISPATCHER).json() == []
    url = f"/tokens/{made['id']}"
    assert call(site, "DELETE", url, role=Role.DISPATCHER).status_code == 404
    assert call(site, "DELETE", url, role=Role.AUDITOR).status_code == 204
    answer = site.browser().get("/api/v1/person-looks", headers=bearer(made["token"]))
    assert answer.status_code == 401


def test_an_account_has_at_most_fifty_tokens(site: Site) -> None:
    headers = site.bearer(Role.AUDITOR)
    body = {"name": "a tool", "scopes": ["see_looks"], "days": 1}
    ask = site.browser().post
    codes = [ask("/api/v1/tokens", json=body, headers=headers).status_code for _ in range(51)]
    assert codes == [201] * 50 + [422]


def test_more_calls_than_allowed_wait_as_long_as_they_are_told(site: Site) -> None:
    site.context.account_rate.burst = 3
    site.context.account_rate.per_minute = 6
    headers, other = site.bearer(Role.AUDITOR), site.bearer(Role.DISPATCHER)
    url = "/api/v1/units/00000002"
    ask = site.browser().get
    assert [ask(url, headers=headers).status_code for _ in range(4)] == [200] * 3 + [429]
    refused = ask(url, headers=headers)
    assert refused.headers["retry-after"] == "10"
    assert refused.json()["type"].endswith(":too-many-calls")
    assert ask(url, headers=other).status_code == 200
    site.now += timedelta(seconds=10)
    assert [ask(url, headers=headers).status_code for _ in range(2)] == [200, 429]


def test_calls_without_a_token_count_for_their_address(site: Site) -> None:
    site.context.address_rate.burst = 2
    ask = site.browser().get
    assert [ask("/api/v1/units/1").status_code for _ in range(3)] == [401, 401, 429]


def test_a_bucket_is_never_fuller_than_full_and_forgets_who_is_idle() -> None:
    limit = RateLimit(per_minute=60, burst=2)
    for number in range(20_001):
        limit.take(f"address {number}", START)
    assert len(limit._left) < 20_001
    later = START + timedelta(days=1)
    for _ in range(2):
        limit.take("address 20000", later)
    with pytest.raises(TooManyCallsError):
        limit.take("address 20000", later)
    limit.take("address 20000", later + timedelta(seconds=1))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    fleet = build(Config(state=tmp_path))
    migrate_all(fleet)
    close(fleet)
    return tmp_path


def run(state: Path, *words: str, text: str = "") -> str:
    done = CliRunner().invoke(
        command_line, [*words, "--state", str(state)], input=text, catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return done.output


def test_the_command_line_does_the_same(state: Path) -> None:
    run(state, "accounts", "create", "boss", "--role", "administrator", text=f"{PASSWORD}\n")
    run(state, "accounts", "create", "van-7", "--role", "technician", text=f"{PASSWORD}\n")
    made = run(
        state, "tokens", "make", "van-7", "--name", "stock", "--scope", "look_up_unit",
        "--scope", "see_devices", "--days", "7",
    )  # fmt: skip
    assert made.startswith("Token 1, until ")
    listed = run(state, "tokens", "list", "van-7")
    assert "stock" in listed
    assert listed.strip().endswith("look_up_unit see_devices")
    assert made.splitlines()[1] not in listed
    run(state, "tokens", "revoke", "van-7", "1")
    assert run(state, "tokens", "list", "van-7") == ""
    run(state, "accounts", "set-role", "van-7", "--role", "dispatcher")
    run(state, "accounts", "set-password", "van-7", text="another sentence\n")
    run(state, "accounts", "disable", "van-7")
    assert "disabled" in run(state, "accounts", "list")
    run(state, "accounts", "enable", "van-7")
    assert "disabled" not in run(state, "accounts", "list")
    fleet = build(Config(state=state))
    with fleet.reading() as connection:
        actors = {row.actor for row in connection.execute(select(t.audit_entry))}
        assert audit.verify(connection).entries == 8
    close(fleet)
    assert actors == {"command line"}
