"""Credits for interruptions: which wait for a person, and the proof of one, line by line."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Response
from fastapi.responses import RedirectResponse

from fleet_server.domain.errors import ConflictError, InvalidError, RuleError
from fleet_server.domain.liability import Liability
from fleet_server.domain.roles import Permission
from fleet_server.services import credits as desk
from fleet_server.services.accounts import usernames
from fleet_server.services.credit_book import CreditState
from fleet_server.services.credits import ReleaseForm
from fleet_server.web.page import CurrentPage, Page

router = APIRouter(include_in_schema=False)

_ROWS = 50
_STATES = [state for state in CreditState if state != CreditState.WITHDRAWN]
# What a person may say of a line: who answers, and whether it counts.
_WORDS = {
    "operator": (Liability.OPERATOR, True),
    "operator_excluded": (Liability.OPERATOR, False),
    "customer_side": (Liability.CUSTOMER_SIDE, False),
    "force_majeure": (Liability.FORCE_MAJEURE, False),
}

Text = Annotated[str, Form(max_length=512)]
Key = Annotated[int, Path(ge=1, lt=1 << 63)]


@router.get("/credits")
def credits(
    page: CurrentPage,
    state: Annotated[str, Query(max_length=16)] = "",
    after: Annotated[int, Query(ge=0, lt=1 << 63)] = 0,
) -> Response:
    page.require(Permission.SEE_CREDITS)
    wanted = CreditState(state) if state in _STATES else CreditState.TO_DECIDE
    with page.context.fleet.reading() as connection:
        found = desk.list_credits(connection, wanted, after, _ROWS + 1)
    shown = found[:_ROWS]
    more = len(found) > _ROWS
    return page.render(
        "credits.html",
        found=shown,
        wanted=wanted,
        states=_STATES,
        next_url=f"/credits?state={wanted}&after={shown[-1].id}" if more else "",
    )


@router.get("/credits/{credit_id}")
def credit(page: CurrentPage, credit_id: Key) -> Response:
    page.require(Permission.SEE_CREDITS)
    return _one(page, credit_id)


@router.post("/credits/{credit_id}/lines/{number}")
def decide(
    page: CurrentPage,
    credit_id: Key,
    number: Annotated[int, Path(ge=1, lt=1 << 31)],
    word: Text = "",
    reason: Text = "",
    form_token: Text = "",
) -> Response:
    account = page.require(Permission.DECIDE_CREDIT)
    page.check_form(form_token)
    try:
        if word not in _WORDS:
            raise InvalidError("No such decision.")
        liability, counts = _WORDS[word]
        with page.context.fleet.writing() as connection:
            desk.decide_line(
                connection, account.id, credit_id, number, liability, counts, reason, page.now
            )
    except InvalidError as error:
        return _one(page, credit_id, 422, error)
    except ConflictError as error:
        return _one(page, credit_id, 409, error)
    return RedirectResponse(f"/credits/{credit_id}", 303)


@router.post("/credits/{credit_id}/releases")
def release(
    page: CurrentPage,
    credit_id: Key,
    form: Annotated[ReleaseForm, Form()] = ReleaseForm.EXTENSION,
    reason: Text = "",
    form_token: Text = "",
) -> Response:
    account = page.require(Permission.DECIDE_CREDIT)
    page.check_form(form_token)
    try:
        with page.context.fleet.writing() as connection:
            desk.release_credit(connection, account.id, credit_id, form, reason, page.now)
    except InvalidError as error:
        return _one(page, credit_id, 422, error)
    except ConflictError as error:
        return _one(page, credit_id, 409, error)
    return RedirectResponse(f"/credits/{credit_id}", 303)


def _one(page: Page, credit_id: int, status: int = 200, error: RuleError | None = None) -> Response:
    with page.context.fleet.reading() as connection:
        proof = desk.read_proof(connection, credit_id)
        names = usernames(connection, {one.account_id for one in proof.releases})
    return page.render(
        "credit.html",
        status,
        proof=proof,
        case=proof.case,
        usernames=names,
        words=list(_WORDS),
        forms=list(ReleaseForm),
        shortest_reason=desk.SHORTEST_REASON,
        refused=status,
        error=error,
    )
