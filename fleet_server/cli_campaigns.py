"""`fleet-server campaign`: one action for many units, from a file to its end.

The running server carries out what is started here. Who makes, plans and approves stand in the
audit log beside the words "command line", and four eyes compare these names.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from sqlalchemy import Connection

from fleet_server.adapters.clock import utc_now
from fleet_server.api import campaign_views as bodies
from fleet_server.cli_shared import By, Reason, State, follow, moment, opened, person, say
from fleet_server.domain import campaign as rules
from fleet_server.domain.campaign import ItemState, Why
from fleet_server.domain.campaign_plan import CommandAction
from fleet_server.domain.errors import InvalidError
from fleet_server.errors import OperatorError
from fleet_server.services import campaigns
from fleet_server.services.campaign_notices import announce
from fleet_server.services.campaign_views import (
    CampaignView,
    Count,
    list_campaigns,
    list_items,
    read_campaign,
)
from fleet_server.services.campaigns import Draft
from fleet_server.services.fleet_actions import FleetActions
from fleet_server.web.labels_campaign import CAMPAIGN_WORDS

campaign = typer.Typer(no_args_is_help=True, help="Campaigns: make, plan, approve, watch, abort.")

Number = Annotated[int, typer.Argument(metavar="CAMPAIGN", min=1, help="As `list` shows it.")]
File = Annotated[Path, typer.Argument(metavar="FILE", help="JSON: name, selection, plan.")]
Many = Annotated[int, typer.Option("--number", min=1, max=1000, help="At most.")]
_KEYS = sorted(
    {
        key
        for body in (
            bodies.CampaignBody,
            bodies.PlanBody,
            bodies.CommandBody,
            bodies.SwapBody,
            bodies.WaveBody,
            bodies.LimitsBody,
            bodies.HoursBody,
        )
        for key in body.model_fields
    }
)
_ENDED = (rules.State.ABORTED, rules.State.FINISHED)
_NEXT = {
    rules.State.DRAFT: "`campaign plan {0}`, the dry run.",
    rules.State.PLANNED: "another person: `campaign approve {0} --revision {1}`.",
    rules.State.APPROVED: "`campaign start {0}`.",
    rules.State.RUNNING: "`campaign watch {0}` shows how it goes.",
    rules.State.PAUSED: "`campaign resume {0}` or `campaign abort {0}`.",
    rules.State.ABORTING: "nothing: what is under way ends by itself.",
}


@campaign.command("create")
def create(file: File, reason: Reason, by: By = "", state: State = None) -> None:
    """Make a draft of a file; it holds what the HTTP API takes."""
    draft = _draft(file, reason)
    with opened(state) as fleet, fleet.writing() as connection:
        number = campaigns.create(connection, person(by), draft, reason, utc_now())
        view = read_campaign(connection, number)
    say(f"Campaign {_head(view)}")
    _tell_next(view)


@campaign.command("change")
def change(number: Number, file: File, reason: Reason, by: By = "", state: State = None) -> None:
    """Make one that has not started a draft of this file; plan and approval are void then."""
    draft = _draft(file, reason)
    with _changing(number, state) as connection:
        campaigns.change(connection, person(by), number, draft, reason, utc_now())


@campaign.command("list")
def list_all(
    in_state: Annotated[
        rules.State | None, typer.Option("--in", help="Only in this state.")
    ] = None,
    many: Many = 50,
    state: State = None,
) -> None:
    """Campaigns, the newest first."""
    with opened(state) as fleet, fleet.reading() as connection:
        found = list_campaigns(connection, None, many, state=in_state)
    for view in found:
        say(f"{moment(view.created_at)} {_head(view)}; {_sums(view.counts)}")
    if not found:
        say("There is none.")


@campaign.command("show")
def show(number: Number, state: State = None) -> None:
    """Where a campaign stands: each wave with its sums, and who is left out and why."""
    with opened(state) as fleet, fleet.reading() as connection:
        view = read_campaign(connection, number)
    _tell(view)


@campaign.command("units")
def units(
    number: Number,
    in_state: Annotated[
        ItemState | None, typer.Option("--in", help="Only in this state; `excluded`: left out.")
    ] = None,
    why: Annotated[Why | None, typer.Option("--why", help="Only for this reason.")] = None,
    many: Many = 50,
    after: Annotated[int, typer.Option("--after", min=0, help="Go on behind this id.")] = 0,
    state: State = None,
) -> None:
    """Its units with wave, state and reason."""
    with opened(state) as fleet, fleet.reading() as connection:
        found = list_items(connection, number, in_state, why, after, many)
    for one in found:
        text = f"{one.unit_id:8} {one.serial_number} wave {one.wave or '-'} {one.state} {one.why}"
        say(" ".join(filter(None, (text, one.new_serial_number, one.reference, one.said))).rstrip())
    if not found:
        say("There is none.")


@campaign.command("plan")
def plan(number: Number, by: By = "", state: State = None) -> None:
    """The dry run: every unit with its wave, or why it is left out; acts on nobody."""
    with opened(state) as fleet, fleet.writing() as connection:
        campaigns.plan(connection, person(by), number, utc_now())
        view = read_campaign(connection, number)
    _tell(view)


@campaign.command("notice")
def notice(
    number: Number,
    at: Annotated[str, typer.Option("--at", help="Such as 2026-12-04T02:00+01:00.")],
    reason: Reason,
    by: By = "",
    state: State = None,
) -> None:
    """Put on record that customers left out for want of notice were told of that moment [7.1.7]."""
    planned_at = _moment(at)
    with opened(state) as fleet, fleet.writing() as connection:
        told = announce(connection, person(by), number, planned_at, reason, utc_now())
    say(f"Notice to the customers of {told} positions is on record; plan campaign {number} again.")


@campaign.command("approve")
def approve(
    number: Number,
    revision: Annotated[int, typer.Option("--revision", min=1, help="The one `show` told.")],
    reason: Reason,
    by: By = "",
    state: State = None,
) -> None:
    """Approve the plan of that revision; by another person than who made or planned it."""
    with _changing(number, state) as connection:
        campaigns.approve(connection, person(by), number, revision, reason, utc_now())


@campaign.command("start")
def start(number: Number, by: By = "", state: State = None) -> None:
    """Let the first wave begin, within hours and limits."""
    with _changing(number, state) as connection:
        campaigns.start(connection, person(by), number, utc_now())


@campaign.command("pause")
def pause(number: Number, reason: Reason, by: By = "", state: State = None) -> None:
    """Begin nothing new; what is under way goes on."""
    with _changing(number, state) as connection:
        campaigns.pause(connection, person(by), number, reason, utc_now())


@campaign.command("resume")
def resume(number: Number, reason: Reason, by: By = "", state: State = None) -> None:
    """Go on; failures count anew, and a wave that missed its goal is let pass."""
    with _changing(number, state) as connection:
        campaigns.resume(connection, person(by), number, reason, utc_now())


@campaign.command("abort")
def abort(number: Number, reason: Reason, by: By = "", state: State = None) -> None:
    """Stop what was not sent, at once; what was sent is called back as far as it can be."""
    with _changing(number, state) as connection:
        campaigns.abort(connection, person(by), number, reason, FleetActions(), utc_now())


@campaign.command("watch")
def watch(number: Number, state: State = None) -> None:
    """A line with state, wave and sums at every change, until it has ended."""
    lines: list[str] = []
    last = ""
    with opened(state) as fleet:

        def look() -> tuple[list[str], bool]:
            nonlocal last
            with fleet.reading() as connection:
                view = read_campaign(connection, number)
            line = f"{_state(view)}; {_sums(view.counts)}"
            if line != last:
                last = line
                lines.append(f"{utc_now():%H:%M:%S.%f}"[:-3] + f" {line}")
            return lines, view.state in _ENDED

        follow(look)
        with fleet.reading() as connection:
            view = read_campaign(connection, number)
    _tell(view)
    if view.state is rules.State.ABORTED:
        raise typer.Exit(1)


def _draft(file: Path, reason: str) -> Draft:
    """Raises OperatorError, InvalidError or InvalidPlanError."""
    try:
        found: Any = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise OperatorError(f"{file}: {error.strerror}.", "Name another file.") from error
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"{file} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidError(f"{file}: an object with name, selection and plan.")
    try:
        return bodies.CampaignBody.model_validate({**found, "reason": reason}).draft()
    except ValidationError as error:
        raise InvalidError(f"{file}: {_first_wrong(error)}") from error


def _first_wrong(error: ValidationError) -> str:
    """Where and what; a key that is not known goes first: it may be a misspelt one."""
    found = error.errors(include_url=False)
    unknown = [one for one in found if one["type"] == "extra_forbidden"]
    wrong = [*unknown, *found][0]
    where = ".".join(str(part) for part in wrong["loc"])
    if not unknown:
        return f"{where}: {wrong['msg']}."
    near = get_close_matches(str(wrong["loc"][-1]), _KEYS, 1)
    return f"{where}: there is no such key{f'; did you mean {near[0]}?' if near else '.'}"


def _moment(text: str) -> datetime:
    """Raises InvalidError."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidError(f"{text} is no moment such as 2026-12-04T02:00+01:00.") from error
    if found.tzinfo is None:
        raise InvalidError(f"{text}: with its offset from UTC, such as +01:00.")
    return found.astimezone(UTC)


def _tell(view: CampaignView) -> None:
    say(f"Campaign {_head(view)}")
    action = view.plan.action
    if isinstance(action, CommandAction):
        say(f"  does      {action.command}")
    else:
        say(f"  does      swap for {action.model_name} of {action.place}, {action.way}")
    for line in _terms(view):
        say(f"  {line}")
    say(f"  made      {moment(view.created_at)} {_who(view.created_by)}")
    say(f"  planned   {moment(view.planned_at)} {_who(view.planned_by)}".rstrip())
    say(f"  approved  {moment(view.approved_at)} {_who(view.approved_by)}".rstrip())
    for number in sorted({one.wave for one in view.counts if one.wave}):
        say(f"  wave {number:4} {_sums([one for one in view.counts if one.wave == number])}")
    reasons: Counter[tuple[ItemState, Why]] = Counter()
    for one in view.counts:
        reasons[one.state, one.why] += one.units
    for (item_state, why), many in reasons.items():
        if why:
            say(f"  {many:9} {item_state}: {why}")
    _tell_next(view)


def _terms(view: CampaignView) -> Iterator[str]:
    """Whom it takes and how it goes: what is approved."""
    plan, limits = view.plan, view.plan.limits
    yield f"units     {json.dumps(view.selection, ensure_ascii=False)}"
    admitted = ", ".join(CAMPAIGN_WORDS["campaign_why"][why] for why in plan.admits)
    yield f"lets in   {admitted or 'nobody who would be left out'}"
    begin = (
        f"{plan.hours.begin:%H:%M} to {plan.hours.end:%H:%M}"
        if plan.hours
        else "as the settings say"
    )
    yield f"hours     {begin}, local"
    yield f"pace      {limits.per_minute} a minute, {limits.at_once} at once"
    yield (
        f"failures  {limits.on_failures} above {limits.max_failed_percent} %,"
        f" once {limits.minimum_ended} have ended"
    )
    for number, wave in enumerate(plan.waves, 1):
        takes = f"{wave.units} units" if wave.units else f"{wave.percent} %"
        is_last = number == len(plan.waves)
        goal = f"{wave.ended_percent} % ended, {wave.success_percent} % of them well"
        then = f"; next after {goal}, and {wave.soak_minutes} min"
        yield f"goal {number:4} {'the rest' if is_last else takes + then}"
    yield f"joiners   {'taken in late' if plan.late_joiners else 'none later'}"
    yield f"until     {moment(plan.ends_at) if plan.ends_at else 'all have ended'}"


@contextmanager
def _changing(number: int, state: Path | None) -> Iterator[Connection]:
    """For one change of a campaign; what came of it is said at the end."""
    with opened(state) as fleet, fleet.writing() as connection:
        yield connection
        view = read_campaign(connection, number)
    say(f"Campaign {view.id}: {_state(view)}; {_sums(view.counts)}")
    _tell_next(view)


def _tell_next(view: CampaignView) -> None:
    if view.state in _NEXT:
        say(f"Next: {_NEXT[view.state].format(view.id, view.revision)}")


def _head(view: CampaignView) -> str:
    return f"{view.id} {view.name}: {_state(view)}, revision {view.revision}"


def _state(view: CampaignView) -> str:
    wave = f" wave {view.wave}" if view.wave else ""
    return f"{view.state}{wave}{f' ({view.why})' if view.why else ''}"


def _sums(counts: Iterable[Count]) -> str:
    """Such as `3 waiting, 2 done of 5 units`."""
    each: Counter[ItemState] = Counter()
    for one in counts:
        each[one.state] += one.units
    told = ", ".join(f"{each[state]} {state}" for state in ItemState if each[state])
    return f"{told} of {each.total()} units" if told else "no units"


def _who(name: str) -> str:
    """`system:command line, ana` is told as `command line, ana`."""
    return name.removeprefix("system:").replace("account:", "account ")
