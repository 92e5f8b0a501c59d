"""Completes the OpenAPI document: security, idempotency keys, error answers, an example everywhere.

An answer to an error that is not listed for a call is possible: the page of the API names all.
"""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from fleet_server.api.errors import MEDIA_TYPE
from fleet_server.api.examples import REFERENCE, Schema, example
from fleet_server.api.idempotency import HEADER, WRITES
from fleet_server.services.idempotency import LONGEST_KEY, SHORTEST_KEY

_KEY_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": "send again with the same key what got no answer; it is done once",
    "schema": {"type": "string", "minLength": SHORTEST_KEY, "maxLength": LONGEST_KEY},
    "example": "0b9c0a2e-6f0e-4d7c-9c47-0c6f1f1d9a55",
}
_ERRORS = {
    "401": ("not-signed-in", "Not signed in", "POST /api/v1/session for a token and send it."),
    "403": ("not-permitted", "The role does not allow this", "Ask one whose role includes it."),
    "404": ("not-found", "Not found", "Check number or name in the address."),
    "409": ("conflict", "It contradicts what is on record", "Look up the unit and compare."),
    "422": ("not-understood", "The request was not understood", "Correct what detail names."),
    "429": ("too-many-calls", "More calls than are allowed", "Wait as Retry-After says."),
    "500": ("server-failed", "The server has a problem", "Look before you try again."),
}
_ANYBODY = {("post", "/session")}


def install(api: FastAPI) -> None:
    """Have `api` describe itself completely."""

    def describe() -> Schema:
        if api.openapi_schema is None:
            document = get_openapi(
                title=api.title,
                version=api.version,
                routes=api.routes,
                description="Problem details, lists by key, idempotent writes: "
                "docs/developer/http-api.md.",
                servers=[{"url": "/api/v1"}],
            )
            api.openapi_schema = complete(document)
        return api.openapi_schema

    api.openapi = describe  # type: ignore[method-assign]


def complete(document: Schema) -> Schema:
    """The document with what every call has in common, and with examples."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "session": {"type": "apiKey", "in": "cookie", "name": "session"},
    }
    schemas["Problem"] = _problem_schema()
    for path, method, operation in operations(document):
        if (method, path) not in _ANYBODY:
            operation["security"] = [{"token": []}, {"session": []}]
        if method.upper() in WRITES and (method, path) not in _ANYBODY:
            operation.setdefault("parameters", []).append(_KEY_PARAMETER)
        _add_errors(path, method, operation)
        _add_examples(operation, schemas)
    return document


def operations(document: Schema) -> Iterator[tuple[str, str, Schema]]:
    """Path, method in lower case, and what is said of it."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _add_examples(operation: Schema, schemas: Schema) -> None:
    bodies = [operation["requestBody"]] if "requestBody" in operation else []
    answers = [answer for code, answer in operation["responses"].items() if code.startswith("2")]
    for body in bodies + answers:
        for content in body.get("content", {}).values():
            if "example" not in content and content.get("schema"):
                content["example"] = example(content["schema"], schemas)


def _add_errors(path: str, method: str, operation: Schema) -> None:
    responses = operation["responses"]
    for status in _errors_of(path, method):
        schema = {"$ref": f"{REFERENCE}Problem"}
        content = {MEDIA_TYPE: {"schema": schema, "example": _problem(status)}}
        responses[status] = {"description": _ERRORS[status][1], "content": content}


def _problem(status: str) -> Schema:
    code, title, advice = _ERRORS[status]
    return {
        "type": f"urn:ipko-fleet:problem:{code}",
        "title": title,
        "status": int(status),
        "detail": "What exactly was wrong, in a sentence.",
        "next": advice,
    }


def _errors_of(path: str, method: str) -> list[str]:
    found = ["401", "422", "429", "500"]
    if (method, path) in _ANYBODY:
        return found
    found.append("403")
    if "{" in path:
        found.append("404")
    if method.upper() in WRITES:
        found.append("409")
    return sorted(found)


def _problem_schema() -> Schema:
    members = {name: {"type": "string"} for name in ("type", "title", "detail", "next")}
    return {
        "title": "Problem",
        "description": "RFC 9457; `next` is a sentence that says what to do.",
        "type": "object",
        "properties": {**members, "status": {"type": "integer"}},
        "required": [*members, "status"],
        "example": _problem("404"),
    }
