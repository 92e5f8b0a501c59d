"""Notifications that live in memory: built once, sent again until answered, each id used once.

With NotifRetry the same Message goes out again after a random wait that doubles (TR-369 R-NOT.1,
R-NOT.2), until the controller's NotifyResp, or NotifExpiration. Without, it goes once. The queue is
bounded: when it is full the oldest is given up, reports of health (Push!) first, of which only the
last few wait at all. What must not be lost goes through the journal
(notify_journal.py).
"""

from agent.compat import const
from agent.core.outgoing import Outgoing
from agent.wire.protobuf import encode
from agent.wire.usp import notify_producer

_MAX_QUEUED = const(24)
_MAX_REPORTS = const(4)

# Members of the notify message's oneof, as tags.
EVENT = const(0x1A)
VALUE_CHANGE = const(0x22)
OBJECT_CREATION = const(0x2A)
OBJECT_DELETION = const(0x32)
OPERATION_COMPLETE = const(0x3A)
ON_BOARD_REQUEST = const(0x42)


def event_content(path: str, name: str, args: dict) -> bytes:
    """The event member of a Notify."""
    pairs = [0x0A, path, 0x12, name]
    for key, value in args.items():
        pairs.append(0x1A)
        pairs.append(encode(0x0A, key, 0x12, value))
    return encode(*pairs)


def notify_content(subscription_id: str, send_resp: bool, tag: int, data: bytes):
    """The content producer of a Notify."""

    def content(sink):
        sink.put(0x0A, subscription_id)
        sink.put(0x10, send_resp)
        sink.put(tag, data)
        yield

    return content


class _Notification:
    """One Notify that waits to be sent, or to be answered."""

    def __init__(self, subscription, controller, msg_id, tag, data) -> None:
        self.subscription = subscription  # instance number, 0 for none
        self.controller = controller  # instance number
        self.msg_id = msg_id
        self.tag = tag
        self.data = data
        self.subscription_id = ""
        self.is_report = False
        self.retry = True
        self.expires_ms = 0
        self.tries = 0
        self.due_ms = 0


class Notifier:
    """The queue of notifications, for the controllers of one agent."""

    def __init__(self, endpoint_id, reply_topic, controllers, subscriptions, random, stem) -> None:
        self._endpoint_id = endpoint_id
        self._reply_topic = reply_topic
        self._controllers = controllers
        self._subscriptions = subscriptions
        self._random = random
        self._stem = stem
        self._count = 0
        self._queue = []

    def add(self, row, tag: int, data: bytes, now_ms: int, msg_id="", is_report=False) -> None:
        """Queue a Notify for a subscription."""
        get = self._subscriptions.get
        controller = self._controllers.by_reference(get(row, "Recipient"))
        if controller is None:
            return
        number = controller[0][0]
        entry = _Notification(row[0][0], number, msg_id or self._new_id(), tag, data)
        entry.subscription_id = get(row, "ID")
        entry.is_report = is_report
        entry.retry = get(row, "NotifRetry") == "true"
        expiration_s = int(get(row, "NotifExpiration"))
        if expiration_s:
            entry.expires_ms = now_ms + expiration_s * 1000
        self._append(entry)

    def add_on_board_request(self, number: int, data: bytes) -> None:
        """Queue an OnBoardRequest: it has no subscription and is tried without end (R-NOT.6)."""
        self._append(_Notification(0, number, self._new_id(), ON_BOARD_REQUEST, data))

    def connected(self) -> None:
        """Everything unanswered goes out again at once."""
        for entry in self._queue:
            entry.tries = entry.due_ms = 0

    def acknowledged(self, msg_id: str, number: int) -> None:
        """A controller answered a Notify."""
        for entry in self._queue:
            if entry.msg_id == msg_id and entry.controller == number:
                self._queue.remove(entry)
                return

    def due(self, now_ms: int):
        """Yield what is to be sent now."""
        for entry in list(self._queue):
            if entry.due_ms > now_ms:
                continue
            controller = self._controllers.by_number(entry.controller)
            if not controller or not self._is_wanted(entry, now_ms):
                self._queue.remove(entry)
                continue
            if entry.retry:
                entry.tries += 1
                wait = self._controllers.retry_wait_ms(controller, entry.tries, self._random)
                entry.due_ms = now_ms + wait
            else:
                self._queue.remove(entry)
            yield self.outgoing(
                controller,
                entry.msg_id,
                notify_content(entry.subscription_id, entry.retry, entry.tag, entry.data),
            )

    def outgoing(self, controller, msg_id: str, content) -> Outgoing:
        """A Notify to a controller, ready to leave."""
        to_id = self._controllers.endpoint_id(controller)
        produce = notify_producer(self._endpoint_id, to_id, msg_id, content)
        return Outgoing(self._controllers.topic(controller), self._reply_topic, produce)

    def _is_wanted(self, entry, now_ms):
        if entry.expires_ms and entry.expires_ms <= now_ms:
            return False
        return not entry.subscription or self._subscriptions.by_number(entry.subscription)

    def _append(self, entry):
        full = len(self._queue) >= _MAX_QUEUED
        reports = [waiting for waiting in self._queue if waiting.is_report]
        if reports and (full or (entry.is_report and len(reports) >= _MAX_REPORTS)):
            self._queue.remove(reports[0])
        elif full:
            self._queue.pop(0)
        self._queue.append(entry)

    def _new_id(self):
        self._count += 1
        return "n-%s-%d" % (self._stem, self._count)
