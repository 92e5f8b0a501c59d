"""The one table from our errors to HTTP: status, title, and what the caller does next.

Answers are problem details (RFC 9457, `application/problem+json`) with one more member, `next`.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from fleet_server.api.access_errors import ACCESS_ERRORS
from fleet_server.api.answer import Answer as _Answer
from fleet_server.api.campaign_errors import CAMPAIGN_ERRORS
from fleet_server.api.command_errors import COMMAND_ERRORS
from fleet_server.api.repair_errors import REPAIR_ERRORS
from fleet_server.api.service_errors import SERVICE_ERRORS
from fleet_server.api.swap_errors import SWAP_ERRORS
from fleet_server.domain import errors as rules
from fleet_server.domain.approval import UnapprovedModelError
from fleet_server.services.accounts import (
    NotPermittedError,
    NotSignedInError,
    TooManyAttemptsError,
    WrongSignInError,
)

MEDIA_TYPE = "application/problem+json"


_TABLE: dict[type[rules.RuleError], _Answer] = {
    **ACCESS_ERRORS,
    **SERVICE_ERRORS,
    **COMMAND_ERRORS,
    **REPAIR_ERRORS,
    **CAMPAIGN_ERRORS,
    **SWAP_ERRORS,
    WrongSignInError: _Answer(
        401,
        "wrong-sign-in",
        "User name or password is wrong",
        "Check both; an administrator can set a new password.",
    ),
    NotSignedInError: _Answer(
        401,
        "not-signed-in",
        "Not signed in",
        "POST /api/v1/session for a token and send it as 'Authorization: Bearer <token>'.",
    ),
    NotPermittedError: _Answer(
        403,
        "not-permitted",
        "The role does not allow this",
        "Sign in with an account whose role includes it, or ask one who has it.",
    ),
    TooManyAttemptsError: _Answer(
        429,
        "too-many-attempts",
        "Too many failed sign-ins",
        "Wait as many seconds as the header Retry-After says, then try again.",
    ),
    rules.UnknownUnitError: _Answer(
        404,
        "unknown-unit",
        "Unknown serial number",
        "Compare it with the label; a new unit must be taken into stock first.",
    ),
    rules.UnknownContractError: _Answer(
        404, "unknown-contract", "Unknown contract", "Check the number on the work order."
    ),
    rules.UnknownPositionError: _Answer(
        404,
        "unknown-position",
        "The contract has no such position",
        "Use one of the contract's positions, such as internet, voice or tv-1.",
    ),
    rules.UnknownNetworkElementError: _Answer(
        404,
        "unknown-element",
        "Unknown element of the network",
        "Use the code of a fibre node, an amplifier or a street of the topology.",
    ),
    rules.WorkOverError: _Answer(
        409,
        "work-over",
        "The work is over or was called off",
        "Enter new work; what is over stays on record as it was.",
    ),
    rules.InvalidTimeError: _Answer(
        422,
        "invalid-time",
        "The times cannot be used",
        "Read the detail; send moments with their offset, such as 2027-03-09T00:00:00Z.",
    ),
    rules.BlacklistedUnitError: _Answer(
        409,
        "blacklisted",
        "The unit is blacklisted",
        "Do not install it; hand it in at the warehouse.",
    ),
    rules.LabUnitError: _Answer(
        409, "lab-unit", "A lab board may not serve a contract", "Use a production unit."
    ),
    rules.NoEndpointError: _Answer(
        409,
        "no-endpoint",
        "A smart card is not enrolled",
        "Pair it with the set-top box it goes into.",
    ),
    UnapprovedModelError: _Answer(
        409,
        "unapproved-model",
        "The unit's model is not approved",
        "Take a unit of an approved model, or have the approval recorded first.",
    ),
    rules.UnitInServiceError: _Answer(
        409,
        "unit-in-service",
        "The unit is in service already",
        "Take another unit, or have this one taken out of service first.",
    ),
    rules.PositionTakenError: _Answer(
        409,
        "position-taken",
        "Another unit holds the position",
        "Check the work order; a replacement is a swap, not a new enrolment.",
    ),
    rules.WrongProductClassError: _Answer(
        409,
        "wrong-kind",
        "The position takes another kind of unit",
        "Check position and unit against the work order.",
    ),
    rules.InvalidCertificateRequestError: _Answer(
        422,
        "invalid-csr",
        "The certificate request cannot be used",
        "Have the unit make a new key (console verb new_key) and send that request.",
    ),
    rules.InvalidReceiptError: _Answer(
        422,
        "invalid-receipt",
        "This is no receipt of this server",
        "Scan the code again; a receipt that stays bad was not given by this server.",
    ),
    rules.UnknownDefectError: _Answer(
        404,
        "unknown-defect",
        "There is no such defect report",
        "GET /api/v1/contracts/{number}/defects lists those of a contract.",
    ),
    rules.UnknownSwapError: _Answer(
        404,
        "unknown-swap",
        "There is no such planned swap",
        "GET /api/v1/contracts/{number}/swaps lists those of a contract.",
    ),
    rules.AlreadySaidError: _Answer(
        409,
        "already-said",
        "It stands on record already",
        "Look at what stands there; a moment is written once.",
    ),
    rules.ImpossibleMomentError: _Answer(
        422,
        "impossible-moment",
        "It cannot have been then",
        "Send a moment with its offset from UTC, after what it follows.",
    ),
    rules.UnknownSettingError: _Answer(
        404,
        "unknown-setting",
        "There is no such setting",
        "GET /api/v1/policy lists every setting by its name.",
    ),
    rules.InvalidSettingError: _Answer(
        422,
        "invalid-setting",
        "The setting does not take this value",
        "Send a value that 'allowed' of the setting includes, with a reason.",
    ),
    rules.NotFoundError: _Answer(404, "not-found", "Not found", "Check the address."),
    rules.ConflictError: _Answer(
        409, "conflict", "It contradicts what is on record", "Look up the unit and compare."
    ),
    rules.RefusedError: _Answer(409, "refused", "Never allowed for this unit", "Use another unit."),
    rules.InvalidError: _Answer(
        422, "invalid", "The values cannot be used", "Correct them and send again."
    ),
    rules.RuleError: _Answer(
        400, "refused", "A rule of the fleet refuses this", "Read the detail and correct it."
    ),
}


def install(app: FastAPI) -> None:
    app.add_exception_handler(rules.RuleError, _rule_broken)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(HTTPException, _other)
    app.add_exception_handler(Exception, _failed)


def _rule_broken(_request: Request, error: Exception) -> JSONResponse:
    return problem_of(error)


def problem_of(error: Exception) -> JSONResponse:
    """The answer to a RuleError."""
    answer = next(_TABLE[kind] for kind in type(error).__mro__ if kind in _TABLE)
    headers = {}
    if answer.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooManyAttemptsError):
        headers["Retry-After"] = str(error.retry_after_s)
    return _problem(answer, str(error), headers)


def _not_understood(_request: Request, error: Exception) -> JSONResponse:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    places = [_what_is_wrong(each) for each in found]
    answer = _Answer(
        422,
        "not-understood",
        "The request was not understood",
        "Correct the members named in detail; /api/v1/openapi.json describes the call.",
    )
    return _problem(answer, "; ".join(places))


def _what_is_wrong(found: dict[str, Any]) -> str:
    """The member and what is wrong with it; a member that is not known is itself what was sent, and
    nothing that was sent is repeated."""
    is_unknown = found["type"] == "extra_forbidden"
    place = found["loc"][:-1] if is_unknown else found["loc"]
    said = "a member in it is not known to this call" if is_unknown else found["msg"]
    return f"{'.'.join(str(part) for part in place)}: {said}"


def _other(_request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    answer = _Answer(
        status,
        HTTPStatus(status).phrase.lower().replace(" ", "-"),
        HTTPStatus(status).phrase,
        "Check address and method; /api/v1/openapi.json lists every call.",
    )
    return _problem(answer, answer.title)


def _failed(_request: Request, _error: Exception) -> JSONResponse:
    answer = _Answer(
        500,
        "server-failed",
        "The server has a problem",
        "Try again in a minute; the server's log says what happened.",
    )
    return _problem(answer, "It may or may not have been done: look before trying again.")


def _problem(answer: _Answer, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    content = {
        "type": f"urn:ipko-fleet:problem:{answer.code}",
        "title": answer.title,
        "status": answer.status,
        "detail": detail,
        "next": answer.next,
    }
    return JSONResponse(content, answer.status, headers, media_type=MEDIA_TYPE)
