"""A smart card on a UART: answer to reset, T=0, and the way to T=1, by ISO/IEC 7816-3.

- After a cold reset the card speaks at 372 clocks for each elementary time unit (etu): 9,600 baud
  at 3.5712 MHz. The first byte tells the convention; in the inverse one bits come reversed and
  turned over, and so does the parity.
- A card goes on with the first protocol it named. A faster speed it offers is agreed on (PPS) with
  the first command; one that answers that wrongly is reset and stays at the speed it began with.
  One in specific mode is followed.
- A command is five bytes; then the card says by procedure bytes what comes next: wait (60), all
  of the data (INS), one byte of it (INS turned over), or the end (SW1 SW2).
- T=1 is agent/core/t1.py, loaded for a card that speaks it.
- Extended APDUs and the error signal of T=0 (a UART cannot pull the line low inside its stop
  bits) are not supported: a byte lost to noise ends the exchange, and the card is reset.
"""

from agent.compat import const, monotonic_ms, sleep_ms
from agent.core.atr import ATR, INVERSE, MAX_BYTES, parse
from agent.errors import CardError
from agent.ports.card import CardPort

_INVERSE_ON_LINE = const(0x03)
_MAX_NULLS = const(20)
_MAX_PARTS = const(4)
_NO_EXTRA_GUARD = const(255)
_HEADER_BYTES = const(5)


class UARTCard(CardPort):
    """The card on a CardLine. Times in ms: 40,000 clocks are 11, the rest is for a busy processor;
    9,600 etu are 1,000 at the speed of the answer to reset."""

    first_byte_ms = 300
    next_byte_ms = 1000
    margin_ms = 100

    def __init__(self, line) -> None:
        self._line = line
        self._turned = False
        self._speaks = False
        self._atr: ATR | None = None  # while nothing was agreed on yet
        self._blocks = None  # a T1 where the card speaks it
        self._guard_ms = 0
        self._wait_ms = self.next_byte_ms

    async def reset(self):
        line = self._line
        self.release()
        self._turned = False
        line.activate(line.clock_hz // 372)
        data = bytearray((await self.byte(self.first_byte_ms),))
        if data[0] == _INVERSE_ON_LINE:
            self._turned = True
            data[0] = INVERSE
            line.set_speed(line.clock_hz // 372, True)
        atr = parse(data)
        while atr is None and len(data) < MAX_BYTES:
            data.append(await self.byte(self.next_byte_ms))
            atr = parse(data)
        self._atr = atr
        return bytes(data)

    def release(self):
        self._speaks = False
        self._atr = self._blocks = None
        self._line.deactivate()

    async def exchange(self, apdu):
        header, data, expected = _split(apdu)
        if self._atr:
            await self._begin()
        if not self._speaks:
            raise CardError("protocol", "only T=0 and T=1 at a known speed")
        if self._blocks:
            return await self._blocks.exchange(apdu)
        out, sw = await self._command(header, data, expected)
        if sw[0] == 0x6C:
            header[4] = sw[1]
            out, sw = await self._command(header, b"", sw[1] or 256)
        for _ in range(_MAX_PARTS):
            if sw[0] != 0x61:
                break
            more = bytearray((apdu[0], 0xC0, 0, 0, sw[1]))
            part, sw = await self._command(more, b"", sw[1] or 256)
            out += part
        return bytes(out + sw)

    async def _begin(self):
        """Agree with the card on what it offers, before its first command."""
        atr = self._atr
        faster = False
        if self._is_worth_asking(atr):
            from agent.core.card_pps import agreed, request

            asked = request(atr.protocols[0], atr.rates)
            try:
                await self.send(asked, True)
                faster = await agreed(self.byte, asked, self.next_byte_ms)
            except CardError:
                await self.reset()
        self._atr = None
        self._agree(atr, faster)

    def _is_worth_asking(self, atr):
        """Whether the card offers a speed that is higher, and that the line can follow."""
        if atr.specific is not None or atr.rates is None or atr.protocols[0] > 1:
            return False
        clock_hz = self._line.clock_hz
        first_baud = clock_hz // 372
        baud = clock_hz * atr.bits // atr.clocks if atr.clocks else 0
        return first_baud < baud <= self._line.max_baud

    def _agree(self, atr, faster):
        """Follow what the card said of its protocol and speed."""
        line = self._line
        protocol = atr.protocols[0] if atr.specific is None else atr.specific
        clocks, bits = 372, 1
        if faster or atr.specific is not None:
            clocks, bits = atr.clocks, atr.bits
        self._speaks = protocol <= 1 and bool(clocks and bits)
        if not self._speaks:
            return
        if (clocks, bits) != (372, 1):
            line.set_speed(line.clock_hz * bits // clocks, self._turned)
        guard = 0 if atr.extra_guard == _NO_EXTRA_GUARD else atr.extra_guard
        per_ms = line.clock_hz * bits // 1000
        self._guard_ms = -(-guard * clocks // per_ms)
        self._wait_ms = atr.wait * 960 * clocks * 1000 // line.clock_hz + self.margin_ms
        if protocol == 1:
            from agent.core.t1 import T1

            etu_ns = clocks * 1000000000 // (line.clock_hz * bits)
            self._blocks = T1(self, atr, line.clock_hz, etu_ns, self.margin_ms)

    async def _command(self, header, data, expected):
        """Send one command TPDU; its data and status."""
        await self.send(header, True)
        out = bytearray()
        ins = header[1]
        sent = nulls = 0
        while True:
            procedure = await self.byte(self._wait_ms)
            if procedure == 0x60:
                nulls += 1
                if nulls > _MAX_NULLS:
                    raise CardError("mute", "it only asks to wait")
            elif procedure == ins or procedure == ins ^ 0xFF:
                left = len(data) - sent if data else expected - len(out)
                if left <= 0:
                    raise CardError("malformed", "more data than there is")
                count = left if procedure == ins else 1
                if data:
                    await self.send(data[sent : sent + count], True)
                    sent += count
                else:
                    for _ in range(count):
                        out.append(await self.byte(self._wait_ms))
            elif procedure & 0xF0 in (0x60, 0x90):
                return out, bytes((procedure, await self.byte(self._wait_ms)))
            else:
                raise CardError("malformed", "procedure byte")

    async def send(self, data, strict=False):
        """Write, and hear it come back; byte by byte where the card wants pauses. `strict`: what
        comes back changed is an error; in T=1 the card finds that out."""
        line = self._line
        step = 1 if self._guard_ms else len(data)
        for at in range(0, len(data), step):
            piece = bytes([self._code(byte) for byte in data[at : at + step]])
            line.write(piece)
            for byte in piece:
                if await self._heard(self.next_byte_ms) != byte and strict:
                    raise CardError("malformed", "another byte on the line")
            if self._guard_ms:
                await sleep_ms(self._guard_ms)

    async def byte(self, timeout_ms):
        """The next byte of the card, in the direct convention. Raises CardError "mute"."""
        return self._code(await self._heard(timeout_ms))

    async def _heard(self, timeout_ms):
        deadline_ms = monotonic_ms() + timeout_ms
        while True:
            byte = self._line.read()
            if byte is not None:
                return byte
            if monotonic_ms() >= deadline_ms:
                raise CardError("mute")
            await sleep_ms(1)

    def _code(self, byte):
        """A byte as the line has it, and the way back."""
        if not self._turned:
            return byte
        turned = 0
        for bit in range(8):
            turned = turned << 1 | (byte >> bit & 1)
        return turned ^ 0xFF


def _split(apdu):
    """(header, data to send, bytes expected) of a short APDU. Raises CardError."""
    size = len(apdu)
    header = bytearray(apdu[:_HEADER_BYTES])
    if size < 4 or (size > _HEADER_BYTES and size - _HEADER_BYTES not in (apdu[4], apdu[4] + 1)):
        raise CardError("protocol", "no short APDU")
    if size == 4:
        header.append(0)
        return header, b"", 0
    if size == _HEADER_BYTES:
        return header, b"", apdu[4] or 256
    return header, apdu[_HEADER_BYTES : _HEADER_BYTES + apdu[4]], 0
