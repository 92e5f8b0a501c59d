import asyncio
import gc
import json
from binascii import a2b_base64

from agent.compat import MICROPYTHON, memory_bytes
from agent.console.console import Console
from agent.console.parser import Parser
from agent.console.words import LANGUAGES
from agent.core import p256_keys
from agent.core.clock import Clock
from agent.core.events import event_record
from agent.core.journal import Journal
from agent.core.parts import part
from agent.core.provisioning import Provisioning
from agent.core.store import Store
from agent.errors import StorageError
from agent.tests.certificates import certificate
from agent.tests.fakes import FakeBoard, FakeRandom, FakeStorage
from agent.tests.signing import COMMAND_POINT, token
from agent.tests.test_provisioning import base64
from agent.tests.usp_bench import Bench
from agent.wire.frame import decode_frame, encode_frame

EID = "ops::00256D-VOICEMODEM-00000002"
CA = certificate(COMMAND_POINT, "root")


class FakeSession:
    state = "online"
    since_ms = 0
    error = ""


class WornStore(Store):
    def save(self, name, data):
        raise StorageError("replace", name)


class Desk:
    """An agent as the console sees it, and a tool on the other end of the line."""

    endpoint_id = EID

    def __init__(self, lab=False):
        self.board = FakeBoard()
        self.board.lab = lab
        storage = FakeStorage()
        self.store = Store(storage)
        self.journal = Journal(storage, FakeRandom())
        self.clock = Clock(self.store, self.journal)
        self.provisioning = Provisioning(self.store, EID)
        self.session = self.model = None
        self.done = []
        self.line_in_use = ""
        self.console = Parser(self, FakeRandom(4))

    def committed(self):
        self.done.append("provisioned")

    def busy(self):
        return self.line_in_use

    def reboot(self, cause, reason, command_key):
        self.done.append(cause)

    def ask(self, verb, **args):
        """(ok or error, answer) of a tool's line."""
        answer = self.console.answer(encode_frame("9", verb, args).strip())
        ident, word, value = decode_frame(answer)
        assert ident == "9"
        return word, value

    def told(self, verb, **args):
        word, value = self.ask(verb, **args)
        assert word == "ok", value
        return value

    def refused(self, verb, **args):
        word, value = self.ask(verb, **args)
        assert word == "error", value
        assert sorted(value) == ["code", "message", "next"]
        return value["code"]

    def put_into_service(self):
        self.told("new_key")
        point = p256_keys.public_key(self.store.load("new_key"))
        for name, value in (
            ("certificate", base64(certificate(point, EID))),
            ("ca", base64(CA)),
            ("command_key", base64(COMMAND_POINT)),
            ("broker_host", "localhost"),
            ("broker_port", 8883),
            ("controller", "fqdn::fleet.example"),
            ("position", "voice"),
        ):
            assert self.told("install", name=name, value=value) == {}
        assert self.told("commit") == {"state": "provisioned"}


def test_hello_tells_who_the_board_is():
    hello = Desk().told("hello")
    nonce = hello.pop("nonce")
    assert len(nonce) == 32
    assert hello == {
        "protocol": 1,
        "endpoint_id": EID,
        "product_class": "VOICEMODEM",
        "serial_number": "00000002",
        "model_name": "Bench",
        "hardware_version": "1",
        "software_version": "0.1.0",
        "lab": False,
        "state": "blank",
        "verbs": ["hello", "open", "new_key", "install", "commit", "status", "report", "reboot"],
    }


def test_a_board_is_put_into_service_over_the_line():
    desk = Desk()
    desk.put_into_service()
    assert desk.told("hello")["state"] == "provisioned"
    assert desk.provisioning.settings()["broker_port"] == "8883"


def test_new_key_gives_a_certificate_request():
    desk = Desk()
    request = a2b_base64(desk.told("new_key")["csr"])
    assert EID.encode() in request
    assert desk.told("hello")["state"] == "keyed"


def test_a_unit_in_service_answers_little_until_a_token_opened_it():
    desk = Desk()
    desk.put_into_service()
    hello = desk.told("hello")
    assert hello["verbs"] == ["hello", "open", "status", "report"]
    for verb in ("new_key", "install", "commit", "reboot"):
        assert desk.refused(verb) == "closed"
    desk.told("status")
    opening = token(EID, "Console()", hello["nonce"], {}, 0)
    assert desk.told("open", token=opening) == {"open_s": 600}
    desk.told("new_key")
    assert desk.refused("open", token=opening) == "nonce", "good for once"


def test_a_wrong_token_does_not_open_and_uses_up_the_nonce():
    desk = Desk()
    desk.put_into_service()
    nonce = desk.told("hello")["nonce"]
    other = token("ops::00256D-MODEM-00000001", "Console()", nonce, {}, 0)
    assert desk.refused("open", token=other) == "authorisation"
    assert desk.refused("open", token=token(EID, "Console()", nonce, {}, 0)) == "nonce"
    assert desk.refused("new_key") == "closed"


def test_the_opening_ends_by_itself():
    desk = Desk()
    desk.put_into_service()
    opening = token(EID, "Console()", desk.told("hello")["nonce"], {}, 0)
    desk.told("open", token=opening)
    desk.console._commands._open_until_ms -= 600_001
    assert desk.refused("new_key") == "closed"


def test_a_lab_board_is_always_open():
    desk = Desk(lab=True)
    desk.put_into_service()
    desk.told("new_key")
    desk.told("reboot")


def test_a_busy_line_holds_a_restart_back():
    desk = Desk(lab=True)
    desk.line_in_use = "busy: call"
    for verb in ("reboot", "commit"):
        assert desk.refused(verb) == "busy"
    desk.line_in_use = ""
    desk.told("reboot")


def test_what_follows_an_answer_happens_after_it():
    desk = Desk()
    desk.board.typed.extend(encode_frame("1", "reboot", {}))
    heard = []
    desk.reboot = lambda *reason: heard.append(bytes(desk.board.printed))
    run_until(desk, lambda: heard)
    assert decode_frame(heard[0])[1] == "ok"


def test_status_tells_link_journal_and_clock():
    desk = Desk()
    desk.journal.append(b"x")
    status = desk.told("status")
    assert status == {
        "state": "blank",
        "link": "down",
        "since_s": 0,
        "error": "",
        "journal_pending": 1,
        "clock": "0001-01-01T00:00:00Z",
    }
    desk.session = FakeSession()
    assert desk.told("status")["link"] == "online"


def test_wrong_arguments_are_refused():
    desk = Desk()
    assert desk.refused("dance") == "verb"
    assert desk.refused("__init__") == "verb"
    assert desk.refused("install") == "arguments"
    assert desk.refused("install", name="ca", value=[1]) == "arguments"
    assert desk.refused("install", name="ca", value="x", offset="1") == "arguments"
    assert desk.refused("install", name="ca", value="x", offset=-1) == "arguments"
    assert desk.refused("install", name="nothing", value="x") == "name"
    assert desk.refused("commit") == "missing"
    assert desk.refused("open", token="x") == "nonce"


def test_a_garbled_line_is_answered_as_such():
    desk = Desk()
    for line, code in ((b"~1 hello {}*00000000", "crc"), (b"~", "format"), (None, "too long")):
        ident, word, value = decode_frame(desk.console.answer(line))
        assert (ident, word, value["code"]) == ("0", "error", code)


def test_the_board_does_not_talk_to_its_own_echo():
    desk = Desk()
    for said in (b"~1 hello {}*00000000", b"nonsense", b"help", b"status"):
        lines = desk.console.answer(said).split(b"\n")
        for _ in range(3):
            lines = [part for line in lines for part in desk.console.answer(line).split(b"\n")]
        assert [line for line in lines if line.strip()] == []


def test_people_are_answered_in_words():
    desk = Desk()
    assert b"status" in desk.console.answer(b"help")
    assert b"State: blank" in desk.console.answer(b"STATUS ")
    assert EID.encode() in desk.console.answer(b"status")
    assert b"Unknown word" in desk.console.answer(b"dance")
    assert desk.console.answer(b"   ") == b""
    assert desk.console.answer(b"\xff\xfe") == b""


def test_the_language_is_kept_over_a_restart():
    desk = Desk()
    assert b"Gjuha: sq" in desk.console.answer(b"language sq")
    assert b"Gjuha: sq" in desk.console.answer(b"language klingon")
    desk.console = Parser(desk, FakeRandom(5))
    assert "e zbrazët".encode() in desk.console.answer(b"status")
    assert b"Jezik: sr" in desk.console.answer(b"language sr")


def test_every_language_has_the_same_words():
    modules = [part("console.texts_" + language).TEXTS for language in LANGUAGES]
    for texts in modules:
        assert sorted(texts) == sorted(modules[0])
        assert texts["help"].count("%s") == texts["language"].count("%s") - 1


def _docsis(power):
    return {
        "status": "Operational",
        "downstream": [[3, 602000000, 8000000, "QAM256", power, 380, 0, 0, 0]],
        "upstream": [[1, 37000000, 6400000, "ATDMA", 445, 0, 0, "Success"]],
    }


def test_levels_are_shown_with_their_verdicts():
    desk = Desk()
    assert b"nothing to show" in desk.console.answer(b"levels")
    desk.board.known["docsis"] = _docsis(-171)
    assert desk.console.answer(b"levels").decode().split("\r\n") == [
        " Cable: Operational pass",
        " Downstream 3: -17.1 dBmV FAIL, 38.0 dB SNR pass",
        " Upstream 1: 44.5 dBmV pass",
        "",
    ]
    assert desk.told("report", name="levels")["rows"][1] == [
        "downstream_power_dbmv",
        3,
        "-17.1",
        "fail",
    ]


def test_a_long_report_comes_to_a_tool_in_pieces():
    desk = Desk()
    docsis = _docsis(0)
    docsis["downstream"] = [docsis["downstream"][0][:] for n in range(32)]
    for n, channel in enumerate(docsis["downstream"]):
        channel[0] = n + 1
    desk.board.known["docsis"] = docsis
    rows, at = [], 0
    while at is not None:
        answer = desk.told("report", name="levels", **{"from": at})
        rows.extend(answer["rows"])
        at = answer.get("next")
    assert len(rows) == 1 + 2 * 32 + 1
    assert [row[1] for row in rows if row[0] == "downstream_snr_db"] == list(range(1, 33))


def test_the_last_events_are_told_with_whether_they_arrived():
    desk = Desk(lab=True)
    for number in range(12):
        record = event_record("Device.", "Boot!", {}, 1, 1000 * number)
        desk.journal.append(record)
    desk.journal.acknowledge(11)
    rows = desk.told("report", name="events")["rows"]
    assert [row[1] for row in rows] == list(range(3, 13))
    assert [row[3] for row in rows if row[1] in (11, 12)] == ["delivered", "waiting"]
    assert b"started 12: 0001-01-01" in desk.console.answer(b"events")


def test_the_device_tests_itself():
    desk = Desk(lab=True)
    desk.board.known["docsis"] = _docsis(200)
    verdicts = {row[0]: row[3] for row in desk.told("report", name="test")["rows"]}
    assert verdicts["storage"] == verdicts["memory"] == "pass"
    assert verdicts["downstream_power_dbmv"] == "fail"
    assert "downstream_snr_db" not in verdicts, "what is good is not listed"
    desk.store = WornStore(FakeStorage())
    assert desk.told("report", name="test")["rows"][0] == ["storage", 0, "failed", "fail"]


def test_what_the_model_knows_is_reported_as_far_as_the_device_has_it():
    desk = Desk()
    for name in ("card", "voice", "warranty"):
        assert desk.told("report", name=name)["rows"] == [], "nothing before it is in service"
    board = FakeBoard(cause=1)
    board.product_class = "STB"
    desk.board = board
    bench = Bench(board=board)
    desk.model = bench.model
    rows = {row[0]: row for row in desk.told("report", name="warranty")["rows"]}
    assert sorted(rows) == [
        "card_days_left",
        "card_last_covered_day",
        "card_received",
        "unit_days_left",
        "unit_last_covered_day",
        "unit_received",
    ]
    assert rows["unit_received"] == ["unit_received", 0, "unknown", ""]
    assert b"Device received: unknown" in desk.console.answer(b"warranty")
    assert desk.told("report", name="voice")["rows"] == []
    status = {row[0]: row for row in desk.told("report", name="status")["rows"]}
    assert status["service_state"] == ["service_state", 0, "active", "pass"]


def test_a_unit_in_service_tells_a_stranger_nothing_about_its_past():
    desk = Desk()
    desk.put_into_service()
    for name in ("events", "test"):
        assert desk.refused("report", name=name) == "closed"
        assert b"in service" in desk.console.answer(name.encode())
    assert desk.told("report", name="status")["rows"]
    assert desk.refused("report", name="secrets") == "name"
    assert desk.refused("report", name="levels", **{"from": "1"}) == "arguments"


def run_until(desk, condition):
    """Serve the board's line until something happened; return the Console."""
    console = Console(desk, FakeRandom(4))

    async def serve():
        task = asyncio.create_task(console.run())
        for _ in range(5000):
            if condition():
                break
            await asyncio.sleep(0.001)
        task.cancel()
        assert condition()

    asyncio.run(serve())
    return console


def test_bursts_of_garbage_neither_hang_it_nor_grow_its_memory():
    desk = Desk()
    noise = FakeRandom(99)
    for _ in range(60):
        desk.board.typed.extend(noise(500))
    desk.board.typed.extend(b"~" * 5000)
    desk.board.typed.extend(b"\n" + encode_frame("42", "hello", {}))
    gc.collect()
    before = memory_bytes()[1]
    console = run_until(desk, lambda: b"~42 ok" in desk.board.printed)
    assert len(console._splitter._line) < 2048
    gc.collect()
    if MICROPYTHON:
        assert before - memory_bytes()[1] < 40_000, "what it loads, and what it printed"


def test_answers_are_lines_a_tool_can_take():
    desk = Desk()
    for verb in ("hello", "status", "new_key"):
        answer = desk.console.answer(encode_frame("1", verb, {}).strip())
        assert len(answer) <= 2048
        assert answer.count(b"\n") == 1
        json.dumps(decode_frame(answer)[2])
