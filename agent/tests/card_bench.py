"""A set-top box on the desk, with a played card in its slot, and time that passes when told to."""

import asyncio

from agent.core.card import Monitor
from agent.ports.card_uart import UARTCard
from agent.tests.fakes import FakeBoard
from agent.tests.played_card import BOX_BYTES, PlayedCard, PlayedLine
from agent.tests.usp_bench import Bench, notify_of

STEP_MS = 250
SERIAL = "EX000001"
OTHER_SERIAL = "EX000002"


class CardBench(Bench):
    """`line.card` is the card in the slot, None while there is none."""

    def __init__(self, card=None, storage=None, port=True):
        board = FakeBoard(cause=1)
        board.product_class = "STB"
        self.line = PlayedLine(card)
        self.box = board.serial_number[-BOX_BYTES:]
        if port:
            board.card_port = self._port
        board.card = card is not None
        board.known["card"] = {}
        Bench.__init__(self, storage, board)
        self.monitor = Monitor(self.model, self.endpoint)
        self.endpoint.monitors = [self.monitor]
        self.told = []
        self.sent = []  # the Notify messages that left

    def _port(self):
        port = UARTCard(self.line)
        port.first_byte_ms = port.next_byte_ms = 5
        return port

    def put_in(self, card):
        self.board.card = True
        self.line.card = card

    def take_out(self):
        self.board.card = False
        self.line.card = None

    def good_card(self, serial=SERIAL, **more):
        """A card that is paired with this box."""
        return PlayedCard(serial, box=self.box, **more)

    def facts(self, **values):
        self.board.known["card"] = dict(self.board.known["card"], **values)

    def let_pass(self, duration_ms=3 * STEP_MS):
        """Poll for so long, reading cards in between; the events of that time, as (name, args)."""
        before = len(self.told)
        asyncio.run(self._live(duration_ms))
        return self.told[before:]

    def on_event(self, path, name, args, now_ms, journalled=False):
        assert journalled and path == "Device.SmartCardReaders.SmartCardReader.1."
        self.told.append((name, dict(args)))
        return self._event(path, name, args, now_ms, journalled)

    def watch(self):
        self._event = self.endpoint.event
        self.endpoint.event = self.on_event
        return self

    async def _live(self, duration_ms):
        self.monitor._wanted = asyncio.Event()
        task = asyncio.create_task(self.monitor.run())
        end = self.now_ms + duration_ms
        while self.now_ms < end:
            self.now_ms += STEP_MS
            self.sent.extend(
                [notify_of(out.payload()) for out in self.endpoint.poll(self.now_ms) if out]
            )
            for _ in range(3):
                await asyncio.sleep(0)
            while self.line.is_active:
                await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            pass
