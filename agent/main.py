"""Builds the agent from its parts and keeps it running: the one way in is `run(board)`.

The console always runs. Endpoint and session run once the board is provisioned; `commit` on the
console starts them at once. A task that ends takes the whole agent down, to be restarted: an agent
is never half alive.
"""

import asyncio
import gc

from agent.compat import MICROPYTHON, const, monotonic_ms, sleep_ms
from agent.core.clock import Clock
from agent.core.journal import Journal
from agent.core.parts import part
from agent.core.store import Store
from agent.errors import StorageError
from agent.wire.codes import RESET_BROWN_OUT, RESET_POWER_ON, SOFTWARE_VERSION
from agent.wire.topics import controller_topic

_LEAVE_MS = const(3000)  # what was sent before a restart has this long to be acknowledged
_STEP_MS = const(50)
_AGAIN_MS = const(1000)
_MAX_INCOMING_BYTES = const(3072)  # no controller needs more for one request
_COLLECT_BYTES = const(2048)  # keeps what stays together, so that large pieces still find room
_CLIENT = "Device.MQTT.Client.1."


async def run(board):
    """Run the agent on this board; ends only by an error, or by the board's restart."""
    if MICROPYTHON:
        gc.threshold(_COLLECT_BYTES)
    agent = Agent(board)
    try:
        await agent.run()
    except Exception as error:
        agent.keep_fault(error)
        raise


class Agent:
    """The parts of one agent, what its model asks for (`actions`), and what its console needs.

    It is the endpoint's `identity` as well: `endpoint_id` and `controller`. On a board, code and
    data share the heap: what is needed now and then is loaded for it and forgotten.
    """

    def __init__(self, board):
        self._buffer = bytearray(_MAX_INCOMING_BYTES)  # while there is room in one piece
        self.board = board
        storage = board.storage()
        self.store = Store(storage)
        self.journal = Journal(storage, board.random)
        self.clock = Clock(self.store, self.journal)
        self.endpoint_id = board.endpoint_id()
        self.software_version = SOFTWARE_VERSION
        self.controller = ""
        self.model = self.endpoint = self.session = None
        self._provisioning = None
        self._leaving = False
        self._dials = 0
        self._tasks = []
        self._ended = asyncio.Event()
        self._failure: Exception = RuntimeError("a task ended")

    @property
    def provisioning(self):
        """The board's provisioning; what is staged stays until the console is forgotten."""
        if self._provisioning is None:
            module = part("provisioning")
            self._provisioning = module.Provisioning(self.store, self.endpoint_id)
        return self._provisioning

    async def run(self):
        """Start every task; raise what ended the first one that ended."""
        if self.provisioning.state == "provisioned":
            self.committed()
        else:
            part("replacement").start(self.board, self.store)
        self._start(self._console())
        await self._ended.wait()
        for task in self._tasks:
            task.cancel()
        raise self._failure

    def committed(self):
        """What was provisioned takes effect now: connect, or start anew if there is a session."""
        if self.session:
            self.restart()
            return
        settings = self.provisioning.settings()
        self._provisioning = None
        part("replacement").start(self.board, self.store, settings["position"])
        self.controller = settings["controller"]
        from agent.core.backoff import spread_ms
        from agent.core.session import Session

        gc.collect()
        from agent.core.endpoint import Endpoint
        from agent.core.model_device import build
        from agent.core.power import PowerMonitor

        gc.collect()
        self.model = build(self.board, self.clock, self.store, settings, self)
        authorise = None if self.board.lab else self._authorise
        random = self.board.random
        self.endpoint = Endpoint(self, self.model, self.journal, self.store, authorise, random)
        self.session = Session(
            self.endpoint,
            self.endpoint_id,
            self._buffer,
            self._open_link,
            self._load_settings,
            random,
        )
        self.endpoint.monitors = part("monitors").load(self.model, self.endpoint)
        power = PowerMonitor(self.board, self.clock, self.journal, self.endpoint, self.session)
        self.endpoint.monitors.append(power)
        self.session.poll_ms = self.board.poll_ms
        if self.board.reset_cause() in (RESET_POWER_ON, RESET_BROWN_OUT):  # others started too
            spread_s = int(self.model.text(_CLIENT + "X_IPKO-COM_ConnectSpread"))
            self.session.first_wait_ms = spread_ms(spread_s, random)
        power.report_boot(self.model.boot_arguments())
        gc.collect()
        self.endpoint.wake = self.session.wake
        for task in (self.session.run(), self.session.poll_offline()):
            self._start(task)
        if part("replacement").return_me(self.model.swap_part):
            self._start(part("fencing").go_unheard(self))
        for monitor in self.endpoint.monitors:
            if hasattr(monitor, "run"):
                self._start(self._keep_running(monitor))

    def restart(self, before=None):
        """Leave in order, do `before`, and have the board restart; not while the line is busy."""
        if not self._leaving:
            self._leaving = True
            self._start(self._restart(before))

    def busy(self) -> str:
        """Why the device must not restart now, in words; "" when it may."""
        guard = self.model and self.model.guard
        busy = guard.busy() if guard else ""
        return part("call_guard").why(self.model, busy) if busy else ""

    def keep_fault(self, error):
        """Write down what the agent ends of, to be told after the restart."""
        try:
            part("faults").keep(self.store, self.clock, error)
        except (StorageError, MemoryError):
            pass  # nothing is left to keep it with: the reset cause alone tells

    # --- actions of the model

    def reboot(self, cause, reason, command_key):
        """Start anew; the model has left word why."""
        self.restart()

    def factory_reset(self, cause, reason):
        """Forget what controllers wrote; keep the identity, and every event not yet delivered."""

        def forget():
            self.model.forget()
            self.model.leave_word(cause, reason, "")

        self.restart(forget)

    def fence(self):
        """The unit was fenced: once whoever asked has its answer, forget who it was."""
        if not self._leaving:
            self._leaving = True
            self._start(part("fencing").leave(self))

    def configure(self, settings):
        """Connect anew, with what a controller wrote about the broker."""
        self.provisioning.configure(settings)
        self.session.reconnect()

    async def _restart(self, before):
        guard = self.model and self.model.guard
        deadline_ms = monotonic_ms() + _LEAVE_MS
        while True:
            if guard and guard.busy():  # a call began after the restart was agreed to
                deadline_ms = monotonic_ms() + _LEAVE_MS
            elif not self.session or self.session.is_idle() or monotonic_ms() >= deadline_ms:
                break
            await sleep_ms(_STEP_MS)
        if self.session:
            await self.session.close()
        if before:
            before()
        self._discard_loss()
        self.board.restart()

    def _discard_loss(self):
        """Nothing is to be given up after a restart in order; else one sequence is, no more."""
        try:
            self.journal.discard_loss()
        except StorageError:
            pass

    # --- parts

    async def _console(self):
        from agent.console.console import Console

        await Console(self, self.board.random).run()
        await self._ended.wait()  # the line is gone for good: go on without it

    def _authorise(self, token, command, command_key, args):
        """Raises AuthorisationError."""
        key = part("provisioning").Provisioning(self.store, self.endpoint_id).get("command_key")
        gc.collect()
        authority = part("authorisation").Authority(self.store, self.endpoint_id, key, self.clock)
        authority.check(token, command, command_key, args)

    async def _open_link(self, settings):
        if MICROPYTHON:
            from agent.ports.link import open_link
        else:
            from agent.ports.link_cpython import open_link
        self.board.set_clock(self.clock.guess_ms(self._dials) // 1000)
        self._dials += 1
        return await open_link(self.board.dial, settings)

    def _load_settings(self):
        from agent.core.session import Settings

        text = self.model.text
        settings = Settings()
        settings.host = text(_CLIENT + "BrokerAddress")
        settings.port = int(text(_CLIENT + "BrokerPort"))
        settings.client_id = text(_CLIENT + "ClientID")
        settings.username = text(_CLIENT + "Username")
        settings.keep_alive_s = int(text(_CLIENT + "KeepAliveTime"))
        settings.connect_retry_time_s = int(text(_CLIENT + "ConnectRetryTime"))
        settings.connect_retry_interval_multiplier = int(
            text(_CLIENT + "ConnectRetryIntervalMultiplier")
        )
        settings.connect_retry_max_interval_s = int(text(_CLIENT + "ConnectRetryMaxInterval"))
        settings.reply_topic = text("Device.LocalAgent.MTP.1.MQTT.ResponseTopicConfigured")
        settings.topics = (settings.reply_topic,)
        settings.will_topic = controller_topic(self.controller, self.endpoint_id)
        kept = part("provisioning").Provisioning(self.store, self.endpoint_id)
        settings.certificate = kept.get("certificate")
        settings.key = kept.private_key_der()
        settings.ca = kept.get("ca")
        return settings

    # --- tasks

    def _start(self, part):
        self._tasks.append(asyncio.create_task(self._watch(part)))

    async def _keep_running(self, monitor):
        """Begin anew what ended because memory or medium failed."""
        while True:
            try:
                return await monitor.run()
            except (StorageError, MemoryError) as error:
                self.endpoint.failed(error)
            await sleep_ms(_AGAIN_MS)

    async def _watch(self, part):
        try:
            await part
        except Exception as error:  # noqa: BLE001  the outermost loop: handed to run()
            if not self._ended.is_set():
                self._failure = error
        self._ended.set()
