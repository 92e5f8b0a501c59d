"""An agent played for tests: a journal, Notify with retry, and answers as a device gives them."""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from fleet_server.protocol import usp_pb2 as usp

_ANSWER_TYPES = {"get": 2, "set": 5, "operate": 7, "add": 9, "get_supported_dm": 13}
_ANSWER_TYPES |= {"get_instances": 15, "get_supported_protocol": 18}


class PlayedAgent:
    """Keeps each journalled event until the controller's NotifyResp for it has come."""

    def __init__(
        self, endpoint_id: str, controller_id: str, port: int, root: Path, own: tuple[Path, Path]
    ) -> None:
        self.endpoint_id = endpoint_id
        self.controller_id = controller_id
        self.topic = f"usp/c/{controller_id}/{endpoint_id}"
        self.reply_topic = f"usp/a/{endpoint_id}"
        self.journal: dict[str, bytes] = {}
        self.requests: queue.Queue[usp.Msg] = queue.Queue()
        self.connected = threading.Event()
        self.model: dict[str, str] = {}
        self._port = port
        self._lock = threading.Lock()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, endpoint_id, protocol=paho.MQTTv5)
        self._client.tls_set_context(_tls(root, own))
        self._client.on_socket_open = _send_at_once
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        disconnect = usp.Disconnect(reason="connection lost")
        self._client.will_set(
            self.topic, self.record(disconnect=disconnect), qos=1, properties=self._properties(True)
        )

    def start(self) -> None:
        """Connect and wait until that is done."""
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        session.SessionExpiryInterval = 3600
        self._client.connect(
            "localhost", self._port, keepalive=10, clean_start=False, properties=session
        )
        self._client.loop_start()
        if not self.connected.wait(10):
            raise AssertionError("the broker does not let the agent in")

    def stop(self) -> None:
        """Leave in order."""
        self._client.disconnect()
        self._client.loop_stop()

    def vanish(self) -> None:
        """Lose the connection without a word, so that the broker publishes the Will."""
        self._client.loop_stop()
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    def record(self, message: usp.Msg | None = None, **member: object) -> bytes:
        """A Record from this agent to the controller."""
        record = usp.Record(version="1.3", to_id=self.controller_id, from_id=self.endpoint_id)
        if message is not None:
            record.no_session_context.payload = message.SerializeToString()
        for name, value in member.items():
            getattr(record, name).CopyFrom(value)
        return record.SerializeToString()

    def event(self, msg_id: str, path: str, name: str, params: dict[str, str]) -> bytes:
        """The Record of a Notify of an event that wants an answer."""
        notify = usp.Notify(subscription_id="fleet-power", send_resp=True)
        notify.event.CopyFrom(usp.Notify.Event(obj_path=path, event_name=name, params=params))
        return self.notification(msg_id, notify)

    def notification(self, msg_id: str, notify: usp.Notify) -> bytes:
        """The Record of any Notify."""
        message = usp.Msg(header=usp.Header(msg_id=msg_id, msg_type=3))
        message.body.request.notify.CopyFrom(notify)
        return self.record(message)

    def journal_event(self, msg_id: str, payload: bytes) -> None:
        """Put an event into the journal and send it."""
        with self._lock:
            self.journal[msg_id] = payload
        self.publish(payload)

    def send_pending(self) -> None:
        """Send every event again that has no NotifyResp yet."""
        with self._lock:
            pending = list(self.journal.values())
        for payload in pending:
            self.publish(payload)

    def settle(self, timeout_s: float, retry_s: float = 0.5) -> None:
        """Repeat until the journal is empty; fails after `timeout_s`."""
        until_s = time.monotonic() + timeout_s
        repeat_s = time.monotonic() + retry_s
        while self.journal:
            if time.monotonic() > until_s:
                raise AssertionError(f"{len(self.journal)} events were never answered")
            if time.monotonic() > repeat_s:
                self.send_pending()
                repeat_s = time.monotonic() + retry_s
            time.sleep(0.02)

    def publish(self, payload: bytes, topic: str | None = None) -> None:
        """Publish to the controller, or to `topic`."""
        self._client.publish(
            topic or self.topic, payload, qos=1, properties=self._properties(will=False)
        )

    def _properties(self, will: bool) -> Properties:
        kind = PacketTypes.WILLMESSAGE if will else PacketTypes.PUBLISH
        properties = Properties(kind)  # type: ignore[no-untyped-call]
        properties.ContentType = "usp.msg"
        properties.ResponseTopic = self.reply_topic
        return properties

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        client.subscribe(self.reply_topic, qos=1)
        connect = usp.MQTTConnect(version=1, subscribed_topic=self.reply_topic)
        self.publish(self.record(mqtt_connect=connect))
        self.connected.set()

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        record = usp.Record.FromString(bytes(message.payload))
        found = usp.Msg.FromString(record.no_session_context.payload)
        if found.body.WhichOneof("msg_body") == "response":
            with self._lock:
                self.journal.pop(found.header.msg_id, None)
            return
        self.requests.put(found)
        answer = self.answer(found)
        topic = getattr(message.properties, "ResponseTopic", self.topic)
        self.publish(self.record(answer), topic)

    def answer(self, request: usp.Msg) -> usp.Msg:
        """What the agent says to one request: it has `model`, and every command works."""
        kind = request.body.request.WhichOneof("req_type") or ""
        message = usp.Msg(
            header=usp.Header(msg_id=request.header.msg_id, msg_type=_ANSWER_TYPES.get(kind, 0))
        )
        give: dict[str, Callable[[usp.Request, usp.Response], None]] = {
            "get": self._answer_get,
            "get_supported_dm": _answer_supported,
            "get_supported_protocol": _answer_protocol,
            "operate": _answer_operate,
            "add": _answer_add,
            "set": self._answer_set,
        }
        if kind in give:
            give[kind](request.body.request, message.body.response)
        else:
            message.body.error.err_code = 7001
        return message

    def _answer_get(self, request: usp.Request, response: usp.Response) -> None:
        for path in request.get.param_paths:
            result = response.get_resp.req_path_results.add(requested_path=path)
            found = {k: v for k, v in self.model.items() if k == path or k.startswith(path)}
            if not found and "[" not in path and not path.endswith("."):
                result.err_code, result.err_msg = 7026, "Invalid path"
            for name, value in found.items():
                parent, _, last = name.rpartition(".")
                resolved = result.resolved_path_results.add(resolved_path=parent + ".")
                resolved.result_params[last] = value

    def _answer_set(self, request: usp.Request, response: usp.Response) -> None:
        for update in request.set.update_objs:
            result = response.set_resp.updated_obj_results.add(requested_path=update.obj_path)
            done = result.oper_status.oper_success.updated_inst_results.add(
                affected_path=update.obj_path
            )
            for setting in update.param_settings:
                self.model[update.obj_path + setting.param] = setting.value
                done.updated_params[setting.param] = setting.value


def _answer_supported(_request: usp.Request, response: usp.Response) -> None:
    result = response.get_supported_dm_resp.req_obj_results.add(req_obj_path="Device.")
    result.supported_objs.add(supported_obj_path="Device.DeviceInfo.")


def _answer_protocol(_request: usp.Request, response: usp.Response) -> None:
    response.get_supported_protocol_resp.agent_supported_protocol_versions = "1.3"


def _answer_operate(request: usp.Request, response: usp.Response) -> None:
    result = response.operate_resp.operation_results.add(executed_command=request.operate.command)
    result.req_output_args.SetInParent()


def _answer_add(request: usp.Request, response: usp.Response) -> None:
    for number, create in enumerate(request.add.create_objs, 1):
        result = response.add_resp.created_obj_results.add(requested_path=create.obj_path)
        path = f"{create.obj_path}{number}."
        result.oper_status.oper_success.instantiated_path = path


def _send_at_once(_client: object, _data: object, sock: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _tls(root: Path, own: tuple[Path, Path]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(root))
    context.load_cert_chain(*own)
    return context
