"""`fleet-server swap`: replace a unit by another, watch it, call it off.

The running server carries out what is ordered here. Who orders and who approves stand in the audit
log beside the words "command line": on the server's own machine four eyes are a matter of honesty.
"""

from __future__ import annotations

import math
from datetime import datetime
from typing import Annotated

import typer
from sqlalchemy import Connection

from fleet_server.adapters.clock import utc_now
from fleet_server.cli_shared import By, Reason, State, follow, moment, opened, person, say
from fleet_server.domain.errors import InvalidError
from fleet_server.domain.local_time import day_bounds
from fleet_server.domain.swap_progress import Standing, StepProgress
from fleet_server.services import swap_consent, swaps
from fleet_server.services.policy import read_policy
from fleet_server.services.swap_orders import MOST_VALUE_CENTS
from fleet_server.services.swap_views import EventView
from fleet_server.services.swaps import FourEyesError, SwapOrder, SwapPhase, SwapView, Todo, Trigger
from fleet_server.services.views_clocks import contract_id_of
from fleet_server.services.views_swaps import SwapWatch, watch_swap

swap = typer.Typer(no_args_is_help=True, help="Replacements: order, approve, watch, abort, list.")

Number = Annotated[int, typer.Argument(metavar="SWAP", min=1, help="As `list` shows it.")]


@swap.command("order")
def order_swap(
    contract: Annotated[str, typer.Argument(metavar="CONTRACT")],
    position: Annotated[str, typer.Argument(metavar="POSITION", help="Such as internet+voice.")],
    new_serial: Annotated[str, typer.Argument(metavar="NEW", help="Serial of the new unit.")],
    reason: Reason,
    trigger: Annotated[Trigger, typer.Option("--trigger", help="Who connects the new unit.")] = (
        Trigger.REMOTE
    ),
    outlets: Annotated[int, typer.Option("--outlets", min=1, max=2, help="RF outlets.")] = 1,
    planned: Annotated[
        int | None, typer.Option("--planned", help="Planned swap with its notice or consent.")
    ] = None,
    consent: Annotated[
        bool, typer.Option("--consent", help="The unit is faulty and the customer agrees now.")
    ] = False,
    posted: Annotated[
        datetime | None,
        typer.Option("--posted", formats=["%Y-%m-%d"], help="Day of posting, for trigger posted."),
    ] = None,
    value: Annotated[
        float | None,
        typer.Option(
            "--value",
            min=0,
            max=MOST_VALUE_CENTS / 100,
            help="Value in EUR; else by the price list.",
        ),
    ] = None,
    no_old: Annotated[
        bool, typer.Option("--no-old", help="No unit is taken out: the position is free.")
    ] = False,
    by: By = "",
    state: State = None,
) -> None:
    """Order the replacement of the unit on a position; another person approves it."""
    with opened(state) as fleet, fleet.writing() as connection:
        wanted = SwapOrder(
            contract=contract,
            position=position,
            old_serial=_old(connection, contract, position, no_old),
            new_serial=new_serial,
            trigger=trigger,
            reason=reason,
            outlets=outlets,
            planned_swap=planned,
            value_cents=_cents(value),
            posted_at=day_bounds(posted.date())[0] if posted else None,
        )
        give = swap_consent.order_with_consent if consent else swaps.order
        number = give(connection, person(by), wanted, utc_now())
        view = swaps.read(connection, number)
    told = f"{view.old_serial} is replaced by" if view.old_serial else "no unit is taken out for"
    say(f"Swap {number}: {told} {new_serial}.")
    say(f"Next: {swaps.TO_DO_WORDS[view.todo]}")


def _cents(value: float | None) -> int | None:
    if value is not None and math.isnan(value):
        raise typer.BadParameter("Write the value in EUR, such as 65.50.", param_hint="--value")
    return round(value * 100) if value is not None else None


@swap.command("approve")
def approve_swap(number: Number, by: By = "", state: State = None) -> None:
    """Let an ordered replacement begin."""
    actor = person(by)
    with opened(state) as fleet, fleet.writing() as connection:
        view = swaps.read(connection, number)
        is_own = view.ordered_by == f"{actor.kind}:{actor.name}"
        if is_own and view.trigger is not Trigger.TECHNICIAN and _needs_four_eyes(connection):
            raise FourEyesError("Another person has to approve it; say who with --as.")
        swaps.approve(connection, actor, number, utc_now())
    say(f"Swap {number} is approved; `swap watch {number}` shows how it goes.")


@swap.command("watch")
def watch(number: Number, state: State = None) -> None:
    """Show each step as it happens; at the end what each took, and the service gap."""
    told = _Told()
    with opened(state) as fleet:

        def look() -> tuple[list[str], bool]:
            with fleet.reading() as connection:
                found = watch_swap(connection, number)
            told.take(found)
            return told.lines, found.view.ended_at is not None

        follow(look)
        with fleet.reading() as connection:
            found = watch_swap(connection, number)
    _tell_times(found, utc_now())
    if found.view.phase is SwapPhase.ROLLED_BACK:
        raise typer.Exit(1)


@swap.command("show")
def show(number: Number, state: State = None) -> None:
    """Where a replacement stands, step by step, and what a person has to do."""
    with opened(state) as fleet, fleet.reading() as connection:
        found = watch_swap(connection, number)
    view = found.view
    say(f"Swap {number}: {_head(view)}")
    say(f"  ordered by {found.ordered_by} {moment(view.ordered_at)}")
    if view.approved_at:
        say(f"  approved by {found.approved_by} {moment(view.approved_at)}")
    _tell_times(found, utc_now())
    if view.waits_for:
        say(f"Waits for: {view.waits_for}")
    if view.todo is not Todo.NOTHING or view.ended_at is None:
        say(f"To do: {swaps.TO_DO_WORDS[view.todo]}")


@swap.command("list")
def list_all(
    phase: Annotated[SwapPhase | None, typer.Option("--phase", help="Only in this phase.")] = None,
    contract: Annotated[str, typer.Option("--contract", help="Only of this contract.")] = "",
    serial: Annotated[str, typer.Option("--serial", help="Only with this unit.")] = "",
    many: Annotated[int, typer.Option("--number", min=1, max=1000, help="At most.")] = 50,
    state: State = None,
) -> None:
    """Replacements, the newest first."""
    with opened(state) as fleet, fleet.reading() as connection:
        found = swaps.list_swaps(
            connection, None, many, phase=phase, contract=contract, serial_number=serial
        )
    for view in found:
        say(f"{view.id:6} {moment(view.ordered_at)} {_head(view)}")
    if not found:
        say("There is none.")


@swap.command("abort")
def abort(number: Number, reason: Reason, by: By = "", state: State = None) -> None:
    """Have a replacement undone; possible until the new unit was proven and handed over."""
    with opened(state) as fleet, fleet.writing() as connection:
        swaps.abort(connection, person(by), number, reason, utc_now())
        view = swaps.read(connection, number)
    ended = view.phase is SwapPhase.ROLLED_BACK
    say(f"Swap {number} is called off." if ended else f"Swap {number} goes back now.")


@swap.command("waive")
def waive(number: Number, reason: Reason, by: By = "", state: State = None) -> None:
    """Go on without the old unit, or leave what a system refuses to be done there by hand."""
    with opened(state) as fleet, fleet.writing() as connection:
        swaps.waive(connection, person(by), number, reason, utc_now())
    say(f"Swap {number} goes on without it.")


@swap.command("resume")
def resume(number: Number, reason: Reason, by: By = "", state: State = None) -> None:
    """Try at once what waits for its time."""
    with opened(state) as fleet, fleet.writing() as connection:
        swaps.resume(connection, person(by), number, reason, utc_now())
    say(f"Swap {number} is tried again.")


def _old(connection: Connection, contract: str, position: str, no_old: bool) -> str | None:
    """The unit to take out; None only where that was said.

    Raises UnknownContractError, InvalidPositionError, ConflictError and InvalidError.
    """
    contract_id_of(connection, contract)
    found = swap_consent.holder_of(connection, contract, position)
    if found and no_old:
        raise InvalidError(f"{found} holds {position}, or held it last: leave --no-old out.")
    if found or no_old:
        return found
    held = swap_consent.held_positions(connection, contract).items()
    told = ", ".join(f"{serial} holds {names}" for serial, names in held)
    raise InvalidError(
        f"No unit holds {position} on {contract}; there {told or 'none is in service'}. Name what "
        "is replaced, or add --no-old where no unit is taken out."
    )


class _Told:
    """The lines that `watch` has to print so far; each event once, each need when it changes."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._last_event = 0
        self._todo = Todo.NOTHING

    def take(self, found: SwapWatch) -> None:
        for event in found.view.events:
            if event.id > self._last_event:
                self._last_event = event.id
                self.lines.append(_event_line(event))
        if found.view.todo is not self._todo:
            self._todo = found.view.todo
            self.lines.append(f"{utc_now():%H:%M:%S.%f}"[:-3] + f" TO DO: {_todo(found.view)}")


def _event_line(event: EventView) -> str:
    what = " ".join(filter(None, (event.step, event.target, event.operation)))
    text = f": {event.text}" if event.text else ""
    return f"{event.at:%H:%M:%S.%f}"[:-3] + f" {event.kind:11} {what}{text}"


def _tell_times(found: SwapWatch, now: datetime) -> None:
    for one in found.steps:
        said = one.said or ""
        say(f"  {one.step.value:12} {one.standing.value:11} {_took(one):>10}  {said}".rstrip())
    for debt in found.debts:
        told = f"{debt.ask.operation} since {moment(debt.since_at)}"
        say(f"  owed to {debt.unit.serial_number}: {told}, when it is seen")
    if found.gap:
        length = found.gap.length(now).total_seconds()
        so_far = "" if found.gap.ended_at else " so far"
        say(f"Service gap: {length:.3f} s{so_far}")
    if found.view.approval_to_service_ms is not None:
        say(f"From approval to service: {found.view.approval_to_service_ms / 1000:.3f} s")
    if found.view.ended_at:
        say(f"Ended: {found.view.phase}{f', {found.view.why}' if found.view.why else ''}")


def _took(one: StepProgress) -> str:
    if one.standing in (Standing.TO_COME, Standing.NOT_REACHED, Standing.LEFT_OUT):
        return "-"
    return f"{one.length.total_seconds():.3f} s" if one.length is not None else "-"


def _head(view: SwapView) -> str:
    step = f" at {view.step}" if view.step else ""
    units = f"{view.old_serial or '-'} -> {view.new_serial}"
    return f"{view.contract} {view.position} {units} {view.trigger}: {view.phase}{step}"


def _todo(view: SwapView) -> str:
    if view.todo is Todo.NOTHING:
        return swaps.TO_DO_WORDS[view.todo]
    why = f" ({view.why})" if view.why and view.phase is SwapPhase.PERSON else ""
    return swaps.TO_DO_WORDS[view.todo] + why


def _needs_four_eyes(connection: Connection) -> bool:
    return read_policy(connection).swap_four_eyes
