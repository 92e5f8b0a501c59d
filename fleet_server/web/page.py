"""One request for a page: who asks, in which language, and how the answer is rendered."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.routing import Match

from fleet_server.domain.errors import RefusedError, RuleError
from fleet_server.domain.local_time import ZONE_NAME
from fleet_server.domain.roles import Permission
from fleet_server.services.accounts import (
    LANGUAGES,
    Account,
    NotSignedInError,
    form_token,
    form_token_matches,
)
from fleet_server.services.console_context import SESSION_COOKIE, ConsoleContext
from fleet_server.web.assets import asset_url
from fleet_server.web.formats import Formats
from fleet_server.web.i18n import (
    HTML_LANGUAGES,
    LANGUAGE_COOKIE,
    LANGUAGE_NAMES,
    choose_language,
    translations,
)
from fleet_server.web.labels import label
from fleet_server.web.navigation import menus_for
from fleet_server.web.refusals import InWords, refusal_in_words

VISITOR_COOKIE = "visitor"
_HTMX_CONFIG = json.dumps(
    {
        "includeIndicatorStyles": False,
        "allowEval": False,
        "allowScriptTags": False,
        "historyEnabled": False,
        "selfRequestsOnly": True,
        "timeout": 5000,
    }
)


class StaleFormError(RefusedError):
    """A form that this browser's session did not make."""


@dataclass(frozen=True, slots=True)
class Page:
    """What every page needs. `secret` is the cookie that this browser's forms are bound to."""

    request: Request
    context: ConsoleContext
    account: Account | None
    language: str
    now: datetime
    secret: str

    def require(self, permission: Permission) -> Account:
        """Raises NotSignedInError or NotPermittedError."""
        if self.account is None:
            raise NotSignedInError("Sign in first.")
        self.account.require(permission)
        return self.account

    def check_form(self, sent: str) -> None:
        """Raises StaleFormError unless the `form_token` that was sent is of this session."""
        if not form_token_matches(self.secret, sent):
            raise StaleFormError("The form is not from this session.")

    def gettext(self, message: str) -> str:
        return translations(self.language).gettext(message)

    def label(self, subject: str, code: str) -> str:
        return label(translations(self.language), subject, code)

    def in_words(self, error: RuleError) -> InWords:
        """Why a rule refuses, in the reader's language where the catalogs have the sentence."""
        return refusal_in_words(translations(self.language), error)

    @property
    def formats(self) -> Formats:
        return _formats(self.language)

    def html(self, template: str, **values: Any) -> str:
        """The template filled in; `values` come on top of what every template may use."""
        return (
            _environment(self.language)
            .get_template(template)
            .render({**self._everywhere(), **values})
        )

    def render(self, template: str, status_code: int = 200, **values: Any) -> HTMLResponse:
        answer = HTMLResponse(self.html(template, **values), status_code)
        if self.request.cookies.get(VISITOR_COOKIE) != self.secret and self.account is None:
            set_cookie(self.request, answer, VISITOR_COOKIE, self.secret)
        return answer

    def _everywhere(self) -> dict[str, Any]:
        return {
            "account": self.account,
            "menus": menus_for(self.account) if self.account else [],
            "language": self.language,
            "html_language": HTML_LANGUAGES[self.language],
            "languages": [(code, LANGUAGE_NAMES[code]) for code in LANGUAGES],
            "form_token": form_token(self.secret),
            "here": _address(self.request),
            "now": self.now,
            "zone_short": self.now.astimezone(ZoneInfo(ZONE_NAME)).tzname(),
            "ago": self._ago,
            "in_words": self.in_words,
            "place": "",
        }

    def _ago(self, at: datetime) -> str:
        length = self.formats.since(at, self.now)
        return self.gettext("%(length)s ago") % {"length": length}


def _address(request: Request) -> str:
    """Where this page can be opened again; the answer to a form has the page above its address."""
    url = request.url
    if request.method == "GET":
        return f"{url.path}?{url.query}" if url.query else url.path
    path = url.path
    while path and not _opens(request, path):
        path = path.rpartition("/")[0]
    return path or "/"


def _opens(request: Request, path: str) -> bool:
    scope = {**request.scope, "method": "GET", "path": path}
    return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)


def current_page(request: Request) -> Page:
    """The page of this request; an ended or missing session means no account."""
    context: ConsoleContext = request.app.state.context
    token = request.cookies.get(SESSION_COOKIE, "")
    if not token:
        return page_without_account(request)
    try:
        account = context.account_of(token)
    except NotSignedInError:
        return page_without_account(request)
    return _page(request, account, token)


def page_without_account(request: Request) -> Page:
    """The page as a visitor sees it; asks the database for nothing."""
    visitor = request.cookies.get(VISITOR_COOKIE) or secrets.token_urlsafe(32)
    return _page(request, None, visitor)


def _page(request: Request, account: Account | None, secret: str) -> Page:
    context: ConsoleContext = request.app.state.context
    return Page(
        request=request,
        context=context,
        account=account,
        language=choose_language(
            account.language if account else "",
            request.cookies.get(LANGUAGE_COOKIE, ""),
            request.headers.get("accept-language", ""),
        ),
        now=context.now(),
        secret=secret,
    )


CurrentPage = Annotated[Page, Depends(current_page)]


def set_cookie(
    request: Request,
    answer: HTMLResponse | Any,
    name: str,
    value: str,
    max_age_s: int | None = None,
) -> None:
    """A cookie that no script reads and no foreign page sends."""
    answer.set_cookie(
        name,
        value,
        max_age=max_age_s,
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


@cache
def _formats(language: str) -> Formats:
    return Formats(language)


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("fleet_server.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    catalog = translations(language)
    environment.install_gettext_translations(catalog, newstyle=True)  # type: ignore[attr-defined]
    environment.globals.update(
        asset=asset_url,
        formats=_formats(language),
        htmx_config=_HTMX_CONFIG,
        label=partial(label, catalog),
        zone=ZONE_NAME,
    )
    return environment
