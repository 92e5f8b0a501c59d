"""Power that goes and comes back, supply that dips, and a card that is taken out."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from agent.wire.codes import CARD_INSERTED_EVENT, CARD_REMOVED_EVENT
from hil_tests.lab.bench_board import PROVISIONED, BenchBoard

_GASP_READY_S = 0.5  # the record of a power loss is made anew once the board has settled
_DARK_S = 1.0
_DIP_MS = 600.0
_DIP_PERCENT = 70
_SWELL_PERCENT = 120


@pytest.mark.needs("power", "open_console")
def test_power_cut(board: BenchBoard) -> None:
    """After a cut the board comes back provisioned, and its journal tells of it in order."""
    last = board.last_sequence()
    time.sleep(_GASP_READY_S)
    board.cut_power()
    time.sleep(_DARK_S)
    assert board.restore_power().state == PROVISIONED
    wanted = {"PowerRestored!", "Boot!"}
    if "power_fail" in board.spec.features:
        wanted.add("PowerLoss!")
    events = board.wait_for_events(last, wanted)
    order = [name for _, name in sorted(events.items()) if name in wanted]
    assert order == [name for name in ("PowerLoss!", "PowerRestored!", "Boot!") if name in wanted]


@pytest.mark.needs("power", "open_console")
def test_power_cuts_in_a_row(board: BenchBoard) -> None:
    """Three cuts, the power back for a moment only: no event is lost, each start is told."""
    before = board.events()
    for _ in range(3):
        board.cut_power(0)
        board.restore_power()
    last = max(before, default=0)
    events = board.wait_for_events(last, {"Boot!"})
    assert sum(name == "Boot!" for name in events.values()) == 3, events
    numbers = sorted(board.events())
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


@pytest.mark.needs("supply", "supply_control", "open_console")
@pytest.mark.parametrize(
    ("percent", "event"), [(_DIP_PERCENT, "Dip!"), (_SWELL_PERCENT, "Swell!")], ids=["dip", "swell"]
)
def test_supply(board: BenchBoard, percent: int, event: str) -> None:
    """A supply below nine tenths is a dip, above eleven tenths a swell; one event, no restart."""
    assert board.supply is not None
    last = board.last_sequence()
    nominal_mv = board.spec.supply_nominal_mv
    wanted_mv = nominal_mv * percent // 100
    read = []
    with ThreadPoolExecutor(1) as bench:
        over = bench.submit(board.supply.dip, wanted_mv, _DIP_MS, nominal_mv)
        while not over.done():
            read += [float(r.value) for r in board.report("status") if r.key == "supply_v"]
        over.result()
    assert any(abs(volts * 1000 - wanted_mv) <= nominal_mv / 50 for volts in read), read
    events = board.wait_for_events(last, {event})
    assert [name for name in events.values() if name != "PowerLoss!"] == [event]


@pytest.mark.needs("card", "card_control", "open_console")
def test_card(board: BenchBoard) -> None:
    """A card that is taken out and put back is told of, and the board goes on."""
    assert board.card is not None
    last = board.last_sequence()
    board.card.put(False)
    board.wait_for_events(last, {CARD_REMOVED_EVENT})
    board.card.put(True)
    board.wait_for_events(last, {CARD_REMOVED_EVENT, CARD_INSERTED_EVENT})
    assert board.hello().state == PROVISIONED
