"""The pages and the command line of commands to devices. All data are made up."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from typer.testing import CliRunner, Result

from fleet_server import bootstrap, installation
from fleet_server.cli import app
from fleet_server.config import Config
from fleet_server.domain.command import State
from fleet_server.domain.roles import Role
from fleet_server.services import audit, commands
from fleet_server.services import tables as t
from fleet_server.services.accounts import LANGUAGES
from fleet_server.services.audit import history
from fleet_server.services.commands import Order
from fleet_server.services.demo_data import load_demo_history
from fleet_server.tests.console_site import MODEM, START, VOICE_MODEM, Browser, Site
from fleet_server.web.commands import recall_of
from fleet_server.web.i18n import translations

REBOOT = "Device.Reboot()"
KEY = "console-0123456789abcdef"
FORM = {"command_key": KEY, "endpoint": MODEM, "command": REBOOT, "reason": "asked by the customer"}


def queued(site: Site, key: str = "swap-7.3", endpoint_id: str = MODEM, **values: Any) -> str:
    """The address of a command; `values` are columns that differ from those of a new one."""
    order = Order(endpoint_id, REBOOT, {"Cause": "made up"}, site.now + timedelta(hours=1))
    with site.context.fleet.writing() as connection:
        commands.queue(connection, key, order, site.now)
        found = commands.read(connection, key)
        if values:
            row = update(t.command).where(t.command.c.id == found.id)
            connection.execute(row.values(**values))
    return f"/commands/{found.id}"


def said(page: str) -> str:
    """What a person reads: without tags, spaces folded."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


@pytest.fixture
def desk(site: Site) -> Browser:
    return site.signed_in(Role.FLEET_OPS)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", State)
def test_a_command_is_plain_in_every_state_and_language(
    site: Site, language: str, state: State
) -> None:
    address = queued(site, state=state, finished_at=site.now if state == "done" else None)
    page = site.signed_in(Role.TECHNICIAN, language).get(address)
    assert page.status_code == 200
    words = translations(language).gettext
    expected = {
        State.QUEUED: "waits for its turn",
        State.SENT: "sent, no answer yet",
        State.ACCEPTED: "under way on the device",
        State.DONE: "done",
        State.FAILED: "failed",
        State.EXPIRED: "expired, never carried out",
        State.CANCELLED: "cancelled, never carried out",
    }
    assert words(expected[state]) in said(page.text)


def test_the_way_of_a_command_shows_each_moment_and_how_long_it_took(
    site: Site, desk: Browser
) -> None:
    sent = START + timedelta(seconds=2)
    address = queued(
        site,
        state="done",
        sent_at=sent,
        accepted_at=sent + timedelta(milliseconds=340),
        finished_at=sent + timedelta(milliseconds=840),
        outputs='{"SettingsVersion": "12"}',
        tries=1,
        counter=41,
    )
    page = said(desk.get(address).text)
    for words in (
        "Queued done 28 Mar 2026 13:00:00.000 CET",
        "Sent done 28 Mar 2026 13:00:02.000 CET · 2 s",
        "Accepted by the device done 28 Mar 2026 13:00:02.340 CET · 340 ms",
        "Done done 28 Mar 2026 13:00:02.840 CET · 500 ms",
        "SettingsVersion 12",
        "Counter: 41",
        "It has ended; there is nothing to cancel.",
    ):
        assert words in page, words
    assert "Cancel the command" not in page


# (columns, what a cancellation can do)
RECALLS = [
    ({"state": "queued"}, "at_once"),
    ({"state": "sent"}, "overtake"),
    ({"state": "accepted"}, "stop"),
    ({"state": "sent", "cancelling": True}, "asked"),
    ({"state": "accepted", "cancelling": True, "past_recall": True}, "past_recall"),
    ({"state": "done", "past_recall": True}, "past_recall"),
    ({"state": "done"}, "ended"),
    ({"state": "cancelled"}, "ended"),
]


@pytest.mark.parametrize(("values", "recall"), RECALLS)
def test_what_cancelling_can_do_is_said(site: Site, values: dict[str, Any], recall: str) -> None:
    queued(site, **values)
    with site.context.fleet.reading() as connection:
        assert recall_of(commands.read(connection, "swap-7.3")) == recall


def test_a_device_that_is_away_is_named_as_the_reason(site: Site, desk: Browser) -> None:
    away = "The device is not connected; the command goes out when it comes back."
    address = queued(site)
    assert away not in said(desk.get(address).text)
    with site.context.fleet.writing() as connection:
        connection.execute(update(t.presence).values(state="offline"))
    assert away in said(desk.get(f"{address}/live").text)


def test_a_command_is_given_once_with_its_reason_on_record(site: Site, desk: Browser) -> None:
    first = desk.submit("/commands", args="Cause=made up\nOther=a=b\n", **FORM)
    again = desk.submit("/commands", args="Cause=made up\nOther=a=b\n", **FORM)
    assert (first.status_code, again.status_code) == (303, 303)
    assert first.headers["location"] == again.headers["location"]
    page = said(desk.get(first.headers["location"]).text)
    assert "Cause made up Other a=b" in page
    with site.context.fleet.reading() as connection:
        found = audit.history(connection, f"command:{KEY}")
    assert [(one.action, one.reason) for one in found] == [("command_queued", FORM["reason"])]


def test_what_a_form_gets_wrong_is_said_in_words(site: Site, desk: Browser) -> None:
    wrong = [
        ({"endpoint": "ops::00256D-MODEM-99"}, "There is no such device"),
        ({"command": "Device.Reboot"}, "The command is not possible like this"),
        ({"args": "no value"}, "The command is not possible like this"),
        ({"args": "a=1\na=2"}, "The command is not possible like this"),
        ({"reason": "  "}, "The command is not possible like this"),
        ({"command": "Device.X_IPKO-COM_Replacement.Fence()"}, "is not given by hand"),
        (
            {
                "command": "Device.LocalAgent.X_IPKO-COM_Apply()",
                "args": "Path=Device.X_IPKO-COM_Service.",
            },
            "is not given by hand",
        ),
    ]
    for fields, words in wrong:
        answer = desk.submit("/commands", **{**FORM, **fields})
        assert answer.status_code == 422, fields
        assert words in said(answer.text), fields
        assert html.escape({**FORM, **fields}["command"]) in answer.text
    with site.context.fleet.reading() as connection:
        assert commands.list_all(connection, None, 10) == []


def test_a_queued_command_is_cancelled_and_an_ended_one_is_not(site: Site, desk: Browser) -> None:
    address = queued(site)
    answer = desk.submit(f"{address}/cancellation", reason="the customer is back online")
    assert answer.status_code == 303
    assert "cancelled, never carried out" in said(desk.get(address).text)
    again = desk.submit(f"{address}/cancellation", reason="the customer is back online")
    assert again.status_code == 409
    assert "had ended before" in said(again.text)


def test_the_list_counts_narrows_and_goes_on_by_key(site: Site, desk: Browser) -> None:
    for number in range(52):
        queued(site, f"swap-1.{number}")
    queued(site, "swap-2.1", VOICE_MODEM, state="failed", finished_at=site.now)
    page = desk.get("/commands").text
    assert page.count('class="endpoint"') == 50
    following = re.search(r'rel="next" href="([^"]+)"', page)
    assert following is not None
    assert "swap-1.0<" in desk.get(html.unescape(following[1])).text
    failed = desk.get("/commands?state=failed").text
    assert "swap-2.1" in failed
    assert "swap-1.1<" not in failed
    of_one = desk.get(f"/commands/rows?endpoint={VOICE_MODEM}").text
    assert "swap-2.1" in of_one
    assert "swap-1.1<" not in of_one
    assert "swap-2.1" not in desk.get(f"/commands/rows?endpoint={VOICE_MODEM}&state=done").text


def test_who_only_follows_has_no_forms(site: Site) -> None:
    address = queued(site)
    browser = site.signed_in(Role.AUDITOR)
    assert "Give a command" not in browser.get("/commands").text
    assert "Cancel the command" not in browser.get(address).text


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of an installation with made-up units; nothing runs."""
    folder = tmp_path_factory.mktemp("commands") / "state"
    config = Config(state=folder)
    installation.initialise(config, START)
    fleet = bootstrap.build(config)
    with fleet.writing() as connection:
        load_demo_history(connection, START)
    bootstrap.close(fleet)
    return folder


def run(state: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["command", *words, "--state", str(state)])


def test_a_command_is_queued_listed_shown_and_cancelled_by_hand(state: Path) -> None:
    endpoint = "ops::00256D-MODEM-00000001"
    done = run(state, "queue", endpoint, REBOOT, "Cause=made up", "--reason", "a test")
    assert done.exit_code == 0, done.output
    key = done.output.split()[-1].rstrip(".")
    listed = run(state, "list", "--endpoint", endpoint, "--in", "queued").output
    assert f"{key} " in listed
    assert f"{endpoint} {REBOOT}" in listed
    shown = run(state, "show", key).output
    assert f"{REBOOT} to {endpoint}: queued" in shown
    assert "tries     0" in shown
    gone = run(state, "cancel", key, "--reason", "a test")
    assert (gone.exit_code, gone.output) == (0, f"{key} is cancelled; it never runs.\n")
    watched = run(state, "show", key, "--watch")
    assert watched.exit_code == 0
    assert " cancelled\n" in watched.output
    assert run(state, "list", "--in", "queued").output == "There is none.\n"


def test_who_gives_and_cancels_by_hand_is_on_record(state: Path) -> None:
    words = ("queue", "ops::00256D-MODEM-00000001", REBOOT, "--reason", "a test")
    key = run(state, *words, "--as", "ana").output.split()[-1].rstrip(".")
    run(state, "cancel", key, "--reason", "a test", "--as", "besa")
    fleet = bootstrap.build(Config(state=state))
    with fleet.reading() as connection:
        found = history(connection, f"command:{key}")
    bootstrap.close(fleet)
    names = [(one.action, one.actor.name) for one in reversed(found)]
    assert names == [
        ("command_queued", "command line, ana"),
        ("command_cancelled", "command line, besa"),
    ]
    assert "at most 40 characters" in str(run(state, *words, "--as", "a" * 41).exception)


def test_what_has_left_is_called_back_and_not_called_cancelled(state: Path) -> None:
    endpoint = "ops::00256D-MODEM-00000001"
    done = run(state, "queue", endpoint, REBOOT, "--reason", "a test")
    key = done.output.split()[-1].rstrip(".")
    fleet = bootstrap.build(Config(state=state))
    with fleet.writing() as connection:
        row = update(t.command).where(t.command.c.command_key == key)
        connection.execute(row.values(state="sent", counter=7, sent_at=START))
    bootstrap.close(fleet)
    called = run(state, "cancel", key, "--reason", "a test")
    assert called.exit_code == 0
    assert "tells whether in time" in called.output
    assert "whether in time is not known yet" in run(state, "show", key).output
