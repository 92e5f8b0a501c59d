"""How long after the power-fail signal a power loss is stored, and shown on the device page.

Twenty cuts of the voice modem. The page asks once a second, at moments that have nothing to do
with the cut, as an open browser does. References are the goals: 2 s to the page, 0.2 s to the
database.
"""

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure, percentile
from hil_tests.demo_fleet import VOICEMODEM
from hil_tests.instance import Instance
from hil_tests.power_cut import PAGE_POLL_S, PowerCutWatch

FIGURES = (
    "power_loss.to_page_ms.p50",
    "power_loss.to_page_ms.p99",
    "power_loss.to_stored_ms.p50",
    "power_loss.to_stored_ms.p99",
)
CUTS = 20
SEED = 1
HOLD_UP_MS = 50
GOAL_PAGE_MS = 2000.0
GOAL_STORED_MS = 200.0


def measure() -> Iterator[Figure]:
    to_page_ms, to_stored_ms = [], []
    chance = random.Random(SEED)  # noqa: S311 - spreads the cuts over the polling interval
    with (
        tempfile.TemporaryDirectory() as folder,
        Instance(Path(folder) / "state", [VOICEMODEM]) as instance,
    ):
        watch = PowerCutWatch(instance, VOICEMODEM.name)
        for _ in range(CUTS):
            phase_s = chance.random() * PAGE_POLL_S
            shown = watch.cut(HOLD_UP_MS, chance.uniform(2, 4), phase_s)
            if shown.to_page_s is None or shown.stored_s is None:
                raise RuntimeError("the board gave no power-fail signal")
            to_page_ms.append(shown.to_page_s * 1000)
            to_stored_ms.append(shown.stored_s * 1000)
    for share, name in ((0.5, "p50"), (0.99, "p99")):
        page_ms, stored_ms = percentile(to_page_ms, share), percentile(to_stored_ms, share)
        yield Figure(f"power_loss.to_page_ms.{name}", page_ms, "ms", GOAL_PAGE_MS)
        yield Figure(f"power_loss.to_stored_ms.{name}", stored_ms, "ms", GOAL_STORED_MS)
