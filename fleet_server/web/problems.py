"""What a page answers when a rule was broken: where to go, or what to do next."""

from __future__ import annotations

from urllib.parse import urlencode

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException

from fleet_server.domain.errors import NotFoundError
from fleet_server.services.accounts import NotPermittedError, NotSignedInError
from fleet_server.web.page import StaleFormError, current_page, page_without_account


def install(app: FastAPI) -> None:
    """Answer the errors of the pages; the API has a table of its own."""
    app.add_exception_handler(NotSignedInError, _ask_to_sign_in)
    app.add_exception_handler(NotPermittedError, _not_permitted)
    app.add_exception_handler(NotFoundError, _not_found)
    app.add_exception_handler(StaleFormError, _stale_form)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(HTTPException, _other)
    app.add_exception_handler(Exception, _failed)


def _ask_to_sign_in(request: Request, _error: Exception) -> Response:
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": "/sign-in"})
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    query = f"?{urlencode({'back': here})}" if request.method == "GET" and here != "/" else ""
    return RedirectResponse(f"/sign-in{query}", 303)


def _not_permitted(request: Request, _error: Exception) -> Response:
    page = current_page(request)
    return page.render(
        "problem.html",
        403,
        title=page.gettext("Not allowed"),
        advice=page.gettext("Your role does not include this page. Ask an administrator."),
    )


def _not_found(request: Request, _error: Exception) -> Response:
    page = current_page(request)
    return page.render(
        "problem.html",
        404,
        title=page.gettext("Not found"),
        advice=page.gettext("There is nothing at this address. Search for the serial number."),
    )


def _stale_form(request: Request, _error: Exception) -> Response:
    page = current_page(request)
    return page.render(
        "problem.html",
        403,
        title=page.gettext("The form has expired"),
        advice=page.gettext("Nothing was changed. Go back, reload the page and try again."),
    )


def _not_understood(request: Request, _error: Exception) -> Response:
    page = current_page(request)
    return page.render(
        "problem.html",
        422,
        title=page.gettext("The request was not understood"),
        advice=page.gettext("A value is missing or too long. Go back and correct it."),
    )


def _other(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 404:
        return _not_found(request, error)
    page = current_page(request)
    return page.render(
        "problem.html",
        status,
        title=page.gettext("The request was not understood"),
        advice=page.gettext("This address does not take such a request."),
    )


def _failed(request: Request, _error: Exception) -> Response:
    """The cause goes to the log by itself; the database may be what failed, so it is not asked."""
    page = page_without_account(request)
    return page.render(
        "problem.html",
        500,
        title=page.gettext("The server has a problem"),
        advice=page.gettext("Try again in a minute. The server's log says what happened."),
    )
