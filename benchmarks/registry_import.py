"""How many units a second `fleet-server import units` takes over, its start included.

The file is CSV, each row a new set-top box with a MAC address and a supplier's warranty; every row
is checked against the registry and has its entry in the audit log. Reference: a quarter of a
million rows in a minute.
"""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure
from hil_tests.server_process import ServerProcess, free_port

FIGURES = ("import.units_per_s",)
_ROWS = 200_000
_GOAL_PER_S = 250_000 / 60
_HEADER = (
    "serial_number,product_class,manufacturer_oui,model_name,hardware_version,mac_ethernet,"
    "supplier,supplier_warranty_until_on,place\n"
)


def measure() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(Path(folder) / "state", free_port(), free_port())
        server.command("init")
        server.command("demo-data")
        file = Path(folder) / "units.csv"
        write_units(file, _ROWS)
        started = time.monotonic()
        said = server.command("import", "units", str(file), "--reason", "a figure")
        spent_s = time.monotonic() - started
        if f"{_ROWS} added" not in said:
            raise RuntimeError(said)
        yield Figure("import.units_per_s", _ROWS / spent_s, "1/s", _GOAL_PER_S)


def write_units(file: Path, rows: int) -> None:
    with file.open("w") as out:
        out.write(_HEADER)
        for number in range(rows):
            out.write(
                f"B{1_000_000 + number},STB,00256D,STB-40,A0,00256D{number:06X},SUP-EX,"
                "2028-11-26,WH-1\n"
            )
