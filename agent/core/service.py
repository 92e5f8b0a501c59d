"""The state of the service: what the customer may reach, and what follows for filter and telephone.

active: everything. restricted: what the allow-list names, and emergency numbers. terminated:
emergency numbers alone; so does a unit that serves nobody, whatever the state is
(replacement.py). Kept in two blobs, `service` and `allow_list`, so that a power cut leaves
the old or the new of each; a factory reset keeps both. A state that cannot be read counts as
restricted, so the filter never opens by accident; a list that cannot be read leaves the permanent
emergency numbers. While the time is unknown no host has begun or ended.
Source: Subscription terms, articles 7.2.8, 8.6 to 8.8, 10.1, 11.3.
"""

import json

from agent.core.parts import part
from agent.errors import StorageError
from agent.wire.codes import UNKNOWN_TIME
from agent.wire.replacement import SERVING

ACTIVE = "active"
RESTRICTED = "restricted"
TERMINATED = "terminated"
STATES = (ACTIVE, RESTRICTED, TERMINATED)
EMERGENCY_NUMBERS = "112,192,193,194"  # until the controller sets others
UNREADABLE = "what was kept cannot be read"
_BLOB = "service"
_LIST = "allow_list"


def load(store) -> dict:
    """What is kept: texts `state`, `reason`, `profile`, `since`, `numbers` and `networks` (both
    with commas); `told` and `television` hold what the last events said."""
    kept = {
        "state": ACTIVE,
        "reason": "",
        "profile": "",
        "since": UNKNOWN_TIME,
        "numbers": EMERGENCY_NUMBERS,
        "networks": "",
        "told": [[ACTIVE, "", ""], 0],
        "television": "",
    }
    try:
        kept.update(json.loads(store.load(_BLOB) or b"{}"))
    except StorageError:
        kept["state"], kept["reason"], kept["told"] = RESTRICTED, UNREADABLE, []
    return kept


def begin(kept: dict, profile: str, now: str) -> None:
    """What is kept becomes that of a new customer; `profile` "" for none."""
    kept["profile"], kept["state"], kept["reason"], kept["since"] = profile, ACTIVE, "", now


def save(device, kept: dict) -> None:
    """Make it durable. Raises StorageError."""
    device.store.save(_BLOB, json.dumps(kept).encode())


def load_list(store) -> dict:
    """The claims of the allow-list in force; of version 0 while there is none."""
    try:
        data = store.load(_LIST)
    except StorageError:
        data = None
    return json.loads(data) if data else {"ver": 0, "numbers": [], "hosts": []}


def save_list(store, claims: dict) -> None:
    """Make a list the one in force. Raises StorageError."""
    store.save(_LIST, json.dumps(claims).encode())


def open_hosts(hosts: list, unix_s: int | None) -> list[str]:
    """The names that are open at a time; all of them while it is unknown."""
    found = []
    for first, last, names in hosts:
        if unix_s is None or first <= unix_s <= last:
            found.extend(names)
    return found


def numbers(kept: dict, listed: dict) -> list[str]:
    """What may be dialled whatever the state is: the permanent numbers, then the list's own."""
    found = kept["numbers"].split(",")
    found.extend([number for number in listed["numbers"] if number not in found])
    return found


def plain_number(number: str) -> str:
    """A number without what people write or dial round it: spaces, dashes, and a service code
    before it such as `*31#`, which hides the caller; nor what ends or follows it, such as `#`, a
    pause or the host of a SIP address."""
    for prefix in ("tel:", "sip:", "sips:"):
        if number.startswith(prefix):
            number = number[len(prefix) :]
    for sign in "@;,pPwW":
        number = number.split(sign, 1)[0]
    number = number.rstrip(" ")
    if number[-1:] == "#" and (number[0] not in "*#" or "#" in number[1:-1]):
        number = number.rstrip("#")  # the end of dialling; `*31#` alone is a service code
    if number[:1] in ("*", "#"):
        behind = number[max(number.rfind("*"), number.rfind("#")) + 1 :]
        number = behind or number  # a service code alone is a number of its own
    return "".join([c for c in number if c not in " -()/."])


def apply(device) -> int | None:
    """Have filter and television follow what is kept; return when a host next begins or ends, in
    Unix seconds, None when none does."""
    kept, listed = load(device.store), load_list(device.store)
    now_s = unix_s(device)
    if device.board.filter:
        state = kept["state"] if device.swap_part in SERVING else TERMINATED
        rules = {
            "state": state,
            "hosts": open_hosts(listed["hosts"], now_s) if state == RESTRICTED else [],
            "numbers": numbers(kept, listed),
            "television": part("television").status(device, kept)[0] == "Open",
        }
        device.board.filter.apply(rules)
    if now_s is None:
        return None
    edges = [edge for group in listed["hosts"] for edge in (group[0], group[1] + 1)]
    return min([edge for edge in edges if edge > now_s] or [0]) or None


def unix_s(device) -> int | None:
    """The time in Unix seconds, None until the controller told it: a forged one must neither close
    what a decree keeps open nor open anything for longer."""
    now_ms = device.clock.trusted_unix_ms()
    return None if now_ms is None else now_ms // 1000
