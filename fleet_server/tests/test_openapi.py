"""The OpenAPI document is complete: every call says what it does, gives examples and its errors."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import TypeAdapter
from sqlalchemy import create_engine

from fleet_server.api.application import create_api
from fleet_server.api.openapi import operations
from fleet_server.tests.console_site import Site

NO_ANSWER = ("204",)
TEXTS = {"summary", "description"}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    folder = tmp_path_factory.mktemp("openapi")
    return create_api(Site(folder, create_engine("sqlite://")).context)


@pytest.fixture(scope="module")
def document(api: FastAPI) -> dict[str, Any]:
    return api.openapi()


def _contents(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Every body that is sent or answered, with the call it belongs to."""
    found = []
    for path, method, operation in operations(document):
        bodies = [operation["requestBody"]] if "requestBody" in operation else []
        bodies += operation["responses"].values()
        for body in bodies:
            for kind, content in body.get("content", {}).items():
                found.append((f"{method.upper()} {path} {kind}", content))
    return found


def test_every_call_says_what_it_does(document: dict[str, Any]) -> None:
    silent = [
        f"{method} {path}"
        for path, method, operation in operations(document)
        if not all(operation.get(text, "").strip() for text in TEXTS) or not operation.get("tags")
    ]
    assert silent == [], "a docstring at the route, tags at its router"


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    without = [call for call, content in _contents(document) if not content.get("example")]
    assert without == []


def test_every_example_is_one_that_the_call_takes_or_gives(
    api: FastAPI, document: dict[str, Any]
) -> None:
    checked = 0
    for context in iter_route_contexts(api.routes):
        route = context.original_route
        if not isinstance(route, APIRoute) or not route.include_in_schema:
            continue
        for method in route.methods or ():
            operation = document["paths"][context.path][method.lower()]
            answer = operation["responses"].get(str(route.status_code or 200), {})
            for content in answer.get("content", {}).values():
                if route.response_model is not None:
                    TypeAdapter(route.response_model).validate_python(content["example"])
                    checked += 1
            if route.body_field is not None and "requestBody" in operation:
                (content,) = operation["requestBody"]["content"].values()
                kind: Any = route.body_field.field_info.annotation
                TypeAdapter(kind).validate_python(content["example"])
                checked += 1
    assert checked > 20


def test_every_call_names_the_errors_it_answers(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        said = operation["responses"]
        expected = {"401", "422", "429", "500"}
        if (method, path) != ("post", "/session"):
            expected |= {"403"}
            expected |= {"404"} if "{" in path else set()
            expected |= {"409"} if method in ("post", "put", "patch", "delete") else set()
        assert expected <= set(said), f"{method} {path}"
        for status in expected:
            problem = said[status]["content"]["application/problem+json"]["example"]
            assert problem["status"] == int(status)
            assert problem["next"].endswith(".")
        assert any(code.startswith("2") for code in said)


def test_every_change_takes_an_idempotency_key(document: dict[str, Any]) -> None:
    for path, method, operation in operations(document):
        names = [one["name"] for one in operation.get("parameters", [])]
        writes = method in ("post", "put", "patch", "delete") and path != "/session"
        writes |= (path, method) == ("/session", "delete")
        assert ("Idempotency-Key" in names) == writes, f"{method} {path}"
