"""The session on both Pythons against a real broker with TLS on both sides."""

import contextlib
import os
import queue
import subprocess
import sys
import threading
import time

import paho.mqtt.client as paho
import pytest

from agent.tests import run_micropython
from agent.tests.broker_cpython import (
    CONTROLLER,
    Authority,
    Broker,
    certificate_der,
    key_der,
    mosquitto,
    write_pem,
)
from agent.tests.session_probe import BIG

EID = "ops::00256D-MODEM-00000001"
TO_AGENT = "usp/a/" + EID
TO_CONTROLLER = f"usp/c/{CONTROLLER}/{EID}"
DEADLINE_S = 20
_PROGRAM = "import sys\nfrom agent.tests.session_probe import main\nmain(sys.argv[1:])"

RUNTIMES = {"cpython": sys.executable, "micropython": run_micropython.virtual_machine()}

pytestmark = pytest.mark.skipif(mosquitto() is None, reason="mosquitto is not installed")


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def folder(tmp_path, authority):
    """What a board holds: its own certificate and key, and the CA."""
    keep_identity(tmp_path, authority, authority)
    return tmp_path


@pytest.fixture(params=RUNTIMES)
def probe(request, folder):
    """A function that starts the session program on one of the Pythons."""
    program = RUNTIMES[request.param]
    if program is None:
        pytest.skip("no MicroPython VM here")
    with contextlib.ExitStack() as stack:
        yield lambda port: stack.enter_context(Probe(program, folder, port))


class Probe:
    """The program session_probe: `wait_for` a line, as it prints one for each state."""

    def __init__(self, program, folder, port):
        self._process = subprocess.Popen(  # noqa: S603  our own program
            [program, "-c", _PROGRAM, "localhost", str(port), str(folder), EID],
            cwd=run_micropython.REPOSITORY,
            env={**os.environ, "MICROPYPATH": f"{run_micropython.REPOSITORY}:.frozen"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._lines = queue.Queue()
        self.seen = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(line.strip())

    def wait_for(self, *starts):
        """The next line that begins with one of these."""
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            try:
                line = self._lines.get(timeout=0.1)
            except queue.Empty:
                continue
            self.seen.append(line)
            if line.startswith(starts):
                return line
        raise AssertionError(f"waited for {starts}, saw {self.seen}")

    def kill(self):
        self._process.kill()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait(DEADLINE_S)
        self._reader.join()
        self._process.stdout.close()


@contextlib.contextmanager
def controller(folder, broker, client_id="controller", subscribe=True):
    """A connected MQTT 5 client that keeps what arrives for the controller in `messages`."""
    certificate, key = write_pem(folder, client_id, *broker.authority.issue(client_id))
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv5)
    client.tls_set(str(broker.ca_path), certificate, key)
    client.messages = queue.Queue()
    ready = threading.Event()
    client.on_message = lambda _client, _data, message: client.messages.put(message)
    client.on_connect = lambda *_: client.subscribe("usp/c/#", 1) if subscribe else ready.set()
    client.on_subscribe = lambda *_: ready.set()
    client.connect("localhost", broker.port)
    client.loop_start()
    try:
        assert ready.wait(DEADLINE_S)
        yield client
    finally:
        client.disconnect()
        client.loop_stop()


def next_message(client):
    return client.messages.get(timeout=DEADLINE_S)


def keep_identity(folder, authority, issuer, days=(-1, 30), pkcs8=False):
    certificate, key = issuer.issue(EID, days=days)
    (folder / "certificate.der").write_bytes(certificate_der(certificate))
    (folder / "key.der").write_bytes(key_der(key, pkcs8))
    (folder / "ca.der").write_bytes(certificate_der(authority.certificate))


def ask(client, payload, response_topic):
    properties = paho.Properties(paho.PacketTypes.PUBLISH)
    properties.ResponseTopic = response_topic
    client.publish(TO_AGENT, payload, 1, properties=properties)


def test_messages_go_both_ways_and_large_ones_are_streamed(probe, folder, authority):
    with Broker(folder, authority) as broker, controller(folder, broker) as client:
        probe(broker.port).wait_for("online")
        first = next_message(client)
        assert (first.payload, first.topic, first.qos) == (b"connected", TO_CONTROLLER, 1)
        assert first.properties.ContentType == "usp.msg"
        assert first.properties.ResponseTopic == TO_AGENT
        ask(client, b"question", TO_CONTROLLER + "/cli-1")
        answer = next_message(client)
        assert (answer.payload, answer.topic) == (b"question", TO_CONTROLLER + "/cli-1")
        ask(client, b"big", TO_CONTROLLER)
        assert next_message(client).payload == BIG


def test_a_prepared_packet_leaves_in_the_middle_of_a_large_one(probe, folder, authority):
    with Broker(folder, authority) as broker, controller(folder, broker) as client:
        probe(broker.port).wait_for("online")
        next_message(client)
        ask(client, b"gasp", TO_CONTROLLER)
        assert next_message(client).payload == BIG
        assert next_message(client).payload == b"gasped"
        ask(client, b"still here", TO_CONTROLLER)
        assert next_message(client).payload == b"still here"


def test_the_will_tells_when_the_program_is_killed(probe, folder, authority):
    with Broker(folder, authority) as broker, controller(folder, broker) as client:
        program = probe(broker.port)
        program.wait_for("online")
        next_message(client)
        program.kill()
        will = next_message(client)
        assert (will.payload, will.topic) == (b"will", TO_CONTROLLER)
        assert will.properties.ContentType == "usp.msg"


def test_it_comes_back_when_the_broker_does(probe, folder, authority):
    with Broker(folder, authority) as broker:
        program = probe(broker.port)
        program.wait_for("online")
        broker.stop()
        program.wait_for("down link", "connecting link")
        broker.start()
        program.wait_for("online")


def test_messages_sent_meanwhile_wait_in_the_session(probe, folder, authority):
    with Broker(folder, authority) as broker, controller(folder, broker) as client:
        program = probe(broker.port)
        program.wait_for("online")
        next_message(client)
        program.kill()
        assert next_message(client).payload == b"will"
        ask(client, b"while you were out", TO_CONTROLLER)
        probe(broker.port).wait_for("online")
        assert next_message(client).payload == b"connected"
        assert next_message(client).payload == b"while you were out"


def test_a_session_taken_over_is_won_back(probe, folder, authority):
    with Broker(folder, authority) as broker:
        program = probe(broker.port)
        program.wait_for("online")
        with controller(folder, broker, client_id=EID, subscribe=False):
            program.wait_for("down refused", "down link", "connecting")
        program.wait_for("online")


def test_what_the_broker_does_not_take_is_replaced(probe, folder, authority):
    with (
        Broker(folder, authority, "max_packet_size 2000") as broker,
        controller(folder, broker) as client,
    ):
        probe(broker.port).wait_for("online")
        next_message(client)
        ask(client, b"big", TO_CONTROLLER)
        assert next_message(client).payload == b"too large"


def test_a_topic_that_may_not_be_written_does_not_stop_the_session(probe, folder, authority):
    acl = folder / "acl"
    acl.write_text(
        f"user {EID}\ntopic write {TO_CONTROLLER}\ntopic read {TO_AGENT}\n"
        "user controller\ntopic readwrite #\n"
    )
    with (
        Broker(folder, authority, f"acl_file {acl}") as broker,
        controller(folder, broker) as client,
    ):
        probe(broker.port).wait_for("online")
        next_message(client)
        ask(client, b"denied", "usp/c/elsewhere")
        ask(client, b"allowed", TO_CONTROLLER)
        assert next_message(client).payload == b"allowed"


@pytest.mark.parametrize("topic", ["usp/#", "usp/c/+"])
def test_a_response_topic_that_is_a_filter_does_not_stop_the_session(
    probe, folder, authority, topic
):
    with Broker(folder, authority) as broker, controller(folder, broker) as client:
        probe(broker.port).wait_for("online")
        next_message(client)
        ask(client, b"asked", topic)
        ask(client, b"answered", TO_CONTROLLER)
        assert [next_message(client).payload for _ in range(2)] == [b"asked", b"answered"]


REFUSALS = {
    "unknown CA": ("down link",),
    "wrong name": ("down link",),
    "expired broker": ("down link",),
    "foreign device": ("down link", "down no answer"),
    "expired device": ("down link", "down no answer"),
    "no certificate": ("down link: 22",),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_who_cannot_prove_itself_gets_no_session(probe, folder, authority, case):
    options = {}
    if case == "unknown CA":
        keep_identity(folder, Authority("another CA"), authority)
    elif case == "wrong name":
        options["host"] = "other.example.org"
    elif case == "expired broker":
        options["days"] = (-30, -1)
    elif case == "foreign device":
        keep_identity(folder, authority, Authority("another CA"))
    elif case == "expired device":
        keep_identity(folder, authority, authority, days=(-30, -1))
    else:
        (folder / "certificate.der").write_bytes(b"")
    with Broker(folder, authority, **options) as broker:
        program = probe(broker.port)
        program.wait_for(*REFUSALS[case])
        assert not any(line.startswith("online") for line in program.seen)


def test_a_key_in_pkcs8_serves_as_well(probe, folder, authority):
    keep_identity(folder, authority, authority, pkcs8=True)
    with Broker(folder, authority) as broker:
        probe(broker.port).wait_for("online")
