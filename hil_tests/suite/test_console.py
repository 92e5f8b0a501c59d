"""Who the board is, how it is, and that nothing said to it takes its console away."""

import random
import time

import pytest

from firmware_tools.errors import DeviceRefusedError
from hil_tests.lab.bench_board import PROVISIONED, BenchBoard
from hil_tests.waiting import wait_until

_GARBAGE_BYTES = 4096
_FACTS_OF_STATUS = {"endpoint_id", "state", "link", "journal_pending", "clock"}


def test_identity(board: BenchBoard) -> None:
    """The board says who it is, and says the same each time."""
    identity = board.hello()
    assert identity.endpoint_id.startswith("ops::")
    assert identity.endpoint_id.endswith(f"-{identity.product_class}-{identity.serial_number}")
    assert len(identity.endpoint_id.removeprefix("ops::").split("-")[0]) == 6
    assert identity.hardware_version
    assert identity.software_version
    again = board.hello()
    assert again.nonce != identity.nonce
    assert again.endpoint_id == identity.endpoint_id


def test_status(board: BenchBoard) -> None:
    """The status has all that a technician needs, for people and for tools."""
    status = board.device.status()
    assert status["state"] == PROVISIONED
    assert status["link"] in ("down", "connecting", "online")
    rows = {row.key: row for row in board.report("status")}
    assert set(rows) >= _FACTS_OF_STATUS
    assert rows["endpoint_id"].value == board.hello().endpoint_id


@pytest.mark.needs("supply")
def test_supply_is_nominal(board: BenchBoard) -> None:
    """The board measures its supply, and it is within a tenth of nominal."""
    (supply,) = (row for row in board.report("status") if row.key == "supply_v")
    assert supply.verdict == "pass", supply.value


@pytest.mark.needs("open_console")
def test_self_test(board: BenchBoard) -> None:
    """Storage and memory pass the board's own test."""
    verdicts = {row.key: row.verdict for row in board.report("test")}
    assert verdicts["storage"] == verdicts["memory"] == "pass", verdicts


@pytest.mark.needs("cable")
def test_levels(board: BenchBoard) -> None:
    """Every channel of the cable has a level with a verdict."""
    levels = [row for row in board.report("levels") if row.number]
    assert {row.key.split("_")[0] for row in levels} == {"downstream", "upstream"}
    assert all(row.verdict in ("pass", "fail") for row in levels)


def test_garbage_at_line_speed(board: BenchBoard) -> None:
    """Random bytes, all at once, do not take the console away."""
    noise = random.Random(board.name)  # noqa: S311 - repeatable, not secret
    for _ in range(3):
        board.send(noise.randbytes(_GARBAGE_BYTES))
        board.hello()


def test_a_line_without_end(board: BenchBoard) -> None:
    """A line longer than any buffer, and half a request, are forgotten."""
    board.send(b"x" * _GARBAGE_BYTES)
    board.hello()
    board.send(b'~77 install {"name":"certificate","value":"')
    board.hello()


def test_wrong_requests_are_refused(board: BenchBoard) -> None:
    """What the console does not know is refused with a reason, and nothing restarts."""
    for verb, name in (("fly", ""), ("report", "weather"), ("report", "")):
        with pytest.raises(DeviceRefusedError):
            board.ask(verb, {"name": name})
    assert board.hello().state == PROVISIONED


def test_a_person_gets_plain_words(board: BenchBoard) -> None:
    """The word `status` is answered in words on the same line."""
    began = time.time()
    board.send(b"status\n")
    endpoint_id = board.hello().endpoint_id
    wait_until(
        lambda: any(endpoint_id in said for said in board.said_since(began)), 10, "an answer"
    )


def test_the_port_may_be_closed_and_opened(board: BenchBoard) -> None:
    """Tools come and go; the board does not mind."""
    for _ in range(3):
        board.close()
        assert board.hello().state == PROVISIONED
