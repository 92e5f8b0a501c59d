"""Just enough of a USP controller for one agent: it tells the time, subscribes, and keeps events.

It does wrong on purpose what a server that is killed does: it hears a Notify and never answers it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from agent.wire import usp, usp_decode
from agent.wire.protobuf import encode, fields
from agent.wire.topics import agent_topic, controller_topic

CONTROLLER = "fqdn::fleet.example.org"
_GET_TYPE, _ADD_TYPE, _OPERATE_TYPE, _NOTIFY_RESP_TYPE = 1, 8, 6, 16
_SUBSCRIPTION = "day"


@dataclass(frozen=True, slots=True)
class Received:
    """One event as it arrived: its key, name and arguments."""

    msg_id: str
    sequence: int
    name: str
    arguments: dict[str, str]


class Controller:
    """`publish(topic, response_topic, payload)` goes to the broker; `now()` is a dateTime."""

    def __init__(
        self,
        endpoint_id: str,
        events: list[str],
        publish: Callable[[str, str, bytes], None],
        now: Callable[[], str | None],
    ) -> None:
        self.received: list[Received] = []
        self.repetitions = 0
        self.faults: list[str] = []
        self.silent = 0
        """How many Notify it will not answer."""
        self._endpoint_id = endpoint_id
        self._events = events
        self._publish = publish
        self._now = now
        self._count = 0
        self._is_subscribed = False

    def hear(self, topic: str, response_topic: str | None, payload: bytes) -> None:
        """A PUBLISH of the agent."""
        record = usp_decode.decode_record(payload)
        if record.kind == usp.MQTT_CONNECT:
            self._greet()
        elif record.kind == usp.NO_SESSION_CONTEXT:
            self._hear_message(response_topic, bytes(record.payload))  # type: ignore[call-overload]

    def _greet(self) -> None:
        now = self._now()
        if now is not None:
            arguments = encode(0x22, encode(0x0A, "Time", 0x12, now))
            command = encode(0x0A, "Device.Time.X_IPKO-COM_SetTime()", 0x18, 1)
            self._ask(_OPERATE_TYPE, 0x3A, command + arguments)
        if not self._is_subscribed:
            self._ask(_ADD_TYPE, 0x2A, encode(0x12, self._subscription()))

    def _subscription(self) -> bytes:
        settings = {
            "ID": _SUBSCRIPTION,
            "Enable": "true",
            "NotifType": "Event",
            "ReferenceList": ",".join(self._events),
            "Persistent": "true",
            "NotifRetry": "true",
        }
        pairs: list[object] = [0x0A, "Device.LocalAgent.Subscription."]
        for name, value in settings.items():
            pairs += [0x12, encode(0x0A, name, 0x12, value, 0x18, 1)]
        return encode(*pairs)

    def _hear_message(self, response_topic: str | None, payload: bytes) -> None:
        message = _tree(payload)
        header, body = _tree(message[1]), _tree(message[2])
        msg_id = header[1].decode()
        if 1 in body:
            self._notified(msg_id, response_topic, _tree(_tree(body[1])[8]))
        elif 2 in body and 5 in _tree(body[2]):
            self._is_subscribed = True

    def _notified(self, msg_id: str, response_topic: str | None, notify: dict[int, bytes]) -> None:
        if self.silent:
            self.silent -= 1
            return
        if msg_id.startswith("j-"):
            self._keep(msg_id, notify[3])
        if 2 in notify:
            answer = encode(0x12, encode(0x42, encode(0x0A, notify.get(1, b"").decode())))
            topic = response_topic or agent_topic(self._endpoint_id)
            self._send(topic, msg_id, _NOTIFY_RESP_TYPE, answer)

    def _keep(self, msg_id: str, event: bytes) -> None:
        name, arguments = "", {}
        for tag, value in fields(memoryview(event)):
            if tag >> 3 == 2:
                name = bytes(value).decode()
            elif tag >> 3 == 3:
                pair = _tree(bytes(value))
                arguments[pair[1].decode()] = pair.get(2, b"").decode()
        received = Received(msg_id, int(msg_id.rsplit("-", 1)[1]), name, arguments)
        before = [each for each in self.received if each.msg_id == msg_id]
        if not before:
            self.received.append(received)
            return
        self.repetitions += 1
        if before[0].name != name:
            self.faults.append(f"{msg_id} was {before[0].name} and is {name}")

    def _ask(self, msg_type: int, tag: int, request: bytes) -> None:
        self._count += 1
        topic = agent_topic(self._endpoint_id)
        self._send(topic, f"ask-{self._count}", msg_type, encode(0x0A, encode(tag, request)))

    def _send(self, topic: str, msg_id: str, msg_type: int, body: bytes) -> None:
        message = encode(0x0A, encode(0x0A, msg_id, 0x10, msg_type), 0x12, body)
        inner = encode(0x12, message)
        record = encode(0x0A, "1.3", 0x12, self._endpoint_id, 0x1A, CONTROLLER, 0x3A, inner)
        self._publish(topic, controller_topic(CONTROLLER, self._endpoint_id), record)


def _tree(data: bytes) -> dict[int, bytes]:
    """The last value of each field by its number; numbers become bytes too."""
    out = {}
    for tag, value in fields(memoryview(data)):
        out[tag >> 3] = b"%d" % value if isinstance(value, int) else bytes(value)
    return out
