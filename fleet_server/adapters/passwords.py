"""Password hashes by Argon2id."""

from __future__ import annotations

from threading import BoundedSemaphore

import argon2

_AT_ONCE = 2


class Argon2Hasher:
    """Argon2id with the library's parameters (RFC 9106, low memory: 64 MiB).

    At most two run at once, so that a burst of sign-ins cannot exhaust the memory.
    """

    def __init__(self, hasher: argon2.PasswordHasher | None = None) -> None:
        self._hasher = hasher or argon2.PasswordHasher()
        self._slots = BoundedSemaphore(_AT_ONCE)

    def hash(self, password: str) -> str:
        with self._slots:
            return self._hasher.hash(password)

    def matches(self, password_hash: str, password: str) -> bool:
        with self._slots:
            try:
                return self._hasher.verify(password_hash, password)
            except argon2.exceptions.VerifyMismatchError:
                return False
