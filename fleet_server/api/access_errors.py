"""Answers to what is wrong with accounts, tokens, persons, lists and repeated writes."""

from __future__ import annotations

from fleet_server.api.answer import Answer
from fleet_server.api.paging import InvalidPageError
from fleet_server.domain.errors import RuleError
from fleet_server.domain.people import InvalidPersonError, PurposeError, UnknownPersonError
from fleet_server.services.account_admin import (
    InvalidAccountError,
    LastAdministratorError,
    UnknownAccountError,
    UsernameTakenError,
)
from fleet_server.services.api_tokens import InvalidTokenRequestError, UnknownTokenError
from fleet_server.services.idempotency import (
    AnswerNotKeptError,
    InvalidKeyError,
    KeyInUseError,
    KeyReusedError,
)
from fleet_server.services.rate_limit import TooManyCallsError

ACCESS_ERRORS: dict[type[RuleError], Answer] = {
    TooManyCallsError: Answer(
        429,
        "too-many-calls",
        "More calls than are allowed",
        "Wait as many seconds as the header Retry-After says, then go on more slowly.",
    ),
    UnknownAccountError: Answer(
        404, "unknown-account", "Unknown account", "List the accounts and use one of them."
    ),
    InvalidAccountError: Answer(
        422, "invalid-account", "User name or password is not taken", "Choose another."
    ),
    UsernameTakenError: Answer(
        409, "username-taken", "Another account has the name", "Choose another user name."
    ),
    LastAdministratorError: Answer(
        409,
        "last-administrator",
        "Nobody would be left to manage accounts",
        "Give another account the role administrator first.",
    ),
    UnknownTokenError: Answer(
        404,
        "unknown-token",
        "Unknown token",
        "List the tokens: this one has ended or is not yours.",
    ),
    InvalidTokenRequestError: Answer(
        422, "invalid-token-request", "No such token can be made", "Correct what detail names."
    ),
    UnknownPersonError: Answer(
        404,
        "unknown-person",
        "No personal data is on record",
        "Ask the call centre to record whose contract it is.",
    ),
    PurposeError: Answer(
        403,
        "purpose-not-of-role",
        "The role sees no personal data for this purpose",
        "Use a purpose of your own job, or ask one whose job it is.",
    ),
    InvalidPersonError: Answer(
        422, "invalid-person", "A value is not what its field takes", "Correct the field named."
    ),
    InvalidPageError: Answer(
        422,
        "invalid-page",
        "The list has no such page",
        "Send as after what the page before gave as next, or leave it out.",
    ),
    InvalidKeyError: Answer(
        422, "invalid-idempotency-key", "Not an idempotency key", "Send a new UUID."
    ),
    KeyReusedError: Answer(
        422,
        "idempotency-key-reused",
        "The idempotency key stands for another request",
        "Send a new UUID for each new request, and the same one only to repeat it unchanged.",
    ),
    KeyInUseError: Answer(
        409,
        "idempotency-key-in-use",
        "The first request with this key gave no answer",
        "Try again in a few seconds; if it stays so, look at what is on record before doing it "
        "with a new key.",
    ),
    AnswerNotKeptError: Answer(
        409,
        "answer-not-kept",
        "It was done; the answer is not kept",
        "Its answer held a secret or personal data. Make a new one if the first answer is lost.",
    ),
}
