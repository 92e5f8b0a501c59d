"""Accounts, sessions, tokens, persons, settings."""

from __future__ import annotations

from fleet_server.tests.permissions.common import EVERYBODY, SEES_SETTINGS, Call, Form, Page

NEW_ACCOUNT = {"username": "van-7", "role": "technician", "password": "a made-up sentence"}
NEW_TOKEN = {"name": "a tool", "scopes": ["look_up_unit"], "days": 30}
PERSON = {"name": "Shembull", "surname": "Prova"}
SETTING = {"value": "6", "reason": "a test of the roles"}

PAGES: list[Page] = [
    ("GET", "/settings", "/settings", 200, SEES_SETTINGS),
    (
        "GET",
        "/contracts/{number}/person",
        "/contracts/C-1001/person",
        200,
        "technician dispatcher call_centre administrator",
    ),
    ("GET", "/settings/{name}", "/settings/return_days", 200, SEES_SETTINGS),
]
FORMS: list[Form] = [
    ("/settings/{name}", "/settings/return_days", SETTING, 303, "administrator"),
    (
        "/contracts/{number}/person",
        "/contracts/C-1001/person",
        PERSON,
        303,
        "call_centre administrator",
    ),
    (
        "/contracts/{number}/person-erasure",
        "/contracts/C-1001/person-erasure",
        {"ground": "request"},
        303,
        "administrator",
    ),
]
CALLS: list[Call] = [
    ("DELETE", "/session", "/session", None, 204, EVERYBODY),
    ("GET", "/policy", "/policy", None, 200, SEES_SETTINGS),
    ("GET", "/policy/{name}", "/policy/return_days", None, 200, SEES_SETTINGS),
    ("PUT", "/policy/{name}", "/policy/return_days", SETTING, 200, "administrator"),
    (
        "PUT",
        "/contracts/{number}/person",
        "/contracts/C-1001/person",
        PERSON,
        204,
        "call_centre administrator",
    ),
    (
        "GET",
        "/contracts/{number}/person",
        "/contracts/C-1001/person?purpose=contract_data",
        None,
        200,
        "call_centre administrator",
    ),
    (
        "DELETE",
        "/contracts/{number}/person",
        "/contracts/C-1001/person?ground=request",
        None,
        200,
        "administrator",
    ),
    ("GET", "/accounts", "/accounts", None, 200, "administrator"),
    ("POST", "/accounts", "/accounts", NEW_ACCOUNT, 201, "administrator"),
    ("GET", "/accounts/{account_id}", "/accounts/1", None, 200, "administrator"),
    ("PATCH", "/accounts/{account_id}", "/accounts/1", {}, 200, "administrator"),
    (
        "PUT",
        "/accounts/{account_id}/password",
        "/accounts/1/password",
        {"password": "a made-up sentence"},
        204,
        "administrator",
    ),
    ("GET", "/tokens", "/tokens", None, 200, EVERYBODY),
    ("POST", "/tokens", "/tokens", NEW_TOKEN, 201, EVERYBODY),
    ("DELETE", "/tokens/{token_id}", "/tokens/999", None, 404, EVERYBODY),
    ("GET", "/person-looks", "/person-looks", None, 200, "auditor administrator"),
]
