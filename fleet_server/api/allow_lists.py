"""Versions of the allow-list: sign, publish, and how far each has come."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, StringConstraints

from fleet_server.api.caller import Context, CurrentCaller
from fleet_server.domain.roles import Permission
from fleet_server.services import allow_list_versions
from fleet_server.services.allow_list_versions import AllowListVersion

router = APIRouter(prefix="/allow-lists", tags=["allow-lists"])

Version = Annotated[int, Path(ge=1, lt=1 << 31, examples=[7])]
Words = Annotated[str, StringConstraints(min_length=3, max_length=512)]
_LIST = 'version = 7\nexpires = 2027-06-30\nnumbers = ["0800 11222"]\nhosts = []\n'


class AllowListView(BaseModel):
    """`confirmed` of `devices` in service said that this version is in force."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "version": 7,
                    "signed_at": "2026-11-26T12:00:00Z",
                    "expires_at": "2027-06-30T21:59:59Z",
                    "published_at": "2026-11-26T12:05:00Z",
                    "in_network": True,
                    "confirmed": 3,
                    "devices": 4,
                }
            ]
        }
    )

    version: int
    signed_at: datetime
    expires_at: datetime
    published_at: datetime | None
    in_network: bool
    confirmed: int
    devices: int


class AllowLists(BaseModel):
    items: list[AllowListView]


class AllowListDocument(BaseModel):
    """The signed list, as devices take it."""

    version: int
    document: str


class AllowListRequest(BaseModel):
    """`list` is TOML; docs/operations/service-state.md describes it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"list": _LIST, "reason": "Order of 1 December"}]}
    )

    list: Annotated[str, StringConstraints(min_length=1, max_length=16384)]
    reason: Words


class PublicationRequest(BaseModel):
    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Order of 1 December"}]})

    reason: Words


@router.get("")
def list_allow_lists(caller: CurrentCaller, context: Context) -> AllowLists:
    """Every list that was signed, the newest first."""
    caller.require(Permission.SEE_SERVICE)
    with context.fleet.reading() as connection:
        found = allow_list_versions.list_versions(connection)
    return AllowLists(items=[_view(one) for one in found])


@router.post("", status_code=201)
def sign(body: AllowListRequest, caller: CurrentCaller, context: Context) -> AllowListDocument:
    """Sign a list; it goes nowhere before it is published. 422 when no device would take it."""
    caller.require(Permission.MANAGE_ALLOW_LISTS)
    with context.fleet.writing() as connection:
        version, document = allow_list_versions.sign(
            connection, context.fleet, body.list, caller.actor, body.reason, context.now()
        )
    return AllowListDocument(version=version, document=document)


@router.get("/{version}")
def get_document(version: Version, caller: CurrentCaller, context: Context) -> AllowListDocument:
    """One signed list."""
    caller.require(Permission.SEE_SERVICE)
    with context.fleet.reading() as connection:
        document = allow_list_versions.document_of(connection, version)
    return AllowListDocument(version=version, document=document)


@router.put("/{version}/publication", status_code=204)
def publish(
    version: Version, body: PublicationRequest, caller: CurrentCaller, context: Context
) -> None:
    """Have it rolled out: to the operator's systems, then to every device."""
    caller.require(Permission.MANAGE_ALLOW_LISTS)
    with context.fleet.writing() as connection:
        allow_list_versions.publish(connection, version, caller.actor, body.reason, context.now())


def _view(one: AllowListVersion) -> AllowListView:
    return AllowListView(
        version=one.version,
        signed_at=one.signed_at,
        expires_at=one.expires_at,
        published_at=one.published_at,
        in_network=one.in_network,
        confirmed=one.confirmed,
        devices=one.devices,
    )
