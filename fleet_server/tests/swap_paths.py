"""Where replacements of the bench are brought to, and how they are found to have ended."""

from __future__ import annotations

from agent.wire import replacement as parts
from agent.wire.codes import CARD_RUNNING
from fleet_server.tests.service_desk import CARD, MAC, VOICE_MODEM
from fleet_server.tests.swap_bench import NEW, NEW_MAC, NEW_MODEM, NEW_STB, OLD, SwapBench


def new_serves(bench: SwapBench) -> None:
    assert bench.serving() == {NEW_MAC}
    assert bench.line_is_at() == NEW_MAC
    assert bench.holders("internet") == bench.holders("voice") == [NEW]
    assert bench.units[NEW_MODEM].part == parts.ADOPTED


def old_serves(bench: SwapBench, new: str = "in_stock") -> None:
    assert bench.serving() == {MAC}
    assert bench.line_is_at() == MAC
    assert bench.holders("internet") == bench.holders("voice") == [OLD]
    assert bench.desk.state_of(NEW) == new


def change_cable(bench: SwapBench) -> None:
    """One outlet: the technician takes the cable from the old unit to the new one."""
    bench.connect(VOICE_MODEM, online=False)
    bench.connect(NEW_MODEM)


def move_card(bench: SwapBench, state: str = CARD_RUNNING) -> None:
    """The customer puts his card into the new box, which reads it."""
    bench.card_in_box(state, CARD, NEW_STB)
    bench.later(minutes=1)
    bench.run()


def until(bench: SwapBench, swap_id: int, step: str) -> None:
    for _ in range(100):
        if bench.view(swap_id).step == step:
            return
        bench.turn()
    raise AssertionError(f"never at {step}, but {bench.view(swap_id)}")
