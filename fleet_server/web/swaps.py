"""Replacements of units: the list, one as it goes, and what a person may do about it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Path, Query, Response
from fastapi.responses import RedirectResponse
from sqlalchemy import Connection

from fleet_server.domain.errors import InvalidError, NotFoundError, RuleError
from fleet_server.domain.roles import Permission
from fleet_server.domain.swap import Step
from fleet_server.domain.swap_progress import Standing, StepProgress
from fleet_server.services import swaps
from fleet_server.services.audit import Actor
from fleet_server.services.policy import read_policy
from fleet_server.services.swap_paper import read_paper
from fleet_server.services.swaps import SwapPhase, SwapView, Todo, Trigger
from fleet_server.services.views_swaps import (
    SwapWatch,
    count_open,
    count_owed,
    decisions_on,
    watch_swap,
)
from fleet_server.web.labels_swap import COARSE_REFUSALS
from fleet_server.web.page import CurrentPage, Page
from fleet_server.web.qr import qr_svg
from fleet_server.web.record import actors_of, name_of, names_of
from fleet_server.web.steps import Line, Tone
from fleet_server.web.swap_words import event_words, remark_words

router = APIRouter(include_in_schema=False)

Key = Annotated[int, Path(ge=1, lt=1 << 63)]
Text = Annotated[str, Form(max_length=512)]
_ROWS = 50
_MILLISECOND = timedelta(milliseconds=1)
_TONES = {
    SwapPhase.ORDERED: "suspect",
    SwapPhase.FORWARD: "suspect",
    SwapPhase.BACK: "suspect",
    SwapPhase.PERSON: "offline",
    SwapPhase.DONE: "online",
    SwapPhase.ROLLED_BACK: "never",
}
_STEP_TONES = {
    Standing.DONE: Tone.DONE,
    Standing.NOW: Tone.NOW,
    Standing.TO_COME: Tone.TO_COME,
    Standing.LEFT_OUT: Tone.LEFT_OUT,
    Standing.OWED: Tone.OWED,
    Standing.UNDOING: Tone.UNDOING,
    Standing.UNDONE: Tone.UNDONE,
    Standing.NOT_REACHED: Tone.NOT_REACHED,
}
_STEER = Permission.STEER_SWAP
# What a form does: the permission it needs, and whether it needs words.
ACTIONS = {
    "approval": (Permission.ORDER_SWAP, False),  # and what needed_to_begin says
    "abort": (_STEER, True),
    "waiver": (_STEER, True),
    "resumption": (_STEER, True),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which replacements the list shows."""

    phase: str = ""
    contract: str = ""
    serial: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a person may do; `why_not` is a code of `swap_why_not`, "" when it is possible.

    `label` is the code of its words.
    """

    code: str
    why_not: str
    needs_words: bool
    label: str


def _wanted(
    phase: SwapPhase | str = "",
    contract: Annotated[str, Query(max_length=32)] = "",
    serial: Annotated[str, Query(max_length=64)] = "",
) -> Wanted:
    return Wanted(phase if phase in set(SwapPhase) else "", contract.strip(), serial.strip())


Shown = Annotated[Wanted, Depends(_wanted)]
Before = Annotated[int | None, Query(ge=1, lt=1 << 63)]


@router.get("/swaps")
def swap_list(page: CurrentPage, wanted: Shown, before: Before = None) -> Response:
    values = _list_values(page, wanted, before)
    more = values.pop("more")
    return page.render(
        "swaps.html",
        phases=list(SwapPhase),
        rows_url=_url("/swaps/rows", wanted, before),
        first_url=_url("/swaps", wanted, None) if before else "",
        next_url=_url("/swaps", wanted, more) if more else "",
        **values,
    )


@router.get("/swaps/rows")
def swap_rows(page: CurrentPage, wanted: Shown, before: Before = None) -> Response:
    return page.render("swap_list.html", **_list_values(page, wanted, before))


@router.get("/swaps/{number}")
def swap(page: CurrentPage, number: Key) -> Response:
    page.require(Permission.SEE_SWAPS)
    return page.render("swap.html", refusal="", error=None, **_values(page, number))


@router.get("/swaps/{number}/live")
def swap_live(
    page: CurrentPage, number: Key, version: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    """Where it stands; with it forms, order and paper, once they are others than of `version`."""
    page.require(Permission.SEE_SWAPS)
    values = _values(page, number)
    answer = page.html("swap_live.html", **values)
    if values["actions_version"] != version:
        answer += page.html("swap_actions.html", **{**values, "out_of_band": True})
    return Response(answer, media_type="text/html")


@router.post("/swaps/{number}/{action}")
def act(
    page: CurrentPage, number: Key, action: str, reason: Text = "", form_token: Text = ""
) -> Response:
    """`action`: approval, abort, waiver or resumption."""
    if action not in ACTIONS:
        raise NotFoundError("There is no such action.")
    permission, needs_words = ACTIONS[action]
    account = page.require(permission)
    page.check_form(form_token)
    if action == "approval":
        page.require(swaps.needed_to_begin(_trigger(page, number)))
    if needs_words and len(reason.strip()) < 3:
        return _refused(page, number, InvalidError("Say why, in three characters or more."), 422)
    try:
        with page.context.fleet.writing() as connection:
            _DO[action](connection, Actor.account(account.id), number, reason.strip(), page.now)
    except NotFoundError:
        raise
    except RuleError as error:
        return _refused(page, number, error, 409)
    return RedirectResponse(f"/swaps/{number}", 303)


def _trigger(page: Page, number: int) -> Trigger:
    with page.context.fleet.reading() as connection:
        return swaps.read(connection, number).trigger


def _approve(
    connection: Connection, actor: Actor, number: int, _reason: str, now: datetime
) -> None:
    swaps.approve(connection, actor, number, now)


_DO: dict[str, Callable[[Connection, Actor, int, str, datetime], None]] = {
    "approval": _approve,
    "abort": swaps.abort,
    "waiver": swaps.waive,
    "resumption": swaps.resume,
}


def _refused(page: Page, number: int, error: RuleError, status: int) -> Response:
    refusal = type(error).__name__
    shown = error if refusal in COARSE_REFUSALS else None
    values = _values(page, number)
    return page.render("swap.html", status, refusal=refusal, error=shown, **values)


def _list_values(page: Page, wanted: Wanted, before: int | None) -> dict[str, Any]:
    page.require(Permission.SEE_SWAPS)
    with page.context.fleet.reading() as connection:
        found = swaps.list_swaps(
            connection,
            before,
            _ROWS + 1,
            phase=SwapPhase(wanted.phase) if wanted.phase else None,
            contract=wanted.contract,
            serial_number=wanted.serial,
        )
        counts, owed = count_open(connection), count_owed(connection)
    return {
        "rows": found[:_ROWS],
        "more": found[_ROWS - 1].id if len(found) > _ROWS else None,
        "counts": counts,
        "owed": owed,
        "wanted": wanted,
        "tones": _TONES,
        "words": partial(remark_words, page),
    }


def _values(page: Page, number: int) -> dict[str, Any]:
    with page.context.fleet.reading() as connection:
        found = watch_swap(connection, number)
        four_eyes = read_policy(connection).swap_four_eyes
        decisions = decisions_on(connection, found.view)
        known = names_of(connection, actors_of(decisions))
    actions = _actions(page, found, four_eyes)
    gap = found.gap.length(page.now) // _MILLISECOND if found.gap else None
    return {
        "found": found,
        "decisions": decisions,
        "who": partial(name_of, page, known),
        "view": found.view,
        "line": [_line(page, found, one) for one in found.steps],
        "words": partial(remark_words, page),
        "said": partial(event_words, page),
        "gap_ms": gap,
        "gap_lasts": found.gap is not None and found.gap.ended_at is None,
        "tones": _TONES,
        "paper": read_paper(found.view.paper) if found.view.paper else None,
        "code": qr_svg(found.view.paper) if found.view.paper else "",
        "actions": actions,
        "actions_version": _version(found.view, actions),
        "out_of_band": False,
    }


def _version(view: SwapView, actions: list[Action]) -> str:
    """Another one once forms, order or paper are to be shown anew."""
    shown = (actions, view.approved_at, view.came_up_at, view.ended_at, view.paper)
    return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


def _line(page: Page, found: SwapWatch, one: StepProgress) -> Line:
    is_now = one.standing in (Standing.NOW, Standing.UNDOING) and not found.view.ended_at
    notes = [page.gettext("Point of no return")] if one.step is Step.COMMIT else []
    if is_now and found.view.waiting:
        waits = remark_words(page, found.view.waiting)
        notes.append(page.gettext("Waits for: %(what)s") % {"what": waits})
    if one.said:
        notes.append(remark_words(page, one.said))
    length = one.length // _MILLISECOND if one.length is not None else None
    return Line(
        title=page.label("swap_step", one.step),
        tone=_STEP_TONES[one.standing],
        at=one.undone_at or one.ended_at or one.began_at,
        length_ms=length if one.standing in (Standing.DONE, Standing.UNDONE) else None,
        note=" · ".join(notes),
    )


def _actions(page: Page, found: SwapWatch, four_eyes: bool) -> list[Action]:
    """What this person may do by role, with the reason where it is not possible now."""
    account = page.account
    if account is None:
        return []
    is_own = found.view.ordered_by == f"account:{account.id}" and four_eyes
    labels = {"approval": "begin"} if found.view.trigger is Trigger.TECHNICIAN else {}
    if found.view.may_waive and found.view.todo is Todo.LOOK_AT_SYSTEM:
        labels["waiver"] = "by_hand"
    needed = {code: permission for code, (permission, _) in ACTIONS.items()}
    needed["approval"] = swaps.needed_to_begin(found.view.trigger)
    why_not = {
        "approval": _no_approval(found, is_own),
        "abort": _no_abort(found),
        "waiver": _no_more(found) or ("" if found.view.may_waive else "not_waiting"),
        "resumption": "" if found.view.may_resume else _no_more(found) or "not_begun",
    }
    return [
        Action(code, why_not[code], needs_words, labels.get(code, code))
        for code, (_, needs_words) in ACTIONS.items()
        if account.may(needed[code])
    ]


def _no_more(found: SwapWatch) -> str:
    return "ended" if found.view.ended_at else ""


def _no_approval(found: SwapWatch, is_own: bool) -> str:
    if found.view.approved_at:
        return "begun" if found.view.trigger is Trigger.TECHNICIAN else "approved"
    if found.view.ended_at:
        return "ended"
    return "own" if is_own and found.view.trigger is not Trigger.TECHNICIAN else ""


def _no_abort(found: SwapWatch) -> str:
    if found.view.may_abort:
        return ""
    if found.view.is_committed:
        return "committed"
    return "ended" if found.view.ended_at else "undoing"


def _url(path: str, wanted: Wanted, before: int | None) -> str:
    given = {
        "phase": wanted.phase,
        "contract": wanted.contract,
        "serial": wanted.serial,
        "before": before,
    }
    query = urlencode({name: value for name, value in given.items() if value})
    return f"{path}?{query}" if query else path
