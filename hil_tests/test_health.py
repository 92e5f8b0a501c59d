"""Health on real parts: from what a modem's hardware says to the row of the server and its page."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from hil_tests.demo_fleet import MODEM
from hil_tests.instance import Instance
from hil_tests.waiting import wait_until

EID = MODEM.spec.endpoint_id
_ONBOARDED_S = 40.0
_TOLD_S = 40.0  # a look every 10 s, and a machine that is busy
_DOWNLOAD_BYTES = 400_000
_VALUE = "SELECT value FROM health_value WHERE endpoint_id = ? AND name = ?"


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    with Instance(tmp_path_factory.mktemp("health") / "state", [MODEM]) as started:
        yield started


@pytest.mark.timeout(180)
def test_a_modem_is_given_a_profile_and_its_levels_reach_the_page_at_once_when_they_are_bad(
    instance: Instance,
) -> None:
    def value(name: str) -> str:
        rows = instance.query(_VALUE, EID, name)
        return str(rows[0][0]) if rows else ""

    wait_until(lambda: value("k.1") == "Operational", _ONBOARDED_S, "the first report")
    assert (value("d.24"), value("n.1"), value("t.2")) == ("2", "385", "44")
    board = instance.boards[MODEM.name]
    board.set_facts("temperatures", sensors=[["soc", 51], ["tuner", 97]])
    wait_until(lambda: value("t.2") == "97", _TOLD_S, "what is too hot")
    page = instance.browser("technician").get(f"/devices/{quote(EID)}")
    assert page.status_code == 200
    row = page.text.split("97</td>")[1].split("</tr>")[0]
    assert "badge offline" in row


class _SpeedHost:
    """An HTTP server that gives one piece of a download, then the rest when it is told to."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", str(_DOWNLOAD_BYTES))
                self.end_headers()
                with suppress(OSError):
                    self.wfile.write(bytes(_DOWNLOAD_BYTES // 2))
                    self.wfile.flush()
                    outer.go_on.wait(_TOLD_S)
                    self.wfile.write(bytes(_DOWNLOAD_BYTES // 2))

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/file"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def speed_host() -> Iterator[_SpeedHost]:
    host = _SpeedHost()
    yield host
    host.close()


def usp(instance: Instance, *words: str) -> None:
    program = str(Path(sys.executable).parent / "usp")
    command = [program, *words, "--state", str(instance.state)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - our own program
    assert done.returncode == 0, done.stdout + done.stderr


def results(instance: Instance) -> list[dict[str, str]]:
    rows = instance.query(
        "SELECT params FROM event WHERE endpoint_id = ? AND name = 'Result!' ORDER BY id", EID
    )
    return [json.loads(row[0]) for row in rows]


@pytest.mark.timeout(180)
def test_a_speed_test_reaches_the_server_once_also_when_the_link_breaks_meanwhile(
    instance: Instance, speed_host: _SpeedHost
) -> None:
    tests = "Device.IP.Diagnostics.X_IPKO-COM_Tests."
    usp(instance, "set", EID, f"{tests}PeakAgreed=true", f"{tests}MinimumDownload=1")
    download = "Device.IP.Diagnostics.DownloadDiagnostics()"
    speed_host.go_on.set()
    usp(instance, "operate", EID, download, f"DownloadURL={speed_host.url}")
    wait_until(lambda: results(instance), _TOLD_S, "the result")
    (good,) = results(instance)
    assert (good["Status"], good["Verdict"]) == ("Complete", "pass")
    assert int(good["Rate"]) > 0 and good["CustomerBytesReceived"] == "0"
    speed_host.go_on.clear()
    usp(instance, "operate", EID, download, f"DownloadURL={speed_host.url}")
    board = instance.boards[MODEM.name]
    board.network("refuse")
    time.sleep(1)
    board.network("plug")
    wait_until(lambda: len(results(instance)) == 2, _TOLD_S, "the result of the broken link")
    assert results(instance)[1]["Status"] == "Error_TransferFailed"
