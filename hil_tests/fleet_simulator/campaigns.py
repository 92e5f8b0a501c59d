"""Swap campaigns as fleet operations runs them over HTTP: planned by one, approved by another."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hil_tests.errors import BenchError
from hil_tests.fleet_simulator.office import Office
from hil_tests.fleet_simulator.plan import WAREHOUSE, UnitPlan

OPEN = ("waiting", "deferred", "started", "running")
_NO_LIMITS = {"per_minute": 60_000, "at_once": 5_000, "max_failed_percent": 100}
_MOST_IN_ONE = 1_000
_CANARY_OF = 50
_CANARY = {"percent": 10, "soak_minutes": 0, "ended_percent": 50, "success_percent": 0}
_REASON = {"reason": "simulated swap campaign"}
_ANSWER = "swap_answer_minutes"


@dataclass(slots=True)
class Campaign:
    """One running campaign; whoever looks at it checks its sums."""

    office: Office
    id: int
    units: int
    looks: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def path(self) -> str:
        return f"/campaigns/{self.id}"

    def look(self) -> tuple[str, Counter[str]]:
        """Its state, and how many units are in each of theirs."""
        view = self.office.call("GET", self.path)
        counts: Counter[str] = Counter()
        for count in view["counts"]:
            counts[count["state"]] += count["units"]
        self.looks += 1
        if not counts.total() == view["units"] == self.units:
            self.wrong.append(f"campaign {self.id}: {dict(counts)} of {self.units} units")
        return str(view["state"]), counts

    def items(self) -> list[dict[str, Any]]:
        return list(self.office.rows(f"{self.path}/items"))

    def call_off(self) -> None:
        """What has not come to its end goes back."""
        self.office.call("POST", f"{self.path}/abort", _REASON)


def begin(planner: Office, approver: Office, product_class: str, serials: list[str]) -> Campaign:
    """A campaign that replaces these units by posted ones of their model. Raises BenchError when
    any of them is left out."""
    made = planner.call("POST", "/campaigns", _body(product_class, serials))
    path = f"/campaigns/{made['id']}"
    planned = planner.call("POST", f"{path}/plan")
    out = [count for count in planned["counts"] if count["state"] == "excluded"]
    if out or planned["units"] != len(serials):
        raise BenchError(f"{path} has {planned['units']} of {len(serials)} units; left out: {out}")
    approver.call("POST", f"{path}/approval", {"revision": planned["revision"], **_REASON})
    planner.call("POST", f"{path}/start")
    return Campaign(planner, int(made["id"]), len(serials))


def consent(dispatcher: Office, units: Iterable[UnitPlan]) -> None:
    """Each customer agrees to the replacement of a faulty unit [7.1.7]."""
    planned_at = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for unit in units:
        position = unit.position.split("+")[0]
        plan = {"position": position, "ground": "faulty", "planned_at": planned_at, **_REASON}
        made = dispatcher.call("POST", f"/contracts/{unit.contract}/swaps", plan)
        dispatcher.call("PUT", f"/swaps/{made['id']}/consent")


def resume(planner: Office) -> list[str]:
    """A person looks at each replacement that asks for one, and lets it go on; gives why."""
    asked = list(planner.rows("/replacements", phase="person"))
    for view in asked:
        planner.call("POST", f"/replacements/{view['id']}/resumption", _REASON)
    return [f"{view['step']}: {view['why']}" for view in asked]


def replacements(planner: Office) -> dict[str, dict[str, Any]]:
    """The newest replacement of each contract."""
    found: dict[str, dict[str, Any]] = {}
    for view in planner.rows("/replacements"):
        found.setdefault(view["contract"], view)
    return found


@contextmanager
def short_patience(administrator: Office) -> Iterator[None]:
    """Meanwhile a unit that does not answer is passed over after a minute."""
    path = f"/policy/{_ANSWER}"
    before = administrator.call("GET", path)["value"]
    administrator.call("PUT", path, {"value": "1", **_REASON})
    try:
        yield
    finally:
        administrator.call("PUT", path, {"value": before, **_REASON})


def _body(product_class: str, serials: list[str]) -> dict[str, Any]:
    named = [
        {"field": "serial_number", "in": serials[at : at + _MOST_IN_ONE]}
        for at in range(0, len(serials), _MOST_IN_ONE)
    ]
    model = f"SIM-{product_class}"
    return {
        "name": f"Simulated swap of {model}",
        "selection": {"any": named},
        "plan": {
            "action": {"kind": "swap", "model_name": model, "place": WAREHOUSE, "way": "posted"},
            "waves": [_CANARY, {}] if len(serials) >= _CANARY_OF else [{}],
            "limits": _NO_LIMITS,
        },
        **_REASON,
    }
