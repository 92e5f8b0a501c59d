"""`bench`: acts on the simulated boards that `make run` has started, and checks reports of labs.

The board comes last and may be left out: power, supply and network then mean the voice modem, the
card the set-top box.
"""

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from hil_tests.columns import print_columns
from hil_tests.errors import BenchError
from hil_tests.simulated_board.control import (
    DEFAULT_ADDRESS,
    DEFAULT_HOLD_UP_MS,
    Answer,
    BoardControl,
)

app = typer.Typer(
    help="Act on a running simulated board.", no_args_is_help=True, add_completion=False
)

DEFAULT_BOARD = "voicemodem"
DEFAULT_CARD_BOARD = "stb"
DEFAULT_SAMPLER_BOARD = "modem"

State = Annotated[Path, typer.Option(envvar="STATE", help="State folder that `make run` uses.")]
Board = Annotated[str, typer.Argument(help="Name of the board, as `bench boards` lists it.")]
DEFAULT_STATE = Path("state")


class PowerAction(StrEnum):
    CUT = "cut"
    RESTORE = "restore"


class CardAction(StrEnum):
    INSERT = "insert"
    REMOVE = "remove"
    REFRESH = "refresh"


class CardKind(StrEnum):
    GOOD = "good"
    OTHER = "other"
    NOT_ENTITLED = "not-entitled"
    WRONG_PAIRING = "wrong-pairing"
    MUTE = "mute"
    UNKNOWN = "unknown"


class BatteryAction(StrEnum):
    FIT = "fit"
    REMOVE = "remove"


class PhoneAction(StrEnum):
    LIFT = "lift"
    HANG_UP = "hang-up"
    CALL = "call"


class WaveKind(StrEnum):
    DIP = "dip"
    SWELL = "swell"
    INTERRUPTION = "interruption"
    TRANSIENT = "transient"


class NetworkAction(StrEnum):
    UNPLUG = "unplug"
    PLUG = "plug"


@app.command()
def power(
    action: PowerAction,
    board: Board = DEFAULT_BOARD,
    hold_up: Annotated[
        float, typer.Option(min=0, help="Milliseconds between the signal and the end.")
    ] = DEFAULT_HOLD_UP_MS,
    state: State = DEFAULT_STATE,
) -> None:
    """Cut the power: signal, hold-up time, dark link, dead machine. Or restore it.

    A charged battery carries the board; cutting once more is the end of the battery.
    """
    control = find_board(state, board)
    if action is PowerAction.CUT:
        answer = act(board, "power cut", lambda: control.power_cut(hold_up))
        if answer["carried"]:
            typer.echo(f"{board}: goes on, on its battery; cut again for the battery's end")
    else:
        act(board, "power restored", control.power_restore)


@app.command()
def supply(
    volts: Annotated[float, typer.Argument(min=0, help="Voltage of the supply, 230 on the mains.")],
    board: Board = DEFAULT_BOARD,
    for_ms: Annotated[
        float | None,
        typer.Option("--for", min=0, help="Milliseconds, then nominal again; else for good."),
    ] = None,
    state: State = DEFAULT_STATE,
) -> None:
    """Set the supply voltage: a dip, a swell, a slow brown-out."""
    control = find_board(state, board)
    act(board, f"supply at {volts:g} V", lambda: control.supply(volts, for_ms))


@app.command()
def wave(
    kind: WaveKind,
    percent: Annotated[
        float, typer.Argument(help="Of nominal: what is left, or reached; of a transient its crest")
    ],
    board: Board = DEFAULT_SAMPLER_BOARD,
    for_ms: Annotated[float, typer.Option("--for", min=0, help="Milliseconds.")] = 100,
    seed: Annotated[int, typer.Option(help="Another noise, another moment of the wave.")] = 1,
    state: State = DEFAULT_STATE,
) -> None:
    """Play a wave to a board that samples its supply."""
    control = find_board(state, board)
    said = f"{kind.value} to {percent:g} %"
    act(board, said, lambda: control.wave(kind.value, percent, for_ms, seed))


@app.command()
def card(
    action: CardAction,
    board: Board = DEFAULT_CARD_BOARD,
    kind: Annotated[
        CardKind | None, typer.Option(help="Which card; else the one that was in last.")
    ] = None,
    state: State = DEFAULT_STATE,
) -> None:
    """Insert a smart card or remove it, or broadcast the entitlements of the one that is in."""
    control = find_board(state, board)
    if action is CardAction.REFRESH:
        act(board, "card refreshed", control.refresh_card)
        return
    what = f"{kind} card" if kind and action is CardAction.INSERT else "card"
    act(board, f"{what} {action}", lambda: control.card(action is CardAction.INSERT, kind))


@app.command()
def battery(
    action: BatteryAction, board: Board = DEFAULT_BOARD, state: State = DEFAULT_STATE
) -> None:
    """Fit a full battery into a voice modem, or take it out; `set battery` changes it."""
    control = find_board(state, board)
    act(board, f"battery {action}", lambda: control.battery(action is BatteryAction.FIT))


@app.command()
def phone(
    action: PhoneAction,
    number: Annotated[str, typer.Argument(help="For `call`: a made-up number, or 112.")] = "",
    board: Annotated[str, typer.Option(help="Name of the board.")] = DEFAULT_BOARD,
    state: State = DEFAULT_STATE,
) -> None:
    """Use the telephone of a voice modem: lift it, call a number that answers, hang up."""
    if (action is PhoneAction.CALL) != bool(number):
        stop("`call` needs a number, the other words take none")
    control = find_board(state, board)
    lifted = action is not PhoneAction.HANG_UP
    act(board, f"telephone {action} {number}".strip(), lambda: control.phone(lifted, number))


@app.command()
def network(
    action: NetworkAction, board: Board = DEFAULT_BOARD, state: State = DEFAULT_STATE
) -> None:
    """Unplug the network (bytes stop, no connection is closed) or plug it in again."""
    control = find_board(state, board)
    act(board, f"network {action}", lambda: control.network(action.value))


@app.command()
def visit(
    host: Annotated[str, typer.Argument(help="Host name that the customer asks for.")],
    board: Board = DEFAULT_BOARD,
    address: Annotated[str, typer.Option(help="Address the name has now.")] = DEFAULT_ADDRESS,
    state: State = DEFAULT_STATE,
) -> None:
    """Have the board's customer go to a host, through the board's filter."""
    control = find_board(state, board)
    reached = control.visit(host, address)
    typer.echo(f"{board}: {host} {'is reached' if reached else 'is held back'}")


@app.command()
def dial(
    number: Annotated[str, typer.Argument(help="Number that the customer dials.")],
    board: Board = DEFAULT_BOARD,
    state: State = DEFAULT_STATE,
) -> None:
    """Have the board's customer dial a number; a service that is not active bars most."""
    control = find_board(state, board)
    typer.echo(f"{board}: {number} {'goes out' if control.dial(number) else 'is barred'}")


@app.command("set")
def set_facts(
    subject: Annotated[str, typer.Argument(help="Such as voice or battery; see board-facts.md.")],
    values: Annotated[list[str], typer.Argument(help="KEY=VALUE, the value a text or JSON.")],
    board: Annotated[str, typer.Option(help="Name of the board.")] = DEFAULT_BOARD,
    state: State = DEFAULT_STATE,
) -> None:
    """Change what the board's hardware reports about a subject."""
    changes = dict(parse_value(value) for value in values)
    control = find_board(state, board)
    said = ", ".join(f"{key} {value}" for key, value in changes.items())
    act(board, f"{subject}: {said}", lambda: control.set_facts(subject, **changes))


@app.command("verify-report")
def verify_report(
    folder: Annotated[Path, typer.Argument(help="Folder of the report, as `make hil` names it.")],
    public_key: Annotated[
        Path | None, typer.Option(help="The lab's public key (PEM), had from the lab itself.")
    ] = None,
) -> None:
    """Check that a signed report of the bench is unchanged, and by whose key it is signed."""
    from hil_tests.lab.evidence import fingerprint, verify

    try:
        manifest = verify(folder, public_key)
    except BenchError as error:
        stop(str(error))
    results = [result["outcome"] for result in manifest["results"]]
    counts = ", ".join(f"{results.count(o)} {o}" for o in ("passed", "failed", "skipped"))
    typer.echo(f"{folder}: unchanged since {manifest['ended_at']}; {counts}")
    typer.echo(f"signed by the {manifest['key']}, SHA-256 {fingerprint(folder)[:32]}")
    for board in manifest["boards"]:
        words = ("hardware_version", "software_version", "build_digest")
        told = ", ".join(f"{word} {board[word][:16]}" for word in words)
        typer.echo(f"{board['name']}: {board['endpoint_id']}, {told}")


@app.command()
def boards(state: State = DEFAULT_STATE) -> None:
    """List the boards and what state each is in."""
    rows = [("board", "power", "network", "supply", "card", "endpoint", "serial port")]
    for name in board_names(state):
        control = BoardControl(state, name)
        try:
            answer = control.state()
            rows.append((name, *describe(answer), answer["serial_port"]))
        except BenchError:
            rows.append((name, "not running", "", "", "", "", str(control.serial_port)))
    print_columns(Console(highlight=False), rows)


def describe(answer: Answer) -> tuple[str, str, str, str, str]:
    card_state = {None: "no slot", True: "inserted", False: "removed"}[answer["card"]]
    power_state = "on" if answer["powered"] else "off"
    rail = f"{answer['supply_mv'] / 1000:g} V"
    return power_state, answer["network"], rail, card_state, answer["endpoint_id"]


def parse_value(word: str) -> tuple[str, Any]:
    """Key and value of `KEY=VALUE`; a value that is no JSON is a text."""
    key, sign, text = word.partition("=")
    if not sign or not key:
        stop(f"{word!r} is not KEY=VALUE")
    try:
        return key, json.loads(text)
    except ValueError:
        return key, text


def board_names(state: Path) -> list[str]:
    return sorted(folder.name for folder in (state / "boards").glob("*") if folder.is_dir())


def find_board(state: Path, name: str) -> BoardControl:
    known = board_names(state)
    if not known:
        stop(f"no boards under {state}: start them with `make run`, or name the folder by --state")
    if name not in known:
        stop(f"no board is called {name}; there are {', '.join(known)}")
    return BoardControl(state, name)


def act(board: str, what: str, action: Callable[[], Answer]) -> Answer:
    try:
        answer = action()
    except BenchError as error:
        stop(str(error))
    typer.echo(f"{board}: {what}")
    return answer


def stop(reason: str) -> NoReturn:
    typer.echo(f"bench: {reason}", err=True)
    raise typer.Exit(1)


def main() -> None:
    app()
