"""The kinds of equipment the operator owns [2]."""

from __future__ import annotations

from enum import StrEnum


class ProductClass(StrEnum):
    """ProductClass of the endpoint id; a smart card has no endpoint and is a kind all the same."""

    MODEM = "MODEM"
    VOICEMODEM = "VOICEMODEM"
    STB = "STB"
    CARD = "CARD"
