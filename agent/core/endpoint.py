"""The USP agent: Records in, Records out, and what becomes due in between. It touches nothing.

Only the enabled controllers of the model are heard; everyone else gets silence. A Record that is no
Record is dropped; a request that can be told apart is answered, with an Error if need be (R-MTP.5).
Sessions are not supported and are answered with disconnect 7106, secured payloads with 7104.
"""

from agent.breath import breathe
from agent.compat import const
from agent.core.changes import Asker, remove_row
from agent.core.controllers import Controllers
from agent.core.events import event_record, stamped_arguments
from agent.core.journal import ORDINARY, RESERVED
from agent.core.notify import (
    EVENT,
    OBJECT_CREATION,
    OBJECT_DELETION,
    OPERATION_COMPLETE,
    VALUE_CHANGE,
    Notifier,
    event_content,
)
from agent.core.notify_journal import PRIMARY, JournalNotifier
from agent.core.operations import Operations
from agent.core.outgoing import Outgoing, ready
from agent.core.parts import part
from agent.core.subscriptions import Subscriptions
from agent.core.survival import Survival
from agent.errors import StorageError
from agent.wire import usp
from agent.wire.codes import (
    BOOT_EVENT,
    DIAGNOSTICS,
    EVENTS_DROPPED_EVENT,
    FAULT_EVENT,
    INTERNAL_ERROR,
    INVALID_RECORD_VALUE,
    LOCAL_AGENT,
    MAINS,
    PERIODIC_EVENT,
    POWER,
    POWER_LOSS_EVENT,
    POWER_RESTORED_EVENT,
    PUSH_EVENT,
    REQUEST_DENIED,
    RESOURCES_EXCEEDED,
    RESULT_EVENT,
    SESSION_NOT_ALLOWED,
    SESSION_TERMINATED,
    TESTS,
)
from agent.wire.protobuf import WireError, encode
from agent.wire.replacement import FENCED
from agent.wire.topics import agent_topic, controller_topic
from agent.wire.usp import USPError

_HOLD_BACK_MS = const(2000)  # journalled events wait so long for the time, to leave dated
_CHECK_MS = const(1000)  # between two looks at values and times to live
_PER_WATCHED_MS = const(10)


class Endpoint:
    """One agent. `identity` has `endpoint_id` and `controller`; the rest is in architecture.md."""

    def __init__(self, identity, model, journal, store, authorise, random) -> None:
        self._endpoint_id = identity.endpoint_id
        self._controller_id = identity.controller
        self._reply_topic = agent_topic(identity.endpoint_id)
        self._model = model
        self._journal = journal
        self._store = store
        self._authorise = authorise
        self._controllers = Controllers(model, identity.endpoint_id)
        self._subscriptions = Subscriptions(model)
        stem = "%s-%d" % (journal.epoch, model.clock.boot_count)
        self._notifier = Notifier(
            self._endpoint_id,
            self._reply_topic,
            self._controllers,
            self._subscriptions,
            random,
            stem,
        )
        self._journalled = JournalNotifier(
            model, journal, self._controllers, self._subscriptions, self._notifier, random
        )
        self._operations = Operations(
            model, self._notifier.add_on_board_request, self._finished, self._after
        )
        journal.describe_drop = self._drop_record
        self._survival = Survival(self._tell_fault)
        self.last_loss = journal.last_loss  # the power loss before this start, if it is known
        self.power_source = MAINS  # what would fail at a power-fail signal
        self.wake = _nothing  # of the session: what became due is sent at once
        self.monitors = []  # of monitors.py: each is asked to look with every poll
        self._answering = []
        self._urgent = 0  # the latest event of this boot about power or the emergency line
        self._check_ms = 0
        self._dated = False

    # --- connection

    def connected(self, now_ms: int) -> Outgoing:
        """The connection stands: the Record to send before any other."""
        self._model.sample(now_ms)
        self._model.online = True
        self._model.connected_ms = now_ms
        self._notifier.connected()
        self._journalled.connected()
        data = usp.connect_record(self._endpoint_id, self._controller_id, self._reply_topic)
        return Outgoing(self._own_topic(), self._reply_topic, ready(data))

    def disconnected(self) -> None:
        """The connection is gone."""
        self._model.online = False

    def will(self) -> bytes:
        """The Record the broker publishes when the agent falls silent."""
        return usp.disconnect_record(
            self._endpoint_id, self._controller_id, SESSION_TERMINATED, "connection lost"
        )

    def too_large(self, outgoing: Outgoing):
        """What to send instead of what the broker does not take, or None."""
        if not outgoing.asked:
            return None
        error = USPError(RESOURCES_EXCEEDED, "the answer is too large")
        return self._error(outgoing.asked, outgoing.topic, error)

    def _own_topic(self):
        return controller_topic(self._controller_id, self._endpoint_id)

    def is_urgent(self) -> bool:
        """Whether an event about power or the emergency line waits to be told."""
        return self._journal.is_pending(self._urgent)

    # --- Records in

    def receive(self, payload, topic: str, response_topic: str | None, now_ms: int):
        """Yield what answers a Record; nothing where memory does not even suffice to read it."""
        try:
            yield from self._received(payload, response_topic, now_ms)
        except MemoryError:
            return  # whoever asked asks again

    def _received(self, payload, response_topic, now_ms):
        self._model.sample(now_ms)
        try:
            record = part("wire.usp_decode").decode_record(payload)
        except WireError:
            return
        controller = self._controllers.by_endpoint_id(record.from_id)
        if record.to_id != self._endpoint_id or not controller:
            return
        reply_to = response_topic or self._controllers.topic(controller)
        if record.kind == usp.SESSION_CONTEXT:
            yield self._disconnect(record, reply_to, SESSION_NOT_ALLOWED, "no session contexts")
        elif record.kind != usp.NO_SESSION_CONTEXT or record.payload is None:
            return
        elif record.payload_security:
            yield self._disconnect(record, reply_to, INVALID_RECORD_VALUE, "payload_security")
        else:
            yield from self._take(record, controller, reply_to)

    def _disconnect(self, record, reply_to, code, reason):
        data = usp.disconnect_record(self._endpoint_id, record.from_id, code, reason)
        return Outgoing(reply_to, self._reply_topic, ready(data))

    def _take(self, record, controller, reply_to):
        try:
            message = part("wire.usp_decode").decode_message(record.payload)
        except WireError:
            return
        if message.body == usp.REQUEST:
            asked = (record.from_id, message.msg_id)
            if asked in self._answering:
                return
            self._answering.append(asked)
            try:
                outgoing = self._answer(asked, message, controller, reply_to)
                if outgoing:
                    yield outgoing
            finally:
                self._answering.remove(asked)
        elif message.body == usp.RESPONSE and message.member == usp.NOTIFY:
            number = controller[0][0]
            if not (number == PRIMARY and self._journalled.acknowledged(message.msg_id)):
                self._notifier.acknowledged(message.msg_id, number)

    def _answer(self, asked, message, controller, reply_to):
        asker = Asker(controller[0][0], bool(self._authorise), self._model.now())
        try:
            if message.fault:
                raise message.fault
            breathe()
            content = self._carry_out(message, asker, asked[0])
            breathe()
            outgoing = None
            if content:
                produce = usp.answer_producer(
                    self._endpoint_id, asked[0], asked[1], message.member, content
                )
                outgoing = Outgoing(reply_to, self._reply_topic, produce, asked)
        except USPError as error:
            return self._failure(asked, message, reply_to, error)
        except MemoryError:
            return self._failure(asked, message, reply_to, USPError(RESOURCES_EXCEEDED))
        except StorageError:
            return self._failure(asked, message, reply_to, USPError(INTERNAL_ERROR))
        self._after(asker)
        return outgoing

    def _failure(self, asked, message, reply_to, error):
        if message.member == usp.OPERATE and not message.fault:
            if not usp.first(message.view, 0x18, 0):
                return None
        return self._error(asked, reply_to, error)

    def _error(self, asked, reply_to, error):
        produce = usp.error_producer(
            self._endpoint_id,
            asked[0],
            asked[1],
            error.code,
            error.text or part("error_texts").text_of(error.code),
            error.param_errs,
        )
        return Outgoing(reply_to, self._reply_topic, produce)

    def _carry_out(self, message, asker, originator):
        model = self._model
        view = message.view
        if message.member == usp.OPERATE:
            operate = part("messages_operate").operate
            return operate(model, view, asker, originator, self._operations, self._authorise)
        name, function = _HANDLERS[message.member].split(".")
        handler = getattr(part(name), function)
        if usp.SET <= message.member <= usp.DELETE:
            if model.swap_part == FENCED:
                raise USPError(REQUEST_DENIED, "the unit is fenced")
            return handler(model, view, asker)
        return handler(model, view)

    # --- what becomes due

    def poll(self, now_ms: int):
        """Yield what is due; timers and samples go on while nobody is connected. None stands for
        nothing: others may run now, such as who hears that power fails."""
        model = self._model
        self._attempt(model.sample, now_ms)
        yield None
        self._attempt(model.run_later, now_ms)
        for monitor in self.monitors:
            yield None
            self._attempt(monitor.look, now_ms)
        while model.chores:
            yield from self._each(model.chores.pop())
        yield None
        self._attempt(self._operations.advance)
        if now_ms >= self._check_ms:
            yield from self._each(self._check(now_ms))
        if not model.online:
            return
        if model.clock.trusted or now_ms - model.connected_ms >= _HOLD_BACK_MS:
            yield from self._each(self._journalled.due(now_ms))
        yield from self._each(self._notifier.due(now_ms))

    def failed(self, error) -> None:
        """Something ended of a StorageError or a MemoryError: go on. Raises it when that happened
        too often."""
        self._survival.met(error, self._model.now_ms)

    def _attempt(self, work, *args):
        try:
            work(*args)
        except (StorageError, MemoryError) as error:
            self.failed(error)

    def _each(self, steps):
        try:
            yield from steps
        except (StorageError, MemoryError) as error:
            self.failed(error)

    def _tell_fault(self, error, count):
        args = {"Reason": "%s: %s" % (type(error).__name__, error), "Count": str(count)}
        try:
            self.event(LOCAL_AGENT, FAULT_EVENT, args, self._model.now_ms, True)
        except (StorageError, MemoryError):
            pass  # the next one that is told has the count

    def _check(self, now_ms):
        for row in self._subscriptions.expired(now_ms):
            asker = Asker(0, False, "")
            remove_row(self._model, self._subscriptions.object(), row, asker)
            self._model.save()
            self._after(asker)
        for found in self._subscriptions.changed_values():
            if found:
                row, path, value = found
                self._notifier.add(row, VALUE_CHANGE, encode(0x0A, path, 0x12, value), now_ms)
            yield None
        self._check_ms = now_ms + _CHECK_MS + _PER_WATCHED_MS * self._subscriptions.watched
        if self._model.offset_ms is not None and not self._dated:
            self._dated = True
            self._controllers.plan_anew()
        for row in self._controllers.due_periodic(now_ms, self._model.offset_ms):
            self._spread(LOCAL_AGENT, PERIODIC_EVENT, {}, now_ms, row[0][0])

    # --- events

    def event(
        self, path: str, name: str, args: dict, now_ms: int, journalled=False, priority=ORDINARY
    ) -> int:
        """Something happened; return its sequence in the journal, 0 when it has none. `priority`
        is its class there (journal.py): RESERVED for power lost or back, and for a line that can
        or cannot reach emergency numbers."""
        if path == POWER:
            self._model.count_event(name, args)
        if not journalled:
            self._spread(path, name, args, now_ms)
            return 0
        record = event_record(path, name, args, self._model.clock.boot_count, now_ms)
        restores = name == POWER_RESTORED_EVENT
        if restores or name == POWER_LOSS_EVENT:
            priority = RESERVED
        sequence = self._journal.append(record, priority, restores)
        if priority == RESERVED:
            self._urgent = sequence
        self._journalled.look()
        args = stamped_arguments(record, self._journal.clock_of)[2]
        carrier = self._journalled.carrier(path, name)
        stem = self._journalled.msg_id(sequence)
        self._spread(path, name, args, now_ms, 0, carrier, stem if sequence else "")
        return sequence

    def _drop_record(self, tally):
        """The record of the event that tells of events the journal lost."""
        model = self._model
        args = part("journal_room").drop_arguments(tally)
        boot_count = model.clock.boot_count
        return event_record(LOCAL_AGENT, EVENTS_DROPPED_EVENT, args, boot_count, model.now_ms)

    def _spread(self, path, name, args, now_ms, only=0, carrier=None, stem=""):
        """Queue an event for its subscribers, but for the one whom the journal serves."""
        for row in self._subscriptions.wanting("Event", path, name):
            recipient = self._subscriptions.get(row, "Recipient")
            controller = self._controllers.by_reference(recipient)
            if row is carrier or not controller or (only and controller[0][0] != only):
                continue
            if name == BOOT_EVENT:
                args["ParameterMap"] = self._controllers.boot_parameters(controller)
            msg_id = "%s-%d" % (stem, row[0][0]) if stem else ""
            data = event_content(path, name, args)
            self._notifier.add(row, EVENT, data, now_ms, msg_id, name == PUSH_EVENT)

    def changes(self) -> int:
        """Another number after every change of rows or written values, subscriptions among them."""
        return self._model.changed

    def notification(self, sequence: int, record: bytes):
        """The Notify of a journal record, for a gasp made beforehand; None without subscription."""
        return self._journalled.notification(sequence, record)

    def _finished(self, path, name, key, outcome):
        if isinstance(outcome, USPError):
            end = (0x2A, encode(0x0D, outcome.code, 0x12, outcome.text))
        else:
            end = (0x22, part("messages_operate").outputs_message(outcome))
            if path == DIAGNOSTICS:  # the result outlives link and restart
                args = part("diagnostics").told(name, key, outcome)
                self.event(TESTS, RESULT_EVENT, args, self._model.now_ms, True)
        data = encode(0x0A, path, 0x12, name, 0x1A, key, *end)
        for row in self._subscriptions.wanting("OperationComplete", path, name):
            self._notifier.add(row, OPERATION_COMPLETE, data, self._model.now_ms)

    def _after(self, asker):
        """Tell of what a request made and removed, and act on what it wrote."""
        model = self._model
        for obj, row in asker.created:
            if obj == self._subscriptions.object():
                self._subscriptions.begin(row)
            path = model.instance_path(obj, row)
            pairs = [0x0A, path]
            for name, value in model.unique_keys(obj, row):
                pairs.append(0x12)
                pairs.append(encode(0x0A, name, 0x12, value))
            for found in self._subscriptions.wanting("ObjectCreation", path):
                self._notifier.add(found, OBJECT_CREATION, encode(*pairs), model.now_ms)
        for path in asker.deleted:
            for found in self._subscriptions.wanting("ObjectDeletion", path):
                self._notifier.add(found, OBJECT_DELETION, encode(0x0A, path), model.now_ms)
        for obj in asker.changed:
            if model.path(obj).startswith("Device.MQTT.Client."):
                model.later(model.actions.configure, part("commands").broker_settings(model))


def _nothing():
    """Nobody is to be woken."""


# Module and function that carry out each request, by its field number.
_HANDLERS = (
    "",
    "messages_read.get",
    "messages_supported.get_supported_dm",
    "messages_read.get_instances",
    "messages_set.set_values",
    "messages_add.add",
    "messages_delete.delete",
    "",
    "",
    "messages_supported.get_supported_protocol",
)
