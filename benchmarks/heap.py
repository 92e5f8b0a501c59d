"""The smallest heap in which the agent does its work, on the 64-bit machine, .mpy files in ROM.

The work, over TLS with certificates on both sides, against mosquitto: connect, take the time, take
a subscription, deliver Boot! and have it acknowledged, answer GetSupportedDM of everything and Get
of everything, and run two commands that demand an authorisation, one of which seals the customer's
settings. TLS buffers lie outside the heap on this machine.

`agent.heap_needed_bytes` is of a voice modem whose hardware knows no facts; beside it the same for
each product class, with all its facts: every monitor runs, every live object has its rows; and
`.littlefs`, the first on a machine that cannot run code in place and has it on the heap.
`agent.heap_part.<module>`: what loading each module adds, from ROM.
"""

import base64
import queue
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.core.provisioning import Provisioning
from agent.core.store import Store
from agent.ports.storage import Storage
from agent.tests.broker_cpython import CONTROLLER, Authority, Broker, certificate_der, write_pem
from agent.wire import authorisation, usp, usp_decode
from agent.wire.protobuf import encode
from benchmarks._board import Wires, new_flash, running, write_machine_code
from benchmarks.figure import Figure
from firmware_tools.build import AgentBuild, agent_rom, compile_agent
from hil_tests.simulated_board.facts import first_facts
from hil_tests.simulated_board.spec import BoardSpec

_NEEDED = "agent.heap_needed_bytes"
BARE = BoardSpec("bare", "VOICEMODEM", "00000002")
_KINDS = {
    "modem": BoardSpec("modem", "MODEM", "00000001"),
    "voicemodem": BoardSpec("voicemodem", "VOICEMODEM", "00000002"),
    "stb": BoardSpec("stb", "STB", "00000003", card_inserted=True),
}
FIGURES = (
    _NEEDED,
    *(f"{_NEEDED}.{kind}" for kind in (*_KINDS, "littlefs")),
    "agent.heap_part",
)
GOAL_BYTES = 160 * 1024
GOAL_OF_KIND_BYTES = 192 * 1024
_STEP_BYTES = 2048
_LARGEST_BYTES = 512 * 1024
_SMALLEST_BYTES = 96 * 1024
_ANSWER_S = 8.0
_LOOK_S = 0.1
_SUPPORTED = (b"Device.X_IPKO-COM_Power.", b"Device.MQTT.Client.{i}.Subscription.{i}.")
_FAILURE_MARK = encode(0x0D, 7006)  # err_code of a command that was not authorised


class Failed(Exception):
    """The agent did not do its work in this heap; says at which step."""


class Controller:
    """A controller that knows just enough USP to put the agent to work."""

    def __init__(self, folder: Path, broker: Broker, endpoint_id: str) -> None:
        self.endpoint_id = endpoint_id
        certificate, key = write_pem(folder, "controller", *broker.authority.issue("controller"))
        self._records: queue.Queue[bytes] = queue.Queue()
        self._client = Client(CallbackAPIVersion.VERSION2, "controller", protocol=MQTTv5)
        self._client.tls_set(str(broker.ca_path), certificate, key)
        self._client.on_connect = lambda client, *_: client.subscribe("usp/c/#", 1)
        self._client.on_message = self._keep
        self._client.connect("localhost", broker.port)
        self._client.loop_start()
        self._count = 0
        self.is_running: Callable[[], bool] = lambda: True

    def _keep(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._records.put(bytes(message.payload))

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def forget(self) -> None:
        """Drop what an earlier machine left."""
        while not self._records.empty():
            self._records.get()

    def expect(self, step: str, accept: Callable[[usp_decode.Record], bool]) -> usp_decode.Record:
        """The first record that `accept` takes. Raises Failed."""
        deadline = time.monotonic() + _ANSWER_S
        while time.monotonic() < deadline and self.is_running():
            try:
                record = usp_decode.decode_record(self._records.get(timeout=_LOOK_S))
            except queue.Empty:
                continue
            if accept(record):
                return record
        raise Failed(step)

    def ask(self, step: str, msg_type: int, tag: int, request: bytes) -> bytes:
        """Send a request and return its answer's Message. Raises Failed."""
        self._count += 1
        msg_id = f"{step}-{self._count}"
        self.publish(msg_id, msg_type, encode(0x0A, encode(tag, request)))
        answer = self.expect(step, lambda record: message_id(record) == msg_id)
        payload = payload_of(answer)
        if usp_decode.decode_message(payload).body != usp.RESPONSE:
            raise Failed(f"{step}: refused {payload!r}")
        return payload

    def publish(self, msg_id: str, msg_type: int, body: bytes) -> None:
        message = encode(0x0A, encode(0x0A, msg_id, 0x10, msg_type), 0x12, body)
        record = encode(
            0x0A, "1.3", 0x12, self.endpoint_id, 0x1A, CONTROLLER, 0x3A, encode(0x12, message)
        )
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
        properties.ResponseTopic = f"usp/c/{CONTROLLER}/{self.endpoint_id}"
        self._client.publish("usp/a/" + self.endpoint_id, record, 1, properties=properties)


def payload_of(record: usp_decode.Record) -> bytes:
    """The Message in a Record, empty where there is none."""
    payload = record.payload
    return bytes(payload) if isinstance(payload, bytes | memoryview) else b""


def message_id(record: usp_decode.Record) -> str:
    """The msg_id of the Message in a Record, empty where there is none."""
    payload = payload_of(record)
    return str(usp_decode.decode_message(payload).msg_id) if payload else ""


def work(controller: Controller, command_key: ec.EllipticCurvePrivateKey) -> None:
    """Everything the agent must manage. Raises Failed."""
    controller.expect("connect", lambda record: record.kind == usp.MQTT_CONNECT)
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    _operate(controller, "Device.Time.X_IPKO-COM_SetTime()", {"Time": now})
    settings = {
        "Enable": "true",
        "ID": "boot",
        "NotifType": "Event",
        "ReferenceList": "Device.Boot!",
        "NotifRetry": "true",
    }
    pairs = [pair for name in settings for pair in (0x12, encode(0x0A, name, 0x12, settings[name]))]
    row = encode(0x0A, "Device.LocalAgent.Subscription.", *pairs)
    controller.ask("Add", 8, 0x2A, encode(0x12, row))
    boot = controller.expect("Boot!", lambda record: message_id(record).startswith("j-"))
    controller.publish(message_id(boot), 16, encode(0x12, encode(0x42, encode(0x0A, "boot"))))
    supported = encode(0x0A, "Device.", 0x18, 1, 0x20, 1, 0x28, 1, 0x30, 1)
    answer = controller.ask("GetSupportedDM", 12, 0x12, supported)
    if not all(path in answer for path in _SUPPORTED):
        raise Failed(f"GetSupportedDM: {len(answer)} bytes")
    controller.ask("Get", 1, 0x0A, encode(0x0A, "Device."))
    apply = {
        "Method": "Set",
        "Path": "Device.LocalAgent.Controller.1.",
        "Parameters": '{"ProvisioningCode":"measured"}',
    }
    command = "Device.LocalAgent.X_IPKO-COM_Apply()"
    token = _token(command_key, controller.endpoint_id, command, apply)
    apply["X_IPKO-COM_Authorization"] = token
    _operate(controller, command, apply)
    _prepare(controller, command_key)


def _prepare(controller: Controller, key: ec.EllipticCurvePrivateKey) -> None:
    """Have the customer's settings sealed: the curve three times over."""
    encoding = serialization.Encoding.X962
    point = key.public_key().public_bytes(encoding, serialization.PublicFormat.UncompressedPoint)
    command = "Device.X_IPKO-COM_Replacement.Prepare()"
    args = {"Swap": "swap-1", "SettingsKey": base64.b64encode(point[1:]).decode()}
    args["X_IPKO-COM_Authorization"] = _token(key, controller.endpoint_id, command, args, 1)
    _operate(controller, command, args)


def _operate(controller: Controller, command: str, args: dict[str, str]) -> None:
    pairs = [pair for name in args for pair in (0x22, encode(0x0A, name, 0x12, args[name]))]
    request = encode(0x0A, command, 0x12, "bench", 0x18, 1, *pairs)
    if _FAILURE_MARK in controller.ask(command, 6, 0x3A, request):
        raise Failed(f"{command}: failed")


def _token(
    key: ec.EllipticCurvePrivateKey,
    endpoint_id: str,
    command: str,
    args: dict[str, str],
    later: int = 0,
) -> str:
    now = int(time.time())
    signed = authorisation.signing_input(
        endpoint_id, command, "bench", args, now + later, now, now + 60
    )
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
    return authorisation.token_text(signed, r.to_bytes(32, "big") + s.to_bytes(32, "big"))


class Bench:
    """Broker, controller, wires and a provisioned flash image, for as many tries as it takes."""

    def __init__(self, folder: Path, build: AgentBuild, spec: BoardSpec) -> None:
        self._folder = folder
        self._build = build
        self._spec = spec
        self._machine = write_machine_code(folder / "vm")
        authority = Authority()
        self._command_key = ec.generate_private_key(ec.SECP256R1())
        self._broker = Broker(folder, authority)
        self._broker.start()
        self._controller = Controller(folder, self._broker, spec.endpoint_id)
        self._wires = Wires()
        self._data = self._provisioned(authority)

    def close(self) -> None:
        self._wires.close()
        self._controller.close()
        self._broker.stop()

    def attempt(self, heap_bytes: int) -> str:
        """What went wrong in this heap; empty when all went well."""
        image = new_flash(self._build, self._data, self._folder / "flash.img", self._spec)
        self._controller.forget()
        spec = replace(self._spec, heap_bytes=heap_bytes)
        with running(self._machine, image, self._wires, spec) as (process, log):
            try:
                self.work(lambda: process.poll() is None)
            except Failed as failure:
                return f"{failure} {log.read_text(errors='replace')[-400:]}"
        return ""

    def work(self, is_running: Callable[[], bool]) -> None:
        """Put an agent that was started with the provisioned storage to work. Raises Failed."""
        self._controller.is_running = is_running
        work(self._controller, self._command_key)

    def _provisioned(self, authority: Authority) -> dict[str, bytes]:
        """The files of a board's storage after `commit` on its console."""
        data = self._folder / "data"
        data.mkdir()
        certificate, key = authority.issue(self._spec.endpoint_id)
        store = Store(Storage(str(data)))
        store.save("new_key", key.private_numbers().private_value.to_bytes(32, "big"))
        provisioning = Provisioning(store, self._spec.endpoint_id)
        point = self._command_key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        staged = {
            "certificate": _base64(certificate_der(certificate)),
            "ca": _base64(certificate_der(authority.certificate)),
            "command_key": _base64(point[1:]),
            "broker_host": "localhost",
            "broker_port": str(self._broker.port),
            "controller": CONTROLLER,
            "position": "voice",
        }
        for name, value in staged.items():
            provisioning.stage(name, value)
        provisioning.commit()
        return {path.name: path.read_bytes() for path in data.iterdir()}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def smallest_heap(build: AgentBuild, spec: BoardSpec) -> int:
    """Search between what must do and what cannot, then make sure of the answer."""
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), build, spec)
        try:
            return _searched(bench)
        finally:
            bench.close()


def _searched(bench: Bench) -> int:
    enough, too_small = _LARGEST_BYTES, _SMALLEST_BYTES
    failure = bench.attempt(enough)
    if failure:
        raise Failed(failure)
    while enough - too_small > _STEP_BYTES:
        middle = (enough + too_small) // 2 // _STEP_BYTES * _STEP_BYTES
        if bench.attempt(middle):
            too_small = middle
        else:
            enough = middle
    while bench.attempt(enough):
        enough += _STEP_BYTES
    return enough


_PARTS_PROGRAM = """
import gc, sys, vfs
with open("rom.img", "rb") as file:
    vfs.mount(vfs.VfsRom(file.read()), "/rom")
sys.path[:] = ["/rom", ".frozen"]
import asyncio, binascii, hashlib, json, ssl, struct
asyncio.StreamReader, asyncio.Event, asyncio.wait_for
from agent.main import run
gc.collect()
before = gc.mem_alloc()
for name in NAMES:
    __import__(name)
    gc.collect()
    after = gc.mem_alloc()
    print(name, after - before)
    before = after
"""


def parts(build: AgentBuild, folder: Path) -> Iterator[tuple[str, int]]:
    """(module, bytes its loading adds after those before it), in the order of their names."""
    (folder / "rom.img").write_bytes(agent_rom(build))
    names = [
        path[1:-4].replace("/", ".")
        for path in sorted(build.files)
        if path.endswith(".mpy")
        and not path.endswith(("__init__.mpy", "link_cpython.mpy", "main.mpy", "__main__.mpy"))
    ]
    program = folder / "parts.py"
    program.write_text(f"NAMES = {names!r}\n{_PARTS_PROGRAM}")
    done = subprocess.run(
        [sys.executable, "-m", "micropython_unix", "-X", "heapsize=2m", "parts.py"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    for line in done.stdout.splitlines():
        name, size = line.split()
        yield name, int(size)


def measure() -> Iterator[Figure]:
    build = compile_agent()
    yield Figure(_NEEDED, smallest_heap(build, BARE), "bytes", GOAL_BYTES)
    for kind, bare in _KINDS.items():
        spec = replace(bare, facts=first_facts(bare))
        needed = smallest_heap(build, spec)
        yield Figure(f"{_NEEDED}.{kind}", needed, "bytes", GOAL_OF_KIND_BYTES)
    needed = smallest_heap(build, replace(BARE, rom=False))
    yield Figure(f"{_NEEDED}.littlefs", needed, "bytes", GOAL_OF_KIND_BYTES)
    with tempfile.TemporaryDirectory() as name:
        for module, size in parts(build, Path(name)):
            yield Figure(f"agent.heap_part.{module}", size, "bytes", GOAL_BYTES)
