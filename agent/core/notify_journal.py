"""Journalled events on their way: read from the journal when due, and gone only when answered.

The first retrying subscription of the primary controller carries an event, under the msg_id
`j-<epoch>-<sequence>` for ever. Without such a subscription the event waits in the journal. Its
time is worked out when it is sent, so a clock that was set after the event still dates it.
"""

from agent.compat import const
from agent.core.events import stamped_arguments
from agent.core.notify import EVENT, event_content, notify_content
from agent.wire.codes import BOOT_EVENT

PRIMARY = const(1)
_WINDOW = const(8)
_NEVER = const(0x3FFFFFFFFFFF)


class JournalNotifier:
    """Sends what the journal holds, at most `_WINDOW` at a time unanswered."""

    def __init__(self, model, journal, controllers, subscriptions, notifier, random) -> None:
        self._model = model
        self._journal = journal
        self._controllers = controllers
        self._subscriptions = subscriptions
        self._notifier = notifier
        self._random = random
        self._flight = {}  # sequence: (tries, due ms)
        self._look_ms = 0
        self._seen_change = -1

    def connected(self) -> None:
        """Nothing is under way on a new connection."""
        self._flight = {}
        self.look()

    def look(self) -> None:
        """Read the journal at the next chance: something was added or made room."""
        self._look_ms = 0

    def msg_id(self, sequence: int) -> str:
        """The msg_id of an event, the same for ever."""
        return "j-%s-%d" % (self._journal.epoch, sequence)

    def acknowledged(self, msg_id: str) -> bool:
        """The primary controller answered: forget the event. False when it is not one of ours."""
        stem = self.msg_id(0)[:-1]
        digits = msg_id[len(stem) :]
        if not msg_id.startswith(stem) or not digits or "-" in digits:
            return False
        for sequence in self._flight:
            if digits == str(sequence):
                self._journal.acknowledge(sequence)
                del self._flight[sequence]
                self.look()
                return True
        return False

    def due(self, now_ms: int):
        """Yield what is to be sent now."""
        if self._seen_change != self._model.changed:
            self._seen_change = self._model.changed
            self.look()
        controller = self._controllers.by_number(PRIMARY)
        if now_ms < self._look_ms or not controller:
            return
        self._look_ms = _NEVER
        for sequence in list(self._flight):
            if not self._journal.is_pending(sequence):  # given up for another event
                del self._flight[sequence]
        for sequence, record in self._journal.pending():
            tries, due_ms = self._flight.get(sequence, (0, 0))
            if not tries and len(self._flight) >= _WINDOW:
                break
            if due_ms <= now_ms:
                outgoing = self.notification(sequence, record)
                if not outgoing:
                    continue
                tries += 1
                wait = self._controllers.retry_wait_ms(controller, tries, self._random)
                due_ms = now_ms + wait
                self._flight[sequence] = (tries, due_ms)
                yield outgoing
            self._look_ms = min(self._look_ms, due_ms)

    def notification(self, sequence: int, record: bytes):
        """The Notify of one journal record, None while nobody subscribed to it."""
        controller = self._controllers.by_number(PRIMARY)
        path, name, args = stamped_arguments(record, self._journal.clock_of)
        row = self.carrier(path, name)
        if not row or not controller:
            return None
        if name == BOOT_EVENT:
            args["ParameterMap"] = self._controllers.boot_parameters(controller)
        data = event_content(path, name, args)
        content = notify_content(self._subscriptions.get(row, "ID"), True, EVENT, data)
        return self._notifier.outgoing(controller, self.msg_id(sequence), content)

    def carrier(self, path: str, name: str):
        """The subscription that carries a journalled event, or None."""
        primary = "Device.LocalAgent.Controller.%d" % PRIMARY
        for row in self._subscriptions.wanting("Event", path, name):
            get = self._subscriptions.get
            if get(row, "Recipient") == primary and get(row, "NotifRetry") == "true":
                return row
        return None
