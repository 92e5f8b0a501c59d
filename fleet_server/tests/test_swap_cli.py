"""`fleet-server swap` on an installation whose server does not run. All data are made up."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner, Result

from fleet_server import bootstrap, installation
from fleet_server.adapters.clock import utc_now
from fleet_server.cli import app
from fleet_server.config import Config
from fleet_server.domain.errors import InvalidError, UnknownContractError
from fleet_server.errors import OperatorError
from fleet_server.services import blacklist, swaps
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor
from fleet_server.services.demo_data import load_demo_history

CONTRACT, OLD, NEW = "C-1101", "00000012", "00000001"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of an installation with a modem in service and another in stock."""
    folder = tmp_path_factory.mktemp("swap") / "state"
    config = Config(state=folder)
    now = utc_now()
    installation.initialise(config, now)
    fleet = bootstrap.build(config)
    with fleet.writing() as connection:
        load_demo_history(connection, now)
        connection.execute(
            t.certificate.insert().values(
                certificate_serial_number="41",
                endpoint_id=f"ops::00256D-MODEM-{NEW}",
                not_before=now,
                not_after=now + timedelta(days=1),
                issued_at=now,
            )
        )
    bootstrap.close(fleet)
    return folder


@pytest.fixture
def state(prepared: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    return Path(shutil.copytree(prepared, tmp_path / "state"))


def run(state: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["swap", *words, "--state", str(state)])


def ordered(state: Path, *more: str) -> Result:
    return run(state, "order", CONTRACT, "internet", NEW, "--reason", "a test", *more)


def test_an_order_finds_the_old_unit_and_another_person_approves(state: Path) -> None:
    done = ordered(state, "--consent", "--as", "ana")
    assert done.exit_code == 0, done.exception
    assert done.output == (
        f"Swap 1: {OLD} is replaced by {NEW}.\nNext: Another person has to approve the order.\n"
    )
    waits = run(state, "show", "1").output
    assert "  reserve      to_come              -" in waits
    assert "To do: Another person has to approve the order." in waits
    own = run(state, "approve", "1", "--as", "ana")
    assert isinstance(own.exception, swaps.FourEyesError)
    approved = run(state, "approve", "1", "--as", "besa")
    assert approved.exit_code == 0, approved.exception
    shown = run(state, "show", "1").output
    assert f"Swap 1: {CONTRACT} internet {OLD} -> {NEW} remote: forward at reserve" in shown
    assert "ordered by command line, ana" in shown
    assert "approved by command line, besa" in shown
    assert "  reserve      now                  -" in shown
    assert "  fence_old    to_come              -" in shown


def test_the_unit_that_was_stolen_is_the_old_one(state: Path) -> None:
    fleet = bootstrap.build(Config(state=state))
    with fleet.writing() as connection:
        cause, thief = blacklist.Cause.STOLEN, Actor.account(1)
        blacklist.blacklist(connection, OLD, cause, None, thief, "a theft", utc_now())
    bootstrap.close(fleet)
    assert f"Swap 1: {OLD} is replaced by {NEW}.\n" in ordered(state, "--consent").output


def test_that_no_unit_is_taken_out_has_to_be_said(state: Path) -> None:
    free = ("order", "C-1002", "internet", NEW, "--reason", "a test")
    refused = run(state, *free)
    assert isinstance(refused.exception, InvalidError)
    assert "No unit holds internet on C-1002; there none is in service." in str(refused.exception)
    assert "--no-old" in str(refused.exception)
    other = run(state, "order", CONTRACT, "voice", NEW, "--reason", "a test")
    assert isinstance(other.exception, InvalidError)
    assert f"there {OLD} holds internet, 00000013 holds tv-1" in str(other.exception)
    unknown = run(state, "order", "C-9", "internet", NEW, "--reason", "a test")
    assert isinstance(unknown.exception, UnknownContractError)
    held = ordered(state, "--consent", "--no-old")
    assert f"{OLD} holds internet, or held it last: leave --no-old out." in str(held.exception)
    assert run(state, "list").output == "There is none.\n"
    done = run(state, *free, "--no-old", "--consent")
    assert done.exit_code == 0, done.exception
    assert done.output.startswith(f"Swap 1: no unit is taken out for {NEW}.\n")


def test_a_remote_order_without_notice_or_consent_says_what_is_missing(state: Path) -> None:
    refused = ordered(state)
    assert "customer agrees now [7.1.7]" in str(refused.exception)
    assert run(state, "list").output == "There is none.\n"


def test_day_of_posting_and_value_stand_in_the_order(state: Path) -> None:
    more = ("--trigger", "posted", "--consent", "--posted", "2026-01-05", "--value", "65.50")
    assert ordered(state, *more).exit_code == 0
    fleet = bootstrap.build(Config(state=state))
    with fleet.reading() as connection:
        view = swaps.read(connection, 1)
    bootstrap.close(fleet)
    assert (view.posted_at, view.value_cents) == (datetime(2026, 1, 4, 23, tzinfo=UTC), 6550)


# (options, words)
NOT_TOGETHER = [
    (("--consent", "--planned", "1"), "Name a planned swap or the customer's consent, not both."),
    (("--consent", "--posted", "2026-01-05"), "Only a unit that comes by post has a day"),
]


@pytest.mark.parametrize(("options", "words"), NOT_TOGETHER)
def test_what_does_not_go_together_is_refused(
    state: Path, options: tuple[str, ...], words: str
) -> None:
    refused = ordered(state, *options)
    assert isinstance(refused.exception, InvalidError)
    assert words in str(refused.exception)
    assert run(state, "list").output == "There is none.\n"


@pytest.mark.parametrize(("value", "code"), [("99999.99", 0), ("100000", 2), ("-1", 2)])
def test_a_value_has_the_limits_of_the_page(state: Path, value: str, code: int) -> None:
    assert ordered(state, "--consent", "--value", value).exit_code == code


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "100000", "a lot"])
def test_a_value_that_is_none_is_refused_and_nothing_is_ordered(state: Path, value: str) -> None:
    refused = ordered(state, "--consent", "--value", value)
    assert refused.exit_code == 2 and "--value" in refused.output
    assert run(state, "list").output == "There is none.\n"


def test_a_technician_needs_no_approval(state: Path) -> None:
    done = ordered(state, "--trigger", "technician", "--consent")
    assert "Next: Nothing: it goes on by itself." in done.output
    listed = run(state, "list", "--phase", "forward", "--serial", NEW).output
    assert f"{CONTRACT} internet {OLD} -> {NEW} technician: forward at reserve" in listed
    assert run(state, "list", "--contract", "C-1001").output == "There is none.\n"


def test_what_is_called_off_is_watched_to_its_end(state: Path) -> None:
    ordered(state, "--consent")
    gone = run(state, "abort", "1", "--reason", "a test")
    assert gone.output == "Swap 1 is called off.\n"
    shown = run(state, "show", "1").output
    assert "  reserve      not_reached          -" in shown
    assert "To do:" not in shown
    watched = run(state, "watch", "1")
    assert watched.exit_code == 1
    assert " ordered " in watched.output
    assert " aborted " in watched.output
    assert "Ended: rolled_back, a test" in watched.output
    assert "Service gap" not in watched.output


def test_watching_tells_what_a_person_has_to_do_and_the_times(state: Path) -> None:
    ordered(state, "--consent", "--as", "ana")
    run(state, "approve", "1", "--as", "besa")
    fleet = bootstrap.build(Config(state=state))
    now = utc_now()
    with fleet.writing() as connection:
        for seconds, kind, step, target, operation in (
            (1, "asked", "hold_old", "old_unit", "hold"),
            (2, "done", "hold_old", "old_unit", "hold"),
            (5, "asked", "verify_new", "new_unit", "verify"),
            (6.5, "done", "verify_new", "new_unit", "verify"),
        ):
            connection.execute(
                t.swap_event.insert().values(
                    swap_id=1,
                    at=now + timedelta(seconds=seconds),
                    kind=kind,
                    step=step,
                    target=target,
                    operation=operation,
                )
            )
        ended = {"phase": "done", "at": 9, "ended_at": now + timedelta(seconds=8)}
        row = update(t.swap).where(t.swap.c.id == 1)
        connection.execute(row.values(came_up_at=now + timedelta(seconds=6.5), **ended))
    bootstrap.close(fleet)
    watched = run(state, "watch", "1")
    assert watched.exit_code == 0
    assert ["verify_new", "done", "1.500", "s"] in [x.split() for x in watched.output.splitlines()]
    assert "Service gap: 4.500 s\n" in watched.output
    assert "From approval to service: 6." in watched.output
    assert "Ended: done" in watched.output


@pytest.mark.parametrize("words", [("swap", "list"), ("campaign", "list"), ("command", "list")])
@pytest.mark.parametrize("name", ["", "not-there"])
def test_a_folder_without_an_installation_is_named_and_left_as_it_was(
    tmp_path: Path, words: tuple[str, ...], name: str
) -> None:
    refused = CliRunner().invoke(app, [*words, "--state", str(tmp_path / name)])
    assert isinstance(refused.exception, OperatorError)
    assert str(refused.exception) == (
        f"There is no installation in {tmp_path / name} that you may read. "
        "Name its folder with --state."
    )
    assert list(tmp_path.iterdir()) == []


def test_only_what_waits_can_be_waived_or_tried_again(state: Path) -> None:
    ordered(state, "--consent")
    for word in ("waive", "resume"):
        refused = run(state, word, "1", "--reason", "a test")
        assert isinstance(refused.exception, swaps.SwapStateError), word
    assert isinstance(run(state, "show", "9").exception, swaps.UnknownSwapOrderError)
