"""The voice daemon's file of a Linux voice modem; the daemon and its numbers are made up."""

import json
import os
import time

import pytest

from agent.ports.linux_sources import Sources
from agent.ports.linux_voice import VoiceFile

RIGHT = {
    "registration": "Up",
    "fxs": "Up",
    "off_hook": True,
    "call": "Connected",
    "dialled": "038000000",
    "incoming": [3, 2, 1, 0, 240],
    "outgoing": [5, 4, 1, 0, 600],
}


def written(path, facts, age_s=0):
    """As a daemon does: under another name, then renamed."""
    new = path.with_suffix(".new")
    new.write_text(facts if isinstance(facts, str) else json.dumps(facts))
    stamp = time.time() - age_s
    os.utime(new, (stamp, stamp))
    new.replace(path)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "voice.json"


def test_what_the_daemon_wrote_is_the_fact(path):
    voice = VoiceFile(str(path))
    written(path, RIGHT)
    assert voice.facts() == RIGHT
    written(path, RIGHT | {"off_hook": False, "call": "Idle", "dialled": ""})
    assert voice.facts()["call"] == "Idle"


def test_counts_and_number_may_be_left_out(path):
    written(path, {key: RIGHT[key] for key in ("registration", "fxs", "off_hook", "call")})
    facts = VoiceFile(str(path)).facts()
    assert (facts["dialled"], facts["incoming"]) == ("", [0, 0, 0, 0, 0])


def test_a_daemon_that_fell_silent_says_nothing(path):
    written(path, RIGHT, age_s=100)
    voice = VoiceFile(str(path))
    assert voice.facts() is None
    assert "not written for 90 s" in voice.report()
    written(path, RIGHT)
    assert voice.facts() == RIGHT


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ("", "Expecting value"),
        ("[]", "not an object"),
        ('{"registration": "Up"', "Expecting"),
        (RIGHT | {"registration": "up"}, "registration is none of Up"),
        (RIGHT | {"fxs": None}, "fxs is none of Up"),
        (RIGHT | {"call": "Busy"}, "call is none of Idle"),
        (RIGHT | {"off_hook": "yes"}, "off_hook is neither"),
        (RIGHT | {"dialled": 112}, "dialled is not a text"),
        (RIGHT | {"incoming": [1, 2]}, "incoming is not a list"),
        (RIGHT | {"outgoing": [1, 2, 3, 4, -5]}, "outgoing is not a list"),
        (RIGHT | {"outgoing": [1, 2, 3, 4, True]}, "outgoing is not a list"),
        (json.dumps(RIGHT) + " " * 5000, "longer than 4096"),
        ({key: value for key, value in RIGHT.items() if key != "call"}, "call is none of"),
    ],
)
def test_what_is_wrong_counts_as_not_reported_and_is_named(path, facts, says):
    written(path, facts)
    voice = VoiceFile(str(path))
    assert voice.facts() is None
    assert says in voice.report()


def test_a_machine_without_the_daemon_says_so(path):
    assert VoiceFile("").facts() is None
    assert VoiceFile("").report() == "missing, voice_facts is not set"
    voice = VoiceFile(str(path))
    assert voice.facts() is None
    assert "No such file" in voice.report()


def test_the_check_never_shows_who_is_called(path):
    written(path, RIGHT)
    lines = list(Sources("/nonexistent", "", str(path)).report())
    assert "voice: registration Up, line Up" in lines
    assert not any(RIGHT["dialled"] in line for line in lines)
    written(path, RIGHT | {"call": RIGHT["dialled"]})
    assert not any(RIGHT["dialled"] in line for line in Sources("/", "", str(path)).report())
