"""`fleet-server campaign` on an installation whose server does not run. All data are made up."""

from __future__ import annotations

import json
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from typer.testing import CliRunner, Result

from fleet_server import bootstrap, installation
from fleet_server.adapters.clock import utc_now
from fleet_server.cli import app
from fleet_server.config import Config
from fleet_server.domain.campaign import CampaignStateError
from fleet_server.domain.errors import ImpossibleMomentError, InvalidError
from fleet_server.errors import OperatorError
from fleet_server.services import campaign_engine, campaigns, protected_contracts
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor
from fleet_server.services.demo_data import load_demo_history
from fleet_server.services.fleet_actions import FleetActions
from fleet_server.services.policy import read_policy

EVERY = {"field": "serial_number", "starts_with": "0"}
RESTART: dict[str, Any] = {
    "name": "Restart",
    "selection": EVERY,
    "plan": {
        "action": {"kind": "command"},
        "waves": [{"units": 1}, {}],
        "admits": ["no_contact"],
    },
}
SWAP = {
    "name": "New modems",
    "selection": EVERY,
    "plan": {
        "action": {"kind": "swap", "model_name": "CM-31", "place": "D", "way": "remote"},
        "admits": ["no_contact"],
    },
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of an installation with the made-up fleet."""
    folder = tmp_path_factory.mktemp("campaign") / "state"
    config = Config(state=folder)
    now = utc_now()
    installation.initialise(config, now)
    fleet = bootstrap.build(config)
    with fleet.writing() as connection:
        load_demo_history(connection, now)
    bootstrap.close(fleet)
    return folder


@pytest.fixture
def state(prepared: Path, tmp_path: Path) -> Path:
    """A copy of that folder."""
    return Path(shutil.copytree(prepared, tmp_path / "state"))


def run(state: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["campaign", *words, "--state", str(state)])


def done(state: Path, *words: str) -> str:
    """What was said; it must have gone well."""
    result = run(state, *words)
    assert result.exit_code == 0, (words, result.exception)
    return result.output


def create(state: Path, body: Any = RESTART) -> Result:
    file = state.parent / "campaign.json"
    file.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
    return run(state, "create", str(file), "--reason", "a test", "--as", "ana")


WHY = ("--reason", "a test")
TWO = ("--revision", "2", *WHY)


def test_a_campaign_from_its_file_to_its_abort(state: Path) -> None:
    assert create(state).output == (
        "Campaign 1 Restart: draft, revision 1\nNext: `campaign plan 1`, the dry run.\n"
    )
    planned = done(state, "plan", "1", "--as", "ana")
    assert "Campaign 1 Restart: planned, revision 2" in planned
    assert "  does      Device.Reboot()" in planned
    assert "  wave    1 1 waiting of 1 units" in planned
    assert "Next: another person: `campaign approve 1 --revision 2`." in planned
    assert done(state, "show", "1") == planned
    assert "command line, ana" in planned
    own = run(state, "approve", "1", *TWO, "--as", "ana")
    assert isinstance(own.exception, campaigns.SamePersonError)
    assert "Campaign 1: approved; " in done(state, "approve", "1", *TWO, "--as", "besa")
    assert "Campaign 1: running wave 1; " in done(state, "start", "1")
    assert "Campaign 1: paused wave 1 (person); " in done(state, "pause", "1", *WHY)
    assert "Campaign 1: running wave 1; " in done(state, "resume", "1", *WHY)
    aborted = done(state, "abort", "1", *WHY)
    assert "Campaign 1: aborting wave 1 (person); " in aborted
    assert "stopped of " in aborted


def test_who_approves_sees_whom_it_takes_and_how_it_goes(state: Path) -> None:
    plan = {
        "action": {"kind": "command"},
        "waves": [
            {"units": 20, "soak_minutes": 30, "ended_percent": 80, "success_percent": 70},
            {"percent": 10},
            {},
        ],
        "limits": {"per_minute": 7, "at_once": 3, "max_failed_percent": 9, "minimum_ended": 2},
        "hours": {"begin": "02:00", "end": "04:30"},
        "admits": ["no_contact", "suspended"],
        "ends_at": "2031-01-31T04:00Z",
    }
    create(state, {**RESTART, "plan": plan})
    shown = done(state, "show", "1").splitlines()
    assert shown[1:12] == [
        "  does      Device.Reboot()",
        '  units     {"field": "serial_number", "starts_with": "0"}',
        "  lets in   not heard from for long, service suspended",
        "  hours     02:00 to 04:30, local",
        "  pace      7 a minute, 3 at once",
        "  failures  pause above 9 %, once 2 have ended",
        "  goal    1 20 units; next after 80 % ended, 70 % of them well, and 30 min",
        "  goal    2 10 %; next after 90 % ended, 95 % of them well, and 60 min",
        "  goal    3 the rest",
        "  joiners   none later",
        "  until     2031-01-31 04:00:00Z",
    ]
    create(state, {"name": "Plain", "selection": EVERY, "plan": {"action": {"kind": "command"}}})
    plain = done(state, "show", "2")
    assert (
        "  lets in   nobody who would be left out\n  hours     as the settings say, local\n"
        in plain
    )
    assert "  until     all have ended\n" in plain


def test_who_is_left_out_is_listed_with_the_reason(state: Path) -> None:
    fleet = bootstrap.build(Config(state=state))
    with fleet.writing() as connection:
        actor = Actor.system("test")
        protected_contracts.protect(connection, actor, "C-1101", "a test", utc_now())
    bootstrap.close(fleet)
    create(state)
    planned = done(state, "plan", "1")
    left_out = done(state, "units", "1", "--in", "excluded").splitlines()
    assert left_out
    assert {line.split()[-1] for line in left_out} == {"emergency_site"}
    assert f"{len(left_out):11} excluded: emergency_site\n" in planned
    why = done(state, "units", "1", "--why", "emergency_site").splitlines()
    assert why == left_out
    assert done(state, "units", "1", "--why", "offline") == "There is none.\n"
    every = done(state, "units", "1").splitlines()
    first = done(state, "units", "1", "--number", "1").splitlines()
    rest = done(state, "units", "1", "--after", first[0].split()[0]).splitlines()
    assert first + rest == every
    assert f"of {len(every)} units" in done(state, "list")


def test_the_list_may_be_of_one_state(state: Path) -> None:
    assert done(state, "list") == "There is none.\n"
    create(state)
    create(state, {**RESTART, "name": "Another"})
    done(state, "plan", "2")
    assert " 2 Another: planned, revision 2; " in done(state, "list", "--in", "planned")
    assert "no units" in done(state, "list", "--in", "draft")
    assert done(state, "list", "--in", "running") == "There is none.\n"


def test_watching_tells_each_change_and_ends_with_the_campaign(state: Path) -> None:
    create(state)
    done(state, "plan", "1")
    done(state, "approve", "1", *TWO, "--as", "besa")
    done(state, "start", "1")
    done(state, "abort", "1", *WHY)
    fleet = bootstrap.build(Config(state=state))
    with fleet.writing() as connection:
        policy = read_policy(connection)
        campaign_engine.step(connection, FleetActions(), policy, utc_now() + timedelta(seconds=1))
    bootstrap.close(fleet)
    watched = run(state, "watch", "1")
    assert watched.exit_code == 1
    assert watched.output.count(" aborted wave 1 (person); ") == 1
    assert "Campaign 1 Restart: aborted wave 1 (person), revision 2" in watched.output
    assert "stopped: aborted" in watched.output
    assert "Next:" not in watched.output


def test_a_finished_campaign_ends_well(state: Path) -> None:
    create(state)
    fleet = bootstrap.build(Config(state=state))
    with fleet.writing() as connection:
        connection.execute(update(t.campaign).values(state="finished"))
    bootstrap.close(fleet)
    assert "Campaign 1 Restart: finished" in done(state, "watch", "1")


def test_notice_is_put_on_record_for_those_left_out_for_want_of_it(state: Path) -> None:
    assert create(state, SWAP).exit_code == 0
    planned = done(state, "plan", "1")
    assert "  does      swap for CM-31 of D, remote" in planned
    without = done(state, "units", "1", "--why", "no_notice").splitlines()
    assert without[0].endswith("no_notice")
    soon = (utc_now() + timedelta(hours=1)).isoformat()
    early = run(state, "notice", "1", "--at", soon, *WHY)
    assert isinstance(early.exception, ImpossibleMomentError)
    for wrong in ("tomorrow", "2031-12-04T02:00"):
        refused = run(state, "notice", "1", "--at", wrong, *WHY)
        assert isinstance(refused.exception, InvalidError), wrong
    at = (utc_now() + timedelta(hours=100)).isoformat()
    told = done(state, "notice", "1", "--at", at, *WHY)
    assert told == (
        f"Notice to the customers of {len(without)} positions is on record; "
        "plan campaign 1 again.\n"
    )
    assert "no_notice" not in done(state, "plan", "1")


def test_the_file_of_the_documentation_makes_a_draft(state: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "operations" / "campaigns.md"
    section = page.read_text(encoding="utf-8").partition("## On the command line")[2]
    assert "Campaign 1 Restart of N1: draft" in create(state, section.split("```")[1]).output


def test_a_changed_campaign_is_a_draft_with_no_plan(state: Path) -> None:
    create(state)
    done(state, "plan", "1")
    file = state.parent / "another.json"
    file.write_text(json.dumps({**RESTART, "name": "Another"}), encoding="utf-8")
    assert done(state, "change", "1", str(file), *WHY) == (
        "Campaign 1: draft; no units\nNext: `campaign plan 1`, the dry run.\n"
    )
    assert "Campaign 1 Another: draft, revision 3" in done(state, "show", "1")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "an object with name, selection and plan"),
        ({"name": "Restart", "selection": EVERY}, "plan: Field required."),
        ({**RESTART, "plan": {"action": {"kind": "command", "command": "X()"}}}, "action.command"),
        ({**RESTART, "selection": {"field": "colour", "is": "red"}}, "colour"),
        ({**RESTART, "name": "x"}, "name: 3 to 64 characters."),
        (
            {**RESTART, "plan": {**RESTART["plan"], "hour": {"begin": "02:00", "end": "04:00"}}},
            "plan.hour: there is no such key; did you mean hours?",
        ),
        (
            {**RESTART, "plan": {**RESTART["plan"], "limits": {"max_fail_percent": 1}}},
            "plan.limits.max_fail_percent: there is no such key; did you mean max_failed_percent?",
        ),
        ({"nam": "Restart"}, "nam: there is no such key; did you mean name?"),
        ({**RESTART, "zzzz": 1}, "zzzz: there is no such key."),
    ],
)
def test_a_file_that_is_wrong_makes_nothing_and_says_what(
    state: Path, body: Any, words: str
) -> None:
    refused = create(state, body)
    assert isinstance(refused.exception, InvalidError)
    assert words in str(refused.exception)
    assert done(state, "list") == "There is none.\n"


def test_a_file_that_is_not_there_and_a_step_out_of_order_say_what_to_do(state: Path) -> None:
    missing = run(state, "create", str(state / "none.json"), *WHY)
    assert isinstance(missing.exception, OperatorError)
    assert "Name another file." in str(missing.exception)
    create(state)
    refused = run(state, "start", "1")
    assert isinstance(refused.exception, CampaignStateError)
    assert "plan it first" in str(refused.exception)
    assert isinstance(run(state, "show", "9").exception, campaigns.UnknownCampaignError)
