"""A week in which nothing happens to a supply, hour by hour, and what the agent tells of it.

A week of the mains and a week of a rail, each hour with a seed of its own. What was run is kept in
a file, one JSON object per line, so that a run that was ended goes on where it stopped and says how
many hours it has. Hours of another watch or of other waves do not count:

    python -m hil_tests.supply_week FILE [HOURS]
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from hil_tests.supply_trials import SAMPLERS, Told, false_alarms

HOURS = 168
SEED = 2026
_REPOSITORY = Path(__file__).parents[1]
_CODE = ("agent/core/power_*.py", "hil_tests/waveforms.py", "hil_tests/supply_trials.py")


@dataclass(frozen=True, slots=True)
class Quiet:
    """Hours without an event of one kind of sampler, and what was told all the same."""

    sampler: str
    seed: int
    hours: float
    told: tuple[Told, ...]
    code: str

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str) -> "Quiet":
        values = json.loads(line)
        return cls(**{**values, "told": tuple(Told(**told) for told in values["told"])})


def digest() -> str:
    """What was run: the watch and the waves."""
    files = sorted(file for pattern in _CODE for file in _REPOSITORY.glob(pattern))
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def spend(job: tuple[str, int, float]) -> Quiet:
    """Let the agent watch one seeded stretch."""
    sampler, seed, hours = job
    return Quiet(sampler, seed, hours, tuple(false_alarms(sampler, hours, seed)), digest())


def spent(file: Path) -> list[Quiet]:
    """What the file has of this code; a last line that was cut short counts for nothing."""
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    quiet = [Quiet.from_json(line) for line in lines if line.endswith("\n")]
    return [each for each in quiet if each.code == digest()]


def go_on(file: Path, hours: int = HOURS, samplers: tuple[str, ...] = SAMPLERS) -> Iterator[Quiet]:
    """Run what the file lacks of so many hours of each sampler; yield each hour once it is kept."""
    known = spent(file)
    file.write_text("".join(each.to_json() + "\n" for each in known))
    done = {(each.sampler, each.seed) for each in known}
    jobs = [(sampler, SEED + hour, 1.0) for hour in range(hours) for sampler in samplers]
    left = [job for job in jobs if job[:2] not in done]
    with ProcessPoolExecutor() as pool, file.open("a", buffering=1) as kept:
        for quiet in pool.map(spend, left):
            kept.write(quiet.to_json() + "\n")
            yield quiet


def per_week(quiet: list[Quiet], sampler: str) -> float:
    """Alarms of a sampler in as many hours as a week has."""
    hours = sum(each.hours for each in quiet if each.sampler == sampler)
    return sum(len(each.told) for each in quiet if each.sampler == sampler) * HOURS / hours


def report(quiet: list[Quiet]) -> str:
    """Hours of each sampler, and every alarm with what repeats it."""
    lines = []
    for sampler in SAMPLERS:
        mine = [each for each in quiet if each.sampler == sampler]
        alarms = [f"seed {each.seed}: {told}" for each in mine for told in each.told]
        hours = sum(each.hours for each in mine)
        lines.append(f"{sampler}: {hours:g} of {HOURS} hours, {len(alarms)} told without cause")
        lines += alarms
    return "\n".join(lines)


def main(words: list[str]) -> int:
    if not words:
        sys.stdout.write(__doc__ or "")
        return 2
    file = Path(words[0])
    for quiet in go_on(file, int(words[1]) if words[1:] else HOURS):
        if quiet.told:
            sys.stdout.write(f"{quiet}\n")
    sys.stdout.write(report(spent(file)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
