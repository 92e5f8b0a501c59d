"""Commands to devices: the queue, one command as it goes, giving one and calling it back."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Path, Query, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from fleet_server.domain.command import ENDED, State
from fleet_server.domain.errors import ConflictError, InvalidError, NotFoundError, RuleError
from fleet_server.domain.roles import Permission
from fleet_server.services import commands
from fleet_server.services.audit import Actor
from fleet_server.services.command_orders import ReservedCommandError, give, is_connected
from fleet_server.services.commands import Command, Order
from fleet_server.web.page import CurrentPage, Page
from fleet_server.web.steps import Line, Tone

router = APIRouter(include_in_schema=False)

Key = Annotated[int, Path(ge=1, lt=1 << 63)]
Text = Annotated[str, Form(max_length=512)]
Reason = Annotated[str, Form(min_length=3, max_length=512)]
_ROWS = 50
_KEY = re.compile(r"console-[0-9a-f]{16}")
_TONES = {
    State.QUEUED: "never",
    State.SENT: "suspect",
    State.ACCEPTED: "suspect",
    State.DONE: "online",
    State.FAILED: "offline",
    State.EXPIRED: "offline",
    State.CANCELLED: "never",
}
_END_TONES = {
    State.DONE: Tone.DONE,
    State.CANCELLED: Tone.UNDONE,
    State.FAILED: Tone.FAILED,
    State.EXPIRED: Tone.FAILED,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which commands the list shows; all when both are empty."""

    endpoint: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Entered:
    """What the form for a command holds; `key` makes that sending it twice queues one command."""

    key: str
    endpoint: str = ""
    command: str = "Device.Reboot()"
    args: str = ""
    hours: int = 24
    reason: str = ""


def _wanted(endpoint: Annotated[str, Query(max_length=64)] = "", state: State | str = "") -> Wanted:
    return Wanted(endpoint.strip(), state if state in set(State) else "")


Shown = Annotated[Wanted, Depends(_wanted)]
Before = Annotated[int | None, Query(ge=1, lt=1 << 63)]


def _entered(
    command_key: Text = "",
    endpoint: Text = "",
    command: Text = "",
    args: Annotated[str, Form(max_length=4096)] = "",
    hours: Annotated[int, Form(ge=1, le=720)] = 24,
    reason: Text = "",
) -> Entered:
    return Entered(command_key, endpoint.strip(), command.strip(), args, hours, reason.strip())


@router.get("/commands")
def command_list(page: CurrentPage, wanted: Shown, before: Before = None) -> Response:
    page.require(Permission.SEE_COMMANDS)
    return _list(page, wanted, before, Entered(_new_key(), wanted.endpoint))


@router.get("/commands/rows")
def command_rows(page: CurrentPage, wanted: Shown, before: Before = None) -> Response:
    page.require(Permission.SEE_COMMANDS)
    return page.render("command_list.html", **_list_values(page, wanted, before))


@router.post("/commands")
def give_command(
    page: CurrentPage, entered: Annotated[Entered, Depends(_entered)], form_token: Text = ""
) -> Response:
    """Queue a command, or show the form again with what is wrong."""
    account = page.require(Permission.SEND_COMMAND)
    page.check_form(form_token)
    key = entered.key if _KEY.fullmatch(entered.key) else _new_key()
    try:
        order = Order(
            entered.endpoint,
            entered.command,
            _arguments(entered.args),
            page.now + timedelta(hours=entered.hours),
        )
        with page.context.fleet.writing() as connection:
            actor = Actor.account(account.id)
            made = give(connection, actor, key, order, entered.reason, page.now)
    except NotFoundError:
        return _list(page, Wanted(), None, replace(entered, key=key), "unknown_device", 422)
    except ReservedCommandError:
        return _list(page, Wanted(), None, replace(entered, key=key), "reserved", 422)
    except (InvalidError, ConflictError) as error:
        entered = replace(entered, key=_new_key())
        return _list(page, Wanted(), None, entered, "invalid", 422, error)
    return RedirectResponse(f"/commands/{made.id}", 303)


@router.get("/commands/{number}")
def command(page: CurrentPage, number: Key) -> Response:
    page.require(Permission.SEE_COMMANDS)
    return page.render("command.html", refused="", **_values(page, number))


@router.get("/commands/{number}/live")
def command_live(page: CurrentPage, number: Key) -> Response:
    page.require(Permission.SEE_COMMANDS)
    return page.render("command_live.html", **_values(page, number))


@router.post("/commands/{number}/cancellation")
def cancel_command(
    page: CurrentPage, number: Key, reason: Reason, form_token: Text = ""
) -> Response:
    account = page.require(Permission.CANCEL_COMMAND)
    page.check_form(form_token)
    try:
        with page.context.fleet.writing() as connection:
            key = commands.read_id(connection, number).command_key
            commands.cancel(connection, Actor.account(account.id), key, reason, page.now)
    except ConflictError:
        return page.render("command.html", 409, refused="ended", **_values(page, number))
    return RedirectResponse(f"/commands/{number}", 303)


def _list(
    page: Page,
    wanted: Wanted,
    before: int | None,
    entered: Entered,
    refused: str = "",
    status: int = 200,
    error: RuleError | None = None,
) -> Response:
    values = _list_values(page, wanted, before)
    more = values.pop("more")
    return page.render(
        "commands.html",
        status,
        entered=entered,
        refused=refused,
        error=error,
        rows_url=_url("/commands/rows", wanted, before),
        first_url=_url("/commands", wanted, None) if before else "",
        next_url=_url("/commands", wanted, more) if more else "",
        **values,
    )


def _list_values(page: Page, wanted: Wanted, before: int | None) -> dict[str, Any]:
    with page.context.fleet.reading() as connection:
        found = _found(connection, wanted, before)
        counts = commands.counts(connection)
    return {
        "rows": found[:_ROWS],
        "more": found[_ROWS - 1].id if len(found) > _ROWS else None,
        "counts": counts,
        "open_states": [state for state in State if state not in ENDED],
        "wanted": wanted,
        "tones": _TONES,
    }


def _found(connection: Connection, wanted: Wanted, before: int | None) -> list[Command]:
    if wanted.endpoint:
        found = commands.list_of_device(connection, wanted.endpoint, before, _ROWS + 1)
        return [one for one in found if wanted.state in ("", one.state)]
    if wanted.state:
        return commands.list_in_state(connection, State(wanted.state), before, _ROWS + 1)
    return commands.list_all(connection, before, _ROWS + 1)


def _values(page: Page, number: int) -> dict[str, Any]:
    with page.context.fleet.reading() as connection:
        found = commands.read_id(connection, number)
        connected = is_connected(connection, found.endpoint_id)
    moments = (found.queued_at, found.sent_at, found.accepted_at, found.finished_at)
    return {
        "found": found,
        "line": _line(page, found),
        "last_at": max(at for at in moments if at),
        "recall": recall_of(found),
        "tones": _TONES,
        "waits_for_device": found.state is State.QUEUED and not connected,
    }


def recall_of(found: Command) -> str:
    """What a cancellation can still do; a code of `command_recall`."""
    if found.has_ended:
        return "past_recall" if found.past_recall else "ended"
    if found.past_recall:
        return "past_recall"
    if found.cancelling:
        return "asked"
    return {State.QUEUED: "at_once", State.SENT: "overtake"}.get(found.state, "stop")


def _line(page: Page, found: Command) -> list[Line]:
    """Its way from the queue to its end. A step that was left out on the way is not shown."""
    lines = [_step(page, State.QUEUED, found.queued_at, None)]
    before = found.queued_at
    for state, at in ((State.SENT, found.sent_at), (State.ACCEPTED, found.accepted_at)):
        if at:
            lines.append(_step(page, state, at, before))
            before = at
        elif not found.has_ended:
            lines.append(Line(page.label("command_moment", state), Tone.TO_COME))
    if found.has_ended:
        end = _step(page, found.state, found.finished_at, before)
        return [*lines, replace(end, tone=_END_TONES[found.state])]
    reached = [State.QUEUED, State.SENT, State.ACCEPTED].index(found.state)
    lines = [
        replace(one, tone=Tone.NOW if at == reached else one.tone) for at, one in enumerate(lines)
    ]
    return [*lines, Line(page.label("command_moment", State.DONE), Tone.TO_COME)]


def _step(page: Page, state: State, at: datetime | None, before: datetime | None) -> Line:
    length = (at - before) // timedelta(milliseconds=1) if at and before else None
    return Line(page.label("command_moment", state), Tone.DONE, at, length)


def _arguments(text: str) -> dict[str, str]:
    """Arguments as a person writes them, one NAME=VALUE a line. Raises InvalidError."""
    found: dict[str, str] = {}
    for line in filter(None, (each.strip() for each in text.splitlines())):
        name, is_one, value = line.partition("=")
        if not is_one or not name or name in found:
            raise InvalidError("Arguments are NAME=VALUE, one a line, each name once.")
        found[name] = value
    return found


def _new_key() -> str:
    return f"console-{secrets.token_hex(8)}"


def _url(path: str, wanted: Wanted, before: int | None) -> str:
    given = {"endpoint": wanted.endpoint, "state": wanted.state, "before": before}
    query = urlencode({name: value for name, value in given.items() if value})
    return f"{path}?{query}" if query else path
