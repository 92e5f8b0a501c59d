"""One measured figure and where its record goes."""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True, slots=True)
class Figure:
    """A value beside what it is compared with: the goal, or a baseline from the same run."""

    name: str
    value: float
    unit: str
    reference: float

    @property
    def ratio(self) -> float:
        return self.value / self.reference

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "ratio": round(self.ratio, 4)})

    def save(self, folder: Path = RESULTS) -> Path:
        """Write the record to `<folder>/<name>.json` and return that path."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        path.write_text(self.to_json() + "\n")
        return path


def percentile(values: list[float], share: float) -> float:
    """The smallest value that at least `share` (0 to 1) of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]
