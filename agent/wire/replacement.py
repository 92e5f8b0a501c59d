"""The part a unit has in a replacement, and what each command makes of it.

SPARE: serves nobody. ADOPTED: serves, and may still go back to spare. ACTIVE: serves. HELD: serves
nobody, and may still serve again. FENCED: serves nobody for ever; its secrets are wiped.

A unit that was adopted in one swap counts as active for every other: that swap has ended.

A command that was done already is done again without effect, so that whoever lost the answer may
ask once more. HOLD and FENCE are the two uses of Fence(), without and with its argument Final; see
docs/developer/replacement.md.
"""

SPARE = "spare"
ADOPTED = "adopted"
ACTIVE = "active"
HELD = "held"
FENCED = "fenced"
PARTS = (SPARE, ADOPTED, ACTIVE, HELD, FENCED)
SERVING = (ADOPTED, ACTIVE)

PREPARE = "prepare"
ADOPT = "adopt"
HOLD = "hold"
FENCE = "fence"
ROLLBACK = "rollback"

# A unit that is put into service for no contract yet has this for its position: it is spare.
SPARE_POSITION = "spare"

_AFTER = {
    PREPARE: {SPARE: SPARE, ADOPTED: ADOPTED, ACTIVE: ACTIVE, HELD: HELD},
    ADOPT: {SPARE: ADOPTED, ADOPTED: ADOPTED},
    HOLD: {ADOPTED: HELD, ACTIVE: HELD, HELD: HELD},
    FENCE: {SPARE: FENCED, ADOPTED: FENCED, ACTIVE: FENCED, HELD: FENCED, FENCED: FENCED},
    ROLLBACK: {SPARE: SPARE, ADOPTED: SPARE, ACTIVE: ACTIVE, HELD: ACTIVE},
}


def after(part: str, command: str) -> str | None:
    """The part after a command, None when the command is refused from `part`."""
    return _AFTER[command].get(part)


def part_in(part: str, own_swap: str, swap: str) -> str:
    """The part that a command of `swap` finds, where the unit last took part in `own_swap`."""
    return ACTIVE if part == ADOPTED and own_swap != swap else part
