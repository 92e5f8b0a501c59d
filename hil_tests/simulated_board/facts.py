"""What the hardware of a simulated board reports when it starts: made-up, plausible values.

Subjects and keys stand in docs/developer/board-facts.md.
"""

from typing import Any

from hil_tests.simulated_board.spec import BoardSpec

_ALL: dict[str, dict[str, Any]] = {"traffic": {"rx_bytes": 0, "tx_bytes": 0}}
_OF_CLASS: dict[str, dict[str, dict[str, Any]]] = {"MODEM": {}, "VOICEMODEM": {}, "STB": {}}


def first_facts(spec: BoardSpec) -> dict[str, dict[str, Any]]:
    """The facts of the board's product class, with those the spec changes."""
    facts = {**_ALL, **_OF_CLASS.get(spec.product_class, {})}
    return {
        subject: {**facts.get(subject, {}), **spec.facts.get(subject, {})}
        for subject in sorted({*facts, *spec.facts})
    }
