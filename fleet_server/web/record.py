"""Who decided what, and why: lines of the audit log as pages show them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from fleet_server.services.accounts import usernames
from fleet_server.services.audit import COMMAND_LINE, Recorded
from fleet_server.web.page import Page


def actors_of(entries: Iterable[Recorded]) -> list[str]:
    """Who acted, as `<kind>:<name>`."""
    return [f"{one.actor.kind}:{one.actor.name}" for one in entries]


def names_of(connection: Connection, actors: Iterable[str]) -> dict[str, str]:
    """The user names of those actors that are accounts."""
    split = [actor.partition(":") for actor in actors]
    numbers = {int(name) for kind, _, name in split if kind == "account"}
    return {f"account:{key}": name for key, name in usernames(connection, numbers).items()}


def name_of(page: Page, known: Mapping[str, str], actor: str) -> str:
    """Who that is, by the names that are known."""
    kind, _, name = actor.partition(":")
    if kind != "system":
        return known.get(actor, name)
    part, _, person = name.partition(", ")
    if part != COMMAND_LINE:
        return page.gettext("the system itself")
    return ", ".join(filter(None, (page.gettext("command line"), person)))
