"""Lists by key: `?after=<next of the page before>&limit=<rows>`, answered `{items, next}`.

A page is read by the key of its last row and never by a row count, so that page 10,000 costs what
page 1 costs and rows that come in between move nothing. `next` is opaque to the caller: base64url
of the JSON list of the key's parts. Source: docs/developer/http-api.md, "Lists".

    @router.get("")
    def list_units(paging: Paging, ...) -> Page[UnitView]:
        after = paging.after(str)
        rows = list_units(connection, after[0] if after else None, paging.fetch)
        return paging.page(rows, key=lambda row: (row.serial_number,), view=_view)
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field

from fleet_server.domain.errors import InvalidError

MOST_ROWS = 200
_DEFAULT_ROWS = 50
_LONGEST_KEY = 512
_KEY_BOUND = 1 << 63

Item = TypeVar("Item")
Row = TypeVar("Row")


class InvalidPageError(InvalidError):
    """`after` is not a `next` that this list gave."""


class Page(BaseModel, Generic[Item]):
    """Some rows of a list; send `next` as `after` for those that follow, null ends the list."""

    items: list[Item]
    next: str | None = Field(default=None, examples=["WyIwMDAwMDAwMiJd"])


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What the caller asks for; `limit` rows at most."""

    sent: str
    limit: int

    @property
    def fetch(self) -> int:
        """How many rows to read: one more than are shown says whether the list goes on."""
        return self.limit + 1

    def after(self, *kinds: type[int] | type[str]) -> tuple[int | str, ...] | None:
        """The key of the row before this page, of these types; None for the first page.

        Raises InvalidPageError.
        """
        if not self.sent:
            return None
        try:
            key = json.loads(base64.urlsafe_b64decode(self.sent.encode("ascii")))
        except (ValueError, binascii.Error, RecursionError) as error:
            raise InvalidPageError(_ADVICE) from error
        if not isinstance(key, list) or [type(part) for part in key] != list(kinds):
            raise InvalidPageError(_ADVICE)
        if not all(_can_be_asked_for(part) for part in key):
            raise InvalidPageError(_ADVICE)
        return tuple(key)

    def after_id(self) -> int:
        """The row before this page in a list by id; 0 for the first page."""
        found = self.after(int)
        return int(found[0]) if found else 0

    def page(
        self,
        rows: Sequence[Row],
        key: Callable[[Row], Sequence[int | str]],
        view: Callable[[Row], Item],
    ) -> Page[Item]:
        """The page of `rows`, of which up to `fetch` were read in the order of their key."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        return Page(
            items=[view(row) for row in shown], next=_encode(key(shown[-1])) if more else None
        )

    def ended(self, items: list[Item], key: Sequence[int | str] | None) -> Page[Item]:
        """The page of items that a service read itself, with the key it would go on from."""
        return Page(items=items, next=None if key is None else _encode(key))


_ADVICE = "after is not a value that this list gave as next."


def page_request(
    after: Annotated[
        str,
        Query(max_length=_LONGEST_KEY, description="`next` of the page before; absent at first"),
    ] = "",
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS, description="rows at most")] = _DEFAULT_ROWS,
) -> PageRequest:
    return PageRequest(after, limit)


Paging = Annotated[PageRequest, Depends(page_request)]


def _can_be_asked_for(part: int | str) -> bool:
    """Whether a database takes it: 64 bits, and no NUL in a text."""
    return abs(part) < _KEY_BOUND if isinstance(part, int) else "\0" not in part


def _encode(key: Sequence[int | str]) -> str:
    text = json.dumps(list(key), separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode("ascii")
