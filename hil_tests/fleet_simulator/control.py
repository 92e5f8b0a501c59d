"""What a simulated fleet can be told, one JSON object a line, and what it answers.

`{"do": "cut", "place": "SIM-N0", "gasp_share": 0.9}` is answered `{"ok": true, ...}`, or
`{"ok": false, "why": "..."}` when it cannot be done. Every word but `do` may be left out.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from hil_tests.errors import BenchError
from hil_tests.fleet_simulator import ledger
from hil_tests.fleet_simulator.fleet import Fleet
from hil_tests.fleet_simulator.household import SHARES, Fault
from hil_tests.fleet_simulator.site import Site
from hil_tests.fleet_simulator.swap_campaign import SwapCampaign

Words = dict[str, Any]
_TIMEOUT_S = 60.0
_LONGEST_LINE = 65_536


class Control:
    """Carries out what a fleet is told."""

    def __init__(self, site: Site, fleet: Fleet) -> None:
        self._site = site
        self._fleet = fleet
        self._deeds: dict[str, Callable[[Words], Awaitable[Words]]] = {
            "on": self._on,
            "cut": self._cut,
            "surge": self._surge,
            "online": self._online,
            "confirmed": self._confirmed,
            "figures": self._figures,
            "check": self._check,
            "swap": self._swap,
        }

    async def perform(self, words: Words) -> Words:
        """Raises BenchError when it cannot be done."""
        deed = self._deeds.get(str(words.get("do")))
        if deed is None:
            raise BenchError(f"no such word: {words.get('do')}; there are {', '.join(self._deeds)}")
        return await deed(words)

    async def serve(self) -> None:
        """Do what the lines of standard input ask, until it ends."""
        reader = asyncio.StreamReader(_LONGEST_LINE)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            sys.stdout.write(json.dumps(await self._answer(line)) + "\n")
            sys.stdout.flush()

    async def _answer(self, line: bytes) -> Words:
        try:
            return {"ok": True, **await self.perform(json.loads(line))}
        except (BenchError, ValueError, TypeError) as error:
            return {"ok": False, "why": str(error)}

    async def _on(self, words: Words) -> Words:
        units = self._fleet.at(words.get("place", ""))
        await self._fleet.power_on(units, float(words.get("within_s", 1.0)))
        return {"units": len(units)}

    async def _cut(self, words: Words) -> Words:
        units = self._fleet.at(words.get("place", ""), float(words.get("share", 1.0)))
        await self._fleet.cut_power(units, float(words.get("gasp_share", 1.0)))
        return {"units": len(units)}

    async def _surge(self, words: Words) -> Words:
        units = self._fleet.at(words.get("place", ""))
        each = int(words.get("each", 1))
        await self._fleet.surges(units, each, float(words.get("within_s", 1.0)))
        return {"units": len(units), "surges": each * len(units)}

    async def _online(self, words: Words) -> Words:
        units = self._fleet.at(words.get("place", ""))
        await self._fleet.until_online(units, float(words.get("timeout_s", _TIMEOUT_S)))
        return {"units": len(units)}

    async def _confirmed(self, words: Words) -> Words:
        await self._fleet.until_confirmed(float(words.get("timeout_s", _TIMEOUT_S)))
        return {}

    async def _figures(self, words: Words) -> Words:
        return {**asdict(self._fleet.figures()), "faults": self._fleet.tally.failures[:10]}

    async def _check(self, words: Words) -> Words:
        found = await asyncio.to_thread(ledger.stored, self._site.state / "fleet.db")
        wrong = ledger.differences(self._fleet.recorded(), found)
        return {"wrong": wrong[:20], "count": len(wrong)}

    async def _swap(self, words: Words) -> Words:
        kinds = [Fault(name) for name in words.get("faults", SHARES)]
        post_s = float(words.get("within_s", 1.0))
        return asdict(await SwapCampaign(self._site, self._fleet, kinds, post_s).run())
