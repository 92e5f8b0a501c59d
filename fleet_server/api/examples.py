"""Examples for the OpenAPI document, put together from what the models say of themselves.

A model's own example (`json_schema_extra={"example": ...}`) counts; else each member has one by its
own `examples`, by its name in `_MEMBERS`, by its enumeration or by its type. A test holds each to
be one that the call takes or gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]

_MOMENT, _DAY = "2026-11-26T12:00:00Z", "2026-11-26"
REFERENCE = "#/components/schemas/"
_MEMBERS: Mapping[str, Any] = {
    "action": "unit_state_changed",
    "advice": "Plan the visit.",
    "article": "7.2.2",
    "broker_host": "broker.example.org",
    "by": "account:4",
    "ca": "MIIBszCCAVmgAwIBAgIUQkE=",
    "case": "R-000012",
    "cause": "access_network",
    "certificate": "MIIBtDCCAVqgAwIBAgIUQ0U=",
    "code": "surge",
    "command_key": "BHlAQUJDREVGR0g=",
    "contract": "C-1001",
    "contract_number": "C-1001",
    "controller": "fqdn::fleet.example.org",
    "csr": "MIIBGzCBwgIBADA4MTYwNAYDVQQDDC0=",
    "currency": "EUR",
    "default": "5",
    "detail": "what the entry tells",
    "effect": "days until the unit is due back",
    "endpoint_id": "ops::00256D-VOICEMODEM-00000002",
    "evidence": "event:12",
    "grade": "measured",
    "hardware_version": "A0",
    "kind": "installation",
    "mac_address": "02:00:5E:00:00:02",
    "manufacturer": "Example Devices",
    "manufacturer_oui": "00256D",
    "model_name": "EMTA-31",
    "name": "return_days",
    "network_element": "N1-S1",
    "next": "WyIwMDAwMDAwMiJd",
    "node": "N1",
    "nonce": "00112233445566778899aabbccddeeff",
    "note": "made-up note",
    "package": "TOP L",
    "password": "a made-up sentence of five words",
    "place": "WH-1",
    "position": "internet",
    "presence": "online",
    "product_class": "VOICEMODEM",
    "reason": "agreed by telephone",
    "role": "technician",
    "serial": "00000002",
    "serial_number": "00000002",
    "service": "internet",
    "software_version": "0.1.0",
    "state": "installed",
    "status": "in_service",
    "street": "N1-S1",
    "subject": "unit:00000002",
    "text": "made-up text",
    "title": "made-up title",
    "token": "tok-EXAMPLE",
    "url": "/contracts/C-1001",
    "username": "van-7",
    "value": "5",
    "what": "the unit is due back",
    "who": "call_centre",
}


def example(schema: Schema, schemas: Schema, name: str = "") -> Any:
    """A value of this schema; None where there is none to give."""
    schema = _resolve(schema, schemas)
    if "example" in schema:
        return _with_nulls(schema["example"], schema, schemas)
    if schema.get("examples"):
        return _with_nulls(schema["examples"][0], schema, schemas)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    for either in ("anyOf", "oneOf", "allOf"):
        if either in schema:
            return example(schema[either][0], schemas, name)
    return _by_type(schema, schemas, name)


def _with_nulls(value: Any, schema: Schema, schemas: Schema) -> Any:
    """`value` with the nulls that were left out when the document was made."""
    schema = _resolve(schema, schemas)
    if "anyOf" in schema and value is not None:
        return _with_nulls(value, schema["anyOf"][0], schemas)
    if isinstance(value, list):
        return [_with_nulls(each, schema.get("items", {}), schemas) for each in value]
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    members = schema["properties"]
    given = {
        name: _with_nulls(found, members.get(name, {}), schemas) for name, found in value.items()
    }
    return {**dict.fromkeys(schema.get("required", [])), **given}


def _by_type(schema: Schema, schemas: Schema, name: str) -> Any:
    kind = schema.get("type")
    if kind == "object":
        members = schema.get("properties", {})
        return {each: example(found, schemas, each) for each, found in members.items()}
    if kind == "array":
        return [example(schema.get("items", {}), schemas, name.removesuffix("s"))]
    if kind == "boolean":
        return True
    if kind in ("integer", "number"):
        return schema.get("minimum", 1)
    if schema.get("format") == "date-time":
        return _MOMENT
    if schema.get("format") == "date":
        return _DAY
    if kind == "string":
        return _MEMBERS.get(name, f"made-up {name}")
    return None


def _resolve(schema: Schema, schemas: Schema) -> Schema:
    while "$ref" in schema:
        schema = schemas[schema["$ref"].removeprefix(REFERENCE)]
    return schema
