"""What pages and HTTP API share: the fleet, sign-in, and who is asking."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from fleet_server.services.accounts import (
    Account,
    PasswordHasher,
    TooManyAttemptsError,
    account_of,
    check_password,
    close_session,
    open_session,
)
from fleet_server.services.fleet import Fleet
from fleet_server.services.rate_limit import RateLimit
from fleet_server.services.sign_in_limit import SignInLimit

SESSION_COOKIE = "session"
MAX_BODY_BYTES = 64 * 1024
FORM_TOKEN_HEADER = "X-Form-Token"  # noqa: S105 - the name of a header, not a secret


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh session: its token, its end, its account."""

    token: str
    expires_at: datetime
    account: Account


@dataclass(frozen=True, slots=True)
class ConsoleContext:
    """What the console process works with; `new_token` gives 32 random bytes as text.

    The rates are of calls to the HTTP API, per account (all its tokens together) and per address.
    """

    fleet: Fleet
    hasher: PasswordHasher
    limit: SignInLimit
    now: Callable[[], datetime]
    new_token: Callable[[], str]
    account_rate: RateLimit = field(default_factory=lambda: RateLimit(1200, 600))
    address_rate: RateLimit = field(default_factory=lambda: RateLimit(6000, 3000))

    def sign_in(self, username: str, password: str, address: str) -> SignedIn:
        """Open a session. Raises TooManyAttemptsError or WrongSignInError."""
        now = self.now()
        wait_s = self.limit.begin(username, address, now)
        if wait_s:
            raise TooManyAttemptsError(wait_s)
        with self.fleet.reading() as connection:
            account = check_password(connection, self.hasher, username, password)
        self.limit.succeeded(username, address)
        token = self.new_token()
        with self.fleet.writing() as connection:
            expires_at = open_session(connection, account.id, token, now)
        return SignedIn(token, expires_at, account)

    def account_of(self, token: str) -> Account:
        """Raises NotSignedInError."""
        with self.fleet.reading() as connection:
            return account_of(connection, token, self.now())

    def sign_out(self, token: str) -> None:
        with self.fleet.writing() as connection:
            close_session(connection, token)
