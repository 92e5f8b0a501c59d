"""Repair cases: the list, and one case with its forms.

A contractor works on cases, the operator decides; both see the unit by its serial number alone.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Response
from fastapi.responses import RedirectResponse

from fleet_server.domain.errors import (
    BlacklistedUnitError,
    ConflictError,
    InvalidError,
    RuleError,
    UnknownUnitError,
)
from fleet_server.domain.evidence import LISTED
from fleet_server.domain.life_cycle import LifeCycleError
from fleet_server.domain.local_time import local_day
from fleet_server.domain.proposal import CHOICES, Choice, Subject
from fleet_server.domain.repair import (
    CaseError,
    CaseOpenError,
    CaseState,
    Cause,
    Defect,
    Finding,
    FindingError,
    Outcome,
    Symptom,
)
from fleet_server.domain.roles import Permission
from fleet_server.domain.warranty import CoverState
from fleet_server.services.audit import Actor
from fleet_server.services.repair_decisions import decide
from fleet_server.services.repair_stock import list_parts
from fleet_server.services.repairs import (
    LONGEST_WORDS,
    Intake,
    close,
    find,
    log,
    open_case,
    receive,
    use_part,
    withdraw,
)
from fleet_server.services.views_repairs import (
    PAGE,
    CaseFilter,
    for_the_bench,
    list_cases,
    read_case,
)
from fleet_server.web.entry import cents_of, day_of
from fleet_server.web.page import CurrentPage, Page

router = APIRouter(include_in_schema=False)

Token = Annotated[str, Form(max_length=256)]
Code = Annotated[str, Form(max_length=32)]
Words = Annotated[str, Form(max_length=LONGEST_WORDS)]
_MOST_PARTS = 500
# The first that fits: classes before those they are derived from.
_REFUSALS: dict[type[RuleError], str] = {
    UnknownUnitError: "unknown_unit",
    BlacklistedUnitError: "blacklisted",
    CaseOpenError: "case_open",
    LifeCycleError: "unit_step",
    CaseError: "case_step",
    FindingError: "finding",
    ConflictError: "nothing_found",
    InvalidError: "invalid",
}


@router.get("/repairs")
def cases(
    page: CurrentPage,
    serial: Annotated[str, Query(max_length=64)] = "",
    ended: bool = False,
    before: Annotated[int | None, Query(ge=1, le=2**62)] = None,
) -> Response:
    page.require(Permission.SEE_REPAIRS)
    narrowed = CaseFilter(serial.strip(), open_only=not ended)
    with page.context.fleet.reading() as connection:
        rows = list_cases(connection, narrowed, before, PAGE + 1, page.now)
    return page.render(
        "repairs.html",
        rows=rows[:PAGE],
        more=rows[PAGE - 1].case.id if len(rows) > PAGE else None,
        serial=serial.strip(),
        ended=ended,
        symptoms=list(Symptom),
        today=local_day(page.now),
    )


@router.post("/repairs")
def take_in(
    page: CurrentPage,
    form_token: Token = "",
    serial: Code = "",
    symptom: Code = "",
    reported_on: Code = "",
    defect_on: Code = "",
    words: Words = "",
) -> Response:
    """Open a case, or show the form again with what is wrong."""
    account = page.require(Permission.WORK_ON_REPAIRS)
    page.check_form(form_token)
    try:
        intake = Intake(
            serial.strip(),
            _one_of(Symptom, symptom),
            day_of(reported_on) or local_day(page.now),
            day_of(defect_on),
            words,
        )
        with page.context.fleet.writing() as connection:
            number = open_case(connection, Actor.account(account.id), intake, page.now)
    except RuleError as error:
        return page.render(
            "repairs.html",
            422,
            rows=[],
            more=None,
            serial=serial.strip(),
            ended=False,
            symptoms=list(Symptom),
            today=local_day(page.now),
            refused=_refusal(error),
            error=error,
        )
    return RedirectResponse(f"/repairs/{number}", 303)


@router.get("/repairs/{number}")
def case(page: CurrentPage, number: str) -> Response:
    page.require(Permission.SEE_REPAIRS)
    return _case(page, number)


@router.post("/repairs/{number}/receipt")
def take_on_bench(
    page: CurrentPage, number: str, form_token: Token = "", words: Words = ""
) -> Response:
    account = page.require(Permission.WORK_ON_REPAIRS)
    page.check_form(form_token)
    actor = Actor.account(account.id)
    return _change(page, number, lambda c: receive(c, actor, number, None, words, page.now))


@router.post("/repairs/{number}/log")
def write_log(
    page: CurrentPage, number: str, form_token: Token = "", words: Words = ""
) -> Response:
    account = page.require(Permission.WORK_ON_REPAIRS)
    page.check_form(form_token)
    actor = Actor.account(account.id)
    return _change(page, number, lambda c: log(c, actor, number, words, page.now))


@router.post("/repairs/{number}/finding")
def establish(
    page: CurrentPage,
    number: str,
    form_token: Token = "",
    defect: Code = "",
    cause: Code = "",
    usable_again: Code = "",
    term: Code = "",
    words: Words = "",
) -> Response:
    account = page.require(Permission.WORK_ON_REPAIRS)
    page.check_form(form_token)

    def change(connection: Any) -> None:
        finding = Finding(
            _one_of(Defect, defect),
            _one_of(Cause, cause),
            usable_again == "yes",
            _one_of(CoverState, term),
        )
        find(connection, account.id, number, finding, words, page.now)

    return _change(page, number, change)


@router.post("/repairs/{number}/parts")
def put_part(
    page: CurrentPage,
    number: str,
    form_token: Token = "",
    code: Code = "",
    quantity: Annotated[int, Form(ge=1, le=1_000)] = 1,
) -> Response:
    account = page.require(Permission.WORK_ON_REPAIRS)
    page.check_form(form_token)
    actor = Actor.account(account.id)
    return _change(page, number, lambda c: use_part(c, actor, number, code, quantity, page.now))


@router.post("/repairs/{number}/outcome")
def end(
    page: CurrentPage,
    number: str,
    form_token: Token = "",
    outcome: Code = "",
    replacement: Code = "",
    words: Words = "",
) -> Response:
    account = page.require(Permission.WORK_ON_REPAIRS)
    page.check_form(form_token)
    actor = Actor.account(account.id)

    def change(connection: Any) -> None:
        given = replacement.strip() or None
        close(connection, actor, number, _one_of(Outcome, outcome), given, words, page.now)

    return _change(page, number, change)


@router.post("/repairs/{number}/withdrawal")
def give_up(page: CurrentPage, number: str, form_token: Token = "", words: Words = "") -> Response:
    account = page.require(Permission.WORK_ON_REPAIRS)
    page.check_form(form_token)
    actor = Actor.account(account.id)
    return _change(page, number, lambda c: withdraw(c, actor, number, words, page.now))


@router.post("/repairs/{number}/decisions")
def take_decision(
    page: CurrentPage,
    number: str,
    form_token: Token = "",
    choice: Code = "",
    amount: Code = "",
    words: Words = "",
) -> Response:
    """`choice` is `<subject>:<choice>`, `amount` euro with a comma or point."""
    account = page.require(Permission.DECIDE_REPAIRS)
    page.check_form(form_token)

    def change(connection: Any) -> None:
        subject, _, chosen = choice.partition(":")
        decide(
            connection,
            account.id,
            number,
            _one_of(Subject, subject),
            _one_of(Choice, chosen),
            cents_of(amount),
            words,
            page.now,
        )

    return _change(page, number, change)


def _change(page: Page, number: str, change: Any) -> Response:
    """Carry a change out and show the case; or show it with what is wrong."""
    try:
        with page.context.fleet.writing() as connection:
            change(connection)
    except RuleError as error:
        return _case(page, number, 422, error)
    return RedirectResponse(f"/repairs/{number}", 303)


def _case(page: Page, number: str, status: int = 200, error: RuleError | None = None) -> Response:
    account = page.require(Permission.SEE_REPAIRS)
    with page.context.fleet.reading() as connection:
        view = read_case(connection, number, page.now)
        works = account.may(Permission.WORK_ON_REPAIRS)
        parts = list_parts(connection, "", _MOST_PARTS) if works else []
    if not account.may(Permission.SEE_PRICES):
        view = for_the_bench(view)
    return page.render(
        "repair.html",
        status,
        view=view,
        refused=_refusal(error) if error else "",
        error=error,
        stock=parts,
        on_bench=view.case.state in (CaseState.ON_BENCH, CaseState.FOUND),
        counted=_counted(view),
        listed=[record for record in view.history.exhibits if record.kind in LISTED],
        defects=list(Defect),
        causes=list(Cause),
        terms=list(CoverState),
        outcomes=list(Outcome),
        choices=_choices(view),
    )


def _refusal(error: RuleError) -> str:
    """The code of what was refused, for the words of the page. Raises what no form explains."""
    for kind, code in _REFUSALS.items():
        if isinstance(error, kind):
            return code
    raise error


def _counted(view: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for record in view.history.exhibits:
        counts[record.kind] = counts.get(record.kind, 0) + 1
    return counts


def _choices(view: Any) -> list[tuple[str, list[str]]]:
    """What may be decided now, by subject: only subjects something is proposed on."""
    subjects = [proposal.subject for proposal in view.proposals if proposal.subject in CHOICES]
    return [
        (subject.value, [choice.value for choice in Choice if choice in CHOICES[subject]])
        for subject in subjects
    ]


def _one_of(kind: Any, text: str) -> Any:
    try:
        return kind(text)
    except ValueError as error:
        raise InvalidError("Choose one of: %(possible)s.", possible=", ".join(kind)) from error
