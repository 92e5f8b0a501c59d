"""What a replacement waits for, in the reader's language.

The services say it in English sentences; those that are known here are put into words of the
catalogs, any other is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable


def _(message: str) -> str:
    return message


_KNOWN = (
    (r"unit (?P<unit>\S+) is not connected", _("unit %(unit)s to be connected")),
    (
        r"the hours from (?P<begin>\S+) to (?P<end>\S+), local time \[4\.5, 4\.6\]",
        _("the hours from %(begin)s to %(end)s, local time [4.5, 4.6]"),
    ),
    (
        r"somebody to look into the log of the server",
        _("somebody to look into the log of the server"),
    ),
    (
        r"the customer to put the new card into the box",
        _("the customer to put the new card into the box"),
    ),
    (
        r"the softswitch to say whether line (?P<line>\S+) is in use",
        _("the softswitch to say whether line %(line)s is in use"),
    ),
    (
        r"the end of the call on line (?P<line>\S+) \[7\.3\.7\]",
        _("the end of the call on line %(line)s [7.3.7]"),
    ),
    (
        r"the time after an emergency call on line (?P<line>\S+) \[11\.3\]",
        _("the end of the time after an emergency call on line %(line)s [11.3]"),
    ),
    (
        r"For swap (?P<swap>\d+) the consent is not on record \[7\.1\.7\]\.",
        _("the customer's consent on record, planned swap %(swap)s [7.1.7]"),
    ),
    (
        r"For swap (?P<swap>\d+) the notice in time is not on record \[7\.1\.7\]\.",
        _("notice in time on record, planned swap %(swap)s [7.1.7]"),
    ),
    (
        r"Swap (?P<swap>\d+) was announced for a later moment \[7\.1\.7\]\.",
        _("the moment that was announced, planned swap %(swap)s [7.1.7]"),
    ),
)


def waiting_words(gettext: Callable[[str], str], text: str) -> str:
    """What it waits for; an unknown sentence as it is."""
    for pattern, message in _KNOWN:
        found = re.fullmatch(pattern, text)
        if found is not None:
            return gettext(message) % found.groupdict()
    return text
