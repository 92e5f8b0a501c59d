"""An agent on the desk, and the controller's side of the wire to talk to it."""

from agent.core.clock import Clock
from agent.core.endpoint import Endpoint
from agent.core.journal import Journal
from agent.core.model_device import build, endpoint_id_of
from agent.core.store import Store
from agent.tests.fakes import FakeBoard, FakeRandom, FakeStorage
from agent.wire import usp
from agent.wire.protobuf import encode, fields

CONTROLLER = "fqdn::fleet.example.org"
REPLY_TOPIC = "usp/c/fqdn::fleet.example.org/cli"

MESSAGE_TYPES = {
    usp.GET: 1,
    usp.GET_SUPPORTED_DM: 12,
    usp.GET_INSTANCES: 14,
    usp.SET: 4,
    usp.ADD: 8,
    usp.DELETE: 10,
    usp.OPERATE: 6,
    usp.NOTIFY: 3,
    usp.GET_SUPPORTED_PROTOCOL: 17,
}


class Identity:
    """Who the agent is, and who its controller."""

    def __init__(self, endpoint_id, controller):
        self.endpoint_id = endpoint_id
        self.controller = controller


class FakeActions:
    """Remembers what the agent asked its board to do."""

    def __init__(self):
        self.done = []

    def reboot(self, cause, reason, command_key):
        self.done.append(("reboot", cause, reason, command_key))

    def factory_reset(self, cause, reason):
        self.done.append(("factory_reset", cause, reason))

    def fence(self):
        self.done.append(("fence",))

    def configure(self, settings):
        self.done.append(("configure", settings))


class Bench:
    """One agent with fakes round it. Time is `now_ms`; `authorise` as the endpoint takes it."""

    def __init__(self, storage=None, board=None, authorise=None, connect=True):
        self.storage = storage or FakeStorage()
        self.board = board or FakeBoard(cause=1)
        self.now_ms = 1000
        self.random = FakeRandom()
        self.store = Store(self.storage)
        self.journal = Journal(self.storage, self.random)
        self.clock = Clock(self.store, self.journal, lambda: self.now_ms)
        self.actions = FakeActions()
        settings = {"broker_host": "broker", "broker_port": "8883", "controller": CONTROLLER}
        self.model = build(self.board, self.clock, self.store, settings, self.actions)
        self.endpoint_id = endpoint_id_of(self.board)
        identity = Identity(self.endpoint_id, CONTROLLER)
        self.endpoint = Endpoint(
            identity, self.model, self.journal, self.store, authorise, self.random
        )
        self._asked = 0
        if connect:
            self.endpoint.connected(self.now_ms)

    def restart(self, cause=1, **more):
        """The same medium after a power cut, in a new agent."""
        board = FakeBoard(cause=cause)
        board.product_class = self.board.product_class
        return Bench(self.storage.power_up(), board, **more)

    def exchange(self, payload, response_topic=REPLY_TOPIC):
        """The Outgoing that answer a Record."""
        return list(self.endpoint.receive(payload, "", response_topic, self.now_ms))

    def ask(self, member, content, msg_id=None, sender=CONTROLLER):
        """The answer's member as a Tree, or an Error as `Failed`."""
        self._asked += 1
        msg_id = msg_id or "ask-%d" % self._asked
        out = self.exchange(request(member, content, msg_id, sender, self.endpoint_id))
        if not out:
            return None
        assert len(out) == 1 and out[0].topic == REPLY_TOPIC
        return answer_of(out[0].payload(), msg_id)

    def poll(self, after_ms=0):
        """The Notify messages due `after_ms` from now, as (msg_id, Tree)."""
        self.now_ms += after_ms
        return [notify_of(out.payload()) for out in self.endpoint.poll(self.now_ms) if out]

    def poll_for(self, duration_ms, step_ms=250):
        """Every Notify of a stretch of time, as (now_ms, msg_id, Tree)."""
        out = []
        end = self.now_ms + duration_ms
        while self.now_ms < end:
            for msg_id, notify in self.poll(step_ms):
                out.append((self.now_ms, msg_id, notify))
        return out

    def answer_notify(self, msg_id, subscription_id="", sender=CONTROLLER):
        """NotifyResp for a msg_id."""
        payload = respond(msg_id, subscription_id, sender, self.endpoint_id)
        assert self.exchange(payload) == []

    # --- the messages in short

    def get(self, *paths, **more):
        """{requested path: {resolved path: {name: value}} or error code}."""
        content = b"".join([encode(0x0A, path) for path in paths])
        answer = self.ask(usp.GET, content + encode(0x15, more.get("max_depth", 0)))
        out = {}
        for result in answer.all(1):
            found = {item.text(1): item.map(2) for item in result.all(4)}
            out[result.text(1)] = result.number(2) or found
        return out

    def value(self, path):
        """One parameter."""
        found = self.get(path)[path]
        assert isinstance(found, dict) and len(found) == 1, found
        for values in found.values():
            for value in values.values():
                return value

    def set(self, path, values, partial=False, required=True):
        """The SetResp's only result, or Failed."""
        content = encode(0x08, partial, 0x12, settings_of(path, values, required))
        return self.ask(usp.SET, content)

    def add(self, path, values, partial=False, required=True):
        """The AddResp, or Failed."""
        content = encode(0x08, partial, 0x12, settings_of(path, values, required))
        return self.ask(usp.ADD, content)

    def added(self, path, values):
        """Add one row; return its path."""
        answer = self.add(path, values)
        return answer.one(1).one(2).one(2).text(1)

    def delete(self, *paths, **more):
        """The DeleteResp, or Failed."""
        content = encode(0x08, more.get("partial", False))
        return self.ask(usp.DELETE, content + b"".join([encode(0x12, path) for path in paths]))

    def operate(self, command, args=None, key="", send_resp=True):
        """The results of an Operate, or Failed, or None."""
        pairs = [0x0A, command, 0x12, key, 0x18, send_resp]
        for name, value in (args or {}).items():
            pairs.extend((0x22, encode(0x0A, name, 0x12, value)))
        answer = self.ask(usp.OPERATE, encode(*pairs))
        return answer.all(1) if isinstance(answer, Tree) else answer

    def instances(self, path, first_level_only=False):
        """{instance path: unique keys} or an error code."""
        result = self.ask(usp.GET_INSTANCES, encode(0x0A, path, 0x10, first_level_only)).one(1)
        return result.number(2) or {item.text(1): item.map(2) for item in result.all(4)}

    def supported(self, path, **flags):
        """The result of a GetSupportedDM with everything asked for, but for what is said."""
        content = encode(
            0x0A,
            path,
            0x10,
            flags.get("first_level_only", False),
            0x18,
            flags.get("commands", True),
            0x20,
            flags.get("events", True),
            0x28,
            flags.get("params", True),
            0x30,
            flags.get("keys", True),
        )
        return self.ask(usp.GET_SUPPORTED_DM, content).one(1)

    def subscribe(self, notif_type, reference_list, **values):
        """Add an enabled subscription; return its path."""
        settings = {
            "Enable": "true",
            "ID": "s-%d" % self._asked,
            "NotifType": notif_type,
            "ReferenceList": reference_list,
        }
        settings.update(values)
        return self.added("Device.LocalAgent.Subscription.", settings)


class Tree:
    """A decoded message, looked into by field number."""

    def __init__(self, data):
        self._fields = [(tag >> 3, value) for tag, value in fields(memoryview(data))]

    def all(self, number):
        return [Tree(value) for found, value in self._fields if found == number]

    def one(self, number):
        found = self.all(number)
        assert len(found) == 1, (number, len(found))
        return found[0]

    def has(self, number):
        return number in [found for found, _ in self._fields]

    def number(self, number):
        return ([0] + [value for found, value in self._fields if found == number])[-1]

    def text(self, number):
        found = self.texts(number)
        return found[-1] if found else ""

    def texts(self, number):
        return [str(value, "utf-8") for found, value in self._fields if found == number]

    def map(self, number):
        return {entry.text(1): entry.text(2) for entry in self.all(number)}


class Failed:
    """A USP Error."""

    def __init__(self, tree):
        self.code = tree.number(1)
        self.param_errs = [(e.text(1), e.number(2)) for e in tree.all(3)]


def settings_of(path, values, required):
    pairs = [0x0A, path]
    for name, value in values.items():
        pairs.extend((0x12, encode(0x0A, name, 0x12, value, 0x18, required)))
    return encode(*pairs)


def record(payload, sender=CONTROLLER, target="", security=0):
    inner = encode(0x12, payload)
    return encode(0x0A, "1.3", 0x12, target, 0x1A, sender, 0x20, security, 0x3A, inner)


def request(member, content, msg_id="m", sender=CONTROLLER, target="", msg_type=None):
    kind = MESSAGE_TYPES.get(member, 19) if msg_type is None else msg_type
    header = encode(0x0A, msg_id, 0x10, kind)
    body = encode(0x0A, encode(member << 3 | 2, content))
    return record(encode(0x0A, header, 0x12, body), sender, target)


def respond(msg_id, subscription_id, sender, target):
    header = encode(0x0A, msg_id, 0x10, 16)
    body = encode(0x12, encode(0x42, encode(0x0A, subscription_id)))
    return record(encode(0x0A, header, 0x12, body), sender, target)


def answer_of(payload, msg_id):
    message = Tree(payload).one(7).one(2)
    assert message.one(1).text(1) == msg_id
    body = message.one(2)
    if body.has(3):
        assert message.one(1).number(2) == 0
        return Failed(body.one(3))
    response = body.one(2)
    member = response._fields[0][0]
    expected = {1: 2, 2: 13, 3: 15, 4: 5, 5: 9, 6: 11, 7: 7, 9: 18}
    assert message.one(1).number(2) == expected[member]
    return response.one(member)


def notify_of(payload):
    message = Tree(payload).one(7).one(2)
    assert message.one(1).number(2) == 3
    return message.one(1).text(1), message.one(2).one(1).one(8)
