"""The allow-list of restricted services: read as a person wrote it, checked, signed.

A list is a TOML text:

    version = 7                # above that of the last one
    expires = 2027-06-30       # the last day on which a device may take it over
    numbers = ["0800 11222"]   # emergency numbers beside the permanent ones; they have no end

    [[hosts]]
    names = ["mesimi.example", "*.school.example"]   # a host, or every host below a name
    from = 2026-12-01          # both days included, in local time
    to = 2027-06-30

What is signed stands in agent/wire/FORMATS.md, "Allow-list". Source: Subscription terms,
articles 8.6 to 8.8; the operators' statement of 17 March 2020.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from agent.errors import PeerError
from agent.wire.allow_list import MAX_BYTES, claims_of, signing_input, split_document
from agent.wire.authorisation import token_text
from fleet_server.domain.errors import InvalidAllowListError, OlderAllowListError
from fleet_server.domain.local_time import ZONE_NAME
from fleet_server.services.fleet import Fleet

_ZONE = ZoneInfo(ZONE_NAME)
_KEYS = {"version", "expires", "numbers", "hosts"}
_GROUP_KEYS = {"names", "from", "to"}
_NOT_IN_NUMBERS = str.maketrans("", "", " -/().")

Group = tuple[int, int, list[str]]


@dataclass(frozen=True, slots=True)
class AllowList:
    """What is to be signed; times in Unix seconds."""

    version: int
    expires_at: int
    numbers: tuple[str, ...]
    hosts: tuple[Group, ...]


def read_allow_list(text: str) -> AllowList:
    """The list of a TOML text. Raises InvalidAllowListError, which says what to put right."""
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidAllowListError("The list is not TOML: %(fault)s.", fault=str(error)) from error
    if odd := _odd_keys(found, _KEYS):
        raise InvalidAllowListError(
            "The list has exactly %(keys)s; see %(odd)s.", keys=", ".join(sorted(_KEYS)), odd=odd
        )
    version, numbers = found["version"], found["numbers"]
    if not isinstance(version, int) or isinstance(version, bool):
        raise InvalidAllowListError("version is not a whole number.")
    if not _are_texts(numbers) or not isinstance(found["hosts"], list):
        raise InvalidAllowListError("numbers is a list of texts, hosts a list of [[hosts]].")
    return AllowList(
        version=version,
        expires_at=_last_second(found["expires"], "expires"),
        numbers=tuple(number.translate(_NOT_IN_NUMBERS) for number in numbers),
        hosts=tuple(_group(group) for group in found["hosts"]),
    )


def sign_allow_list(
    fleet: Fleet, wanted: AllowList, signed_before: Mapping[int, str], now: datetime
) -> str:
    """The document, signed by the command key; the one of before where nothing differs.

    Raises InvalidAllowListError when no device would take it, OlderAllowListError when a list with
    this version or a later one was signed before.
    """
    signed = signing_input(
        fleet.controller_id,
        wanted.version,
        int(now.timestamp()),
        wanted.expires_at,
        list(wanted.numbers),
        list(wanted.hosts),
    )
    try:
        claims = claims_of(signed)
    except PeerError as error:
        raise InvalidAllowListError("The list %(fault)s.", fault=error.args[0]) from error
    if wanted.expires_at < now.timestamp():
        raise InvalidAllowListError("expires is over: no device would take the list.")
    if before := signed_before.get(wanted.version):
        if _says(before) == {**claims, "iat": 0}:
            return before
        raise OlderAllowListError(
            "Another list with version %(version)s was signed before.", version=wanted.version
        )
    if signed_before and wanted.version < max(signed_before):
        raise OlderAllowListError(
            "Version %(version)s was signed before; go above it.", version=max(signed_before)
        )
    document = token_text(signed, fleet.command_key.sign(signed))
    if len(document) > MAX_BYTES:
        raise InvalidAllowListError(
            "Signed, the list has %(length)s characters; devices take %(most)s. Hosts with "
            "the same days need least room in one [[hosts]].",
            length=len(document),
            most=MAX_BYTES,
        )
    return document


def _says(document: str) -> dict[str, Any]:
    return {**claims_of(split_document(document)[0]), "iat": 0}


def _group(group: Any) -> Group:
    if not isinstance(group, dict):
        raise InvalidAllowListError("hosts is a list of [[hosts]].")
    if odd := _odd_keys(group, _GROUP_KEYS):
        raise InvalidAllowListError(
            "A group of hosts has exactly %(keys)s; see %(odd)s.",
            keys=", ".join(sorted(_GROUP_KEYS)),
            odd=odd,
        )
    if not _are_texts(group["names"]):
        raise InvalidAllowListError("names is a list of texts.")
    first = _day(group["from"], "from")
    names = [name.lower() for name in group["names"]]
    return _midnight(first), _last_second(group["to"], "to"), names


def _odd_keys(found: Mapping[str, Any], wanted: set[str]) -> str:
    """The keys that are missing or too many, "" where all is well."""
    return ", ".join(sorted(found.keys() ^ wanted))


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _day(value: Any, key: str) -> date:
    if not isinstance(value, date) or isinstance(value, datetime):
        raise InvalidAllowListError("%(key)s is not a day such as 2027-06-30.", key=key)
    return value


def _midnight(day: date) -> int:
    return int(datetime.combine(day, time(), _ZONE).timestamp())


def _last_second(value: Any, key: str) -> int:
    return _midnight(_day(value, key) + timedelta(days=1)) - 1
