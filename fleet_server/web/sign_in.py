"""Sign-in, sign-out and the choice of language.

Every form carries a token bound to a cookie that no script reads and no foreign page sends;
a form whose token does not fit changes nothing.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from fleet_server.domain.roles import Permission
from fleet_server.services.accounts import (
    LANGUAGES,
    TOKEN_LIFETIME,
    NotSignedInError,
    TooManyAttemptsError,
    WrongSignInError,
)
from fleet_server.services.accounts import choose_language as keep_language
from fleet_server.services.console_context import SESSION_COOKIE
from fleet_server.web.i18n import LANGUAGE_COOKIE
from fleet_server.web.page import CurrentPage, set_cookie

router = APIRouter(include_in_schema=False)

_YEAR_S = 365 * 24 * 3600

Field = Annotated[str, Form(max_length=256)]


@router.get("/")
def start(page: CurrentPage) -> Response:
    """The first page a role may see."""
    if page.account is None:
        raise NotSignedInError("Sign in first.")
    sees_devices = page.account.may(Permission.SEE_DEVICES)
    return RedirectResponse("/devices" if sees_devices else "/units", 303)


@router.get("/sign-in")
def sign_in_form(page: CurrentPage, back: str = "/") -> Response:
    if page.account is not None:
        return RedirectResponse(_local(back), 303)
    return page.render("sign_in.html", problem="", username="", back=_local(back))


@router.post("/sign-in")
def sign_in(
    page: CurrentPage, username: Field, password: Field, form_token: Field, back: Field = "/"
) -> Response:
    """Open a session, or show the form again with what was wrong."""
    page.check_form(form_token)
    headers = {}
    try:
        signed_in = page.context.sign_in(username.strip(), password, caller_address(page.request))
    except TooManyAttemptsError as error:
        wait = page.formats.length(error.retry_after_s * 1000, whole_seconds=True)
        problem = page.gettext("Too many failed attempts. Try again in %(wait)s.") % {"wait": wait}
        status, headers = 429, {"Retry-After": str(error.retry_after_s)}
    except WrongSignInError:
        problem, status = page.gettext("User name or password is wrong."), 401
    else:
        answer = RedirectResponse(_local(back), 303)
        lifetime_s = int(TOKEN_LIFETIME.total_seconds())
        set_cookie(page.request, answer, SESSION_COOKIE, signed_in.token, lifetime_s)
        return answer
    form = page.render(
        "sign_in.html", status, problem=problem, username=username, back=_local(back)
    )
    form.headers.update(headers)
    return form


@router.post("/sign-out")
def sign_out(page: CurrentPage, form_token: Field) -> Response:
    page.check_form(form_token)
    page.context.sign_out(page.secret)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")
    return answer


@router.post("/language")
def choose_language(
    page: CurrentPage, language: Field, form_token: Field, back: Field = "/"
) -> Response:
    """Keep the language for this browser, and for the account that is signed in."""
    page.check_form(form_token)
    answer = RedirectResponse(_local(back), 303)
    if language in LANGUAGES:
        set_cookie(page.request, answer, LANGUAGE_COOKIE, language, _YEAR_S)
        if page.account is not None:
            with page.context.fleet.writing() as connection:
                keep_language(connection, page.account.id, language)
    return answer


def caller_address(request: Request) -> str:
    return request.client.host if request.client else ""


def _local(address: str) -> str:
    """`address` if it stays on this server, else the start page."""
    parts = urlsplit(address)
    stays = not parts.scheme and not parts.netloc and address.startswith("/")
    return address if stays and "\\" not in address and not address.startswith("//") else "/"
