"""Service positions of a contract: what each takes, and which of them one box may hold.

`internet`, `voice`, `tv-1`…`tv-9` with the smart cards `card-1`…`card-9`. One voice modem may
carry internet and voice [2]; every other unit holds one position.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from fleet_server.domain.errors import (
    InvalidError,
    UnknownPositionError,
    WrongProductClassError,
)

_NUMBERED = re.compile(r"(tv|card)-[1-9]")
_TAKES = {
    "internet": ("MODEM", "VOICEMODEM"),
    "voice": ("VOICEMODEM",),
    "tv": ("STB",),
    "card": ("CARD",),
}
_SHARED = frozenset({"internet", "voice"})
_ORDER = ("internet", "voice", "tv", "card")


class InvalidPositionError(UnknownPositionError, InvalidError):
    """Not the name of a service position, or positions that no box holds together."""


def kind_of(name: str) -> str:
    """`internet`, `voice`, `tv` or `card`. Raises InvalidPositionError."""
    kind = name.partition("-")[0]
    if (name in _SHARED) or _NUMBERED.fullmatch(name):
        return kind
    raise InvalidPositionError(
        "%(position)r is no service position; there are internet, voice, tv-1 to tv-9, "
        "card-1 to card-9",
        position=name,
    )


def product_classes_for(name: str) -> tuple[str, ...]:
    """The product classes the position takes. Raises InvalidPositionError."""
    return _TAKES[kind_of(name)]


def split_positions(text: str) -> tuple[str, ...]:
    """The positions one box holds together, written `internet+voice`, in the usual order.

    Raises InvalidPositionError.
    """
    names = [part.strip() for part in text.split("+")]
    if len(set(names)) != len(names):
        raise InvalidPositionError("%(text)r names a position twice", text=text)
    for name in names:
        kind_of(name)
    if len(names) > 1 and not set(names) <= _SHARED:
        raise InvalidPositionError("only internet and voice can be held by one box together")
    return tuple(sorted(names, key=position_order))


def join_positions(names: Iterable[str]) -> str:
    return "+".join(sorted(names, key=position_order))


def position_order(name: str) -> tuple[int, str]:
    """A sort key: internet, voice, televisions, cards; unknown names last."""
    kind = name.partition("-")[0]
    return (_ORDER.index(kind) if kind in _ORDER else len(_ORDER), name)


def check_product_class(product_class: str, names: Iterable[str]) -> None:
    """Raises WrongProductClassError when a unit of this kind cannot hold one of the positions."""
    for name in names:
        taken = product_classes_for(name)
        if product_class in taken:
            continue
        if len(taken) == 1:
            raise WrongProductClassError(
                "Position %(position)r takes %(taken_class)s, not %(product_class)s.",
                position=name,
                taken_class=taken[0],
                product_class=product_class,
            )
        raise WrongProductClassError(
            "Position %(position)r takes %(taken_class)s or %(other_class)s, not"
            " %(product_class)s.",
            position=name,
            taken_class=taken[0],
            other_class=taken[1],
            product_class=product_class,
        )
