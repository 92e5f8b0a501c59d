"""The numbers a unit carries: serial, card number, OUI, MAC address, endpoint id.

Each function takes what a person or a file wrote and gives the one form that is kept. What cannot
be one raises InvalidIdentifierError with what to do about it.
Source: TR-181 `DeviceInfo.` and `MACAddress`; IEEE 802-2014 clause 8.2; TR-369 R-ARC.2a.
"""

from __future__ import annotations

import re
from functools import lru_cache

from fleet_server.domain.errors import InvalidError

LONGEST_SERIAL = 32

_SERIAL = re.compile(r"[A-Za-z0-9._-]{1,32}")
_EXPONENT = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d+")
_CARD = re.compile(r"[0-9A-Z]{6,32}")
_OUI = re.compile(r"[0-9A-F]{6}")
_MAC = re.compile(
    r"(?:[0-9A-F]{2}:){5}[0-9A-F]{2}|(?:[0-9A-F]{2}-){5}[0-9A-F]{2}"
    r"|(?:[0-9A-F]{4}\.){2}[0-9A-F]{4}|[0-9A-F]{12}"
)
_SEPARATORS = str.maketrans("", "", ":-.")
_GROUP_BIT, _LOCAL_BIT = 0x01, 0x02


class InvalidIdentifierError(InvalidError):
    """A serial, card number, OUI or MAC address that no unit can carry."""


def serial_number(text: str) -> str:
    """The serial number as on the label: letters, digits, dot, hyphen, underscore.

    Raises InvalidIdentifierError.
    """
    if _EXPONENT.fullmatch(text):
        raise InvalidIdentifierError(
            f"{text} is a number that a spreadsheet shortened; "
            "make the column a text column and export again"
        )
    if not _SERIAL.fullmatch(text):
        raise InvalidIdentifierError(
            f"a serial number has 1 to {LONGEST_SERIAL} letters, digits, '.', '-' or '_'"
        )
    return text


def card_number(text: str) -> str:
    """The number of a smart card, 6 to 32 digits or capitals; the spaces of its print are left out.

    No check digit is asked for: card systems differ. Raises InvalidIdentifierError.
    """
    number = text.replace(" ", "")
    if _EXPONENT.fullmatch(number):
        return serial_number(number)
    if not _CARD.fullmatch(number):
        raise InvalidIdentifierError("a card number has 6 to 32 digits or capital letters")
    return number


@lru_cache(maxsize=4096)
def manufacturer_oui(text: str) -> str:
    """Six hexadecimal digits in capitals. Raises InvalidIdentifierError."""
    oui = text.upper().translate(_SEPARATORS)
    if not _OUI.fullmatch(oui):
        raise InvalidIdentifierError("an OUI has six hexadecimal digits, such as 00256D")
    if int(oui[:2], 16) & (_GROUP_BIT | _LOCAL_BIT):
        raise InvalidIdentifierError(f"{oui} was never given to a manufacturer; see the label")
    return oui


def mac_address(text: str) -> str:
    """`00:25:6D:00:00:01`; colons, hyphens, dots or nothing may stand between.

    Raises InvalidIdentifierError, also for a group address and for one that software made up.
    """
    upper = text.upper()
    if not _MAC.fullmatch(upper):
        raise InvalidIdentifierError("a MAC address has twelve hexadecimal digits")
    digits = upper.translate(_SEPARATORS)
    if int(digits, 16) == 0:
        raise InvalidIdentifierError("a MAC address of zeros only is no device's")
    first = int(digits[:2], 16)
    if first & _GROUP_BIT:
        raise InvalidIdentifierError(f"{text} is a group address, not that of one device")
    if first & _LOCAL_BIT:
        raise InvalidIdentifierError(f"{text} is locally administered; take the one on the label")
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def endpoint_id(oui: str, product_class: str, serial: str) -> str:
    """The USP endpoint id of a device of this fleet; its parts are of the forms above."""
    return f"ops::{oui}-{product_class}-{serial}"
