"""What the voice daemon of a Linux voice modem tells: one JSON file that it writes anew.

The daemon writes the whole file under another name and renames it, whenever something changes and
at least every 30 s. A file that is older says nothing: a line is then `NotReported`, which is told
as "unknown", never as well. Keys: docs/administrator/linux-agent.md. The file holds the number that
is dialled while a call lasts: it belongs under /run, readable by daemon and agent alone.
"""

import json
import os
import time

_MAX_AGE_S = 90
_MAX_BYTES = 4096
_REGISTRATIONS = (
    "Up",
    "Initializing",
    "Registering",
    "Deregistering",
    "Error_Misconfigured",
    "Error_Network",
    "Error_Registration",
    "Quiescent",
    "Disabled",
)
_PORTS = ("Up", "Error", "Testing", "Disabled")
_CALLS = ("Idle", "Dialing", "Delivered", "Connected", "Alerting", "Disconnected")
_COUNTS = 5  # calls, connected, failed, dropped, seconds in all


class VoiceFile:
    """`path` is the file, "" where the machine has no such daemon."""

    def __init__(self, path="") -> None:
        self._path = path
        self._stamp = None
        self._facts = None
        self._problem = ""

    def facts(self):
        """The subject `voice` of docs/developer/board-facts.md, or None."""
        self._problem = ""
        if not self._path:
            return None
        try:
            found = os.stat(self._path)
            if not -_MAX_AGE_S < time.time() - found.st_mtime < _MAX_AGE_S:
                self._problem = f"not written for {_MAX_AGE_S} s"
                return None
            stamp = (found.st_mtime_ns, found.st_ino)
            if stamp != self._stamp:
                self._facts = _checked(self._read())
                self._stamp = stamp
        except (OSError, ValueError) as error:
            self._stamp = None
            self._problem = str(error)
            return None
        return self._facts

    def report(self):
        """A word for `--check`; a number that is dialled is never shown."""
        if not self._path:
            return "missing, voice_facts is not set"
        facts = self.facts()
        if facts is None:
            return f"missing, {self._path}: {self._problem}"
        return f"registration {facts['registration']}, line {facts['fxs']}"

    def _read(self):
        with open(self._path, "rb") as file:
            text = file.read(_MAX_BYTES + 1)
        if len(text) > _MAX_BYTES:
            raise ValueError(f"longer than {_MAX_BYTES} bytes")
        return json.loads(text)


def _checked(found):
    """The facts, complete. Raises ValueError, whose text has no value of the file in it."""
    if not isinstance(found, dict):
        raise ValueError("not an object of JSON")
    facts = {
        "registration": _one_of(found, "registration", _REGISTRATIONS),
        "fxs": _one_of(found, "fxs", _PORTS),
        "off_hook": found.get("off_hook"),
        "call": _one_of(found, "call", _CALLS),
        "dialled": found.get("dialled", ""),
        "incoming": _counts(found, "incoming"),
        "outgoing": _counts(found, "outgoing"),
    }
    if not isinstance(facts["off_hook"], bool):
        raise ValueError("off_hook is neither true nor false")
    if not isinstance(facts["dialled"], str):
        raise ValueError("dialled is not a text")
    return facts


def _one_of(found, key, words):
    if found.get(key) not in words:
        raise ValueError(f"{key} is none of {' '.join(words)}")
    return found[key]


def _counts(found, key):
    counts = found.get(key, [0] * _COUNTS)
    right = isinstance(counts, list) and len(counts) == _COUNTS
    if not right or any(type(count) is not int or count < 0 for count in counts):
        raise ValueError(f"{key} is not a list of {_COUNTS} counts")
    return counts
