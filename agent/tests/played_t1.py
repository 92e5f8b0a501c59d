"""A smart card to play with that speaks T=1, and misbehaves where it is told to. See played_card.

`faults` maps the number of a block it sends, from 0, to what it does instead: `check` spoils the
check, `nad` the address, `number` the number of an I-block, `short` leaves out the last byte,
`long` announces one byte too many, `silent` sends nothing, `noise` sends bytes of no block, `error`
asks for the block it just got again, `twice` says the block before again. `before` maps a number
to a request it makes before that block: `wtx`, `ifs`, `abort`, `nonsense`.
"""

from agent.core.t1 import check_of
from agent.tests.played_card import turned

_REQUESTS = {
    "wtx": (0xC3, b"\x02"),
    "ifs": (0xC1, b"\x10"),
    "abort": (0xC2, b""),
    "nonsense": (0xCF, b"?"),
}


class T1Engine:
    """Bytes in, bytes out, as agent.tests.played_card.CardEngine; `atr` is the parsed one."""

    def __init__(self, card, atr, faults=None, before=None, always="", refuses_pps=False):
        self._card = card
        self._turned = card.atr[0] == 0x3F
        self._crc = atr.crc
        self._ifsd = 32
        self._faults = faults or {}
        self._before = before or {}
        self._always = always
        self._refuses_pps = refuses_pps
        self._heard = bytearray()
        self.blocks = []  # (PCB, information) of every good block it got
        self.commands = 0
        self.agreed = None  # the rates of a PPS
        self._sent = 0
        self._reset()

    def start(self):
        return self._say(self._card.reset())

    def feed(self, byte):
        return self._say(self._answer(self._turn(byte)))

    def _say(self, data):
        return bytes([self._turn(byte) for byte in data])

    def _turn(self, byte):
        return turned(byte) if self._turned else byte

    def _answer(self, byte):
        self._heard.append(byte)
        heard = self._heard
        if heard[0] == 0xFF:
            return self._agree(heard)
        if len(heard) < 3 or len(heard) < 3 + heard[2] + (2 if self._crc else 1):
            return b""
        block, self._heard = bytes(heard), bytearray()
        end = 3 + block[2]
        if block[end:] != check_of(block[:end], self._crc):
            return self._send(0x81 | self._expected << 4, b"")
        self.blocks.append((block[1], block[3:end]))
        return self._take(block[1], block[3:end])

    def _agree(self, heard):
        if len(heard) < 4:
            return b""
        asked, self._heard = bytes(heard), bytearray()
        if self._refuses_pps == "mute":
            return b""
        if self._refuses_pps == "wrong":
            return asked[:3] + b"\x00"
        if self._refuses_pps:
            return bytes((0xFF, asked[1] & 15, 0xFF ^ asked[1] & 15))
        self.agreed = asked[2]
        return asked

    def _reset(self):
        self._number = self._expected = 0  # of its next I-block, of ours
        self._command = bytearray()
        self._pieces = []
        self._last = (0x82, b"")
        self._waiting = None

    def _take(self, pcb, data):
        if pcb & 0xC0 == 0xC0:
            return self._take_s(pcb, data)
        if pcb & 0x80:
            if self._waiting:
                waiting, self._waiting = self._waiting, None
                return self._send(*waiting)
            if self._last[0] & 0x80 == 0 and pcb >> 4 & 1 != self._last[0] >> 6 & 1:
                return self._next_piece()
            return self._send(*self._last)
        if pcb >> 6 != self._expected:
            return self._send(*self._last)
        self._expected ^= 1
        self._command.extend(data)
        if pcb & 0x20:
            return self._send(0x80 | self._expected << 4, b"")
        self.commands += 1
        response = self._card.respond(bytes(self._command))
        self._command = bytearray()
        size = self._ifsd
        self._pieces = [response[at : at + size] for at in range(0, len(response), size)]
        return self._next_piece()

    def _take_s(self, pcb, data):
        if pcb == 0xC0:
            self._reset()
            return self._block(0xE0, b"")
        if pcb == 0xC1:
            self._ifsd = min(data[0], self._card.piece)
            return self._block(0xE1, data)
        waiting, self._waiting = self._waiting, None
        return self._send(*waiting) if waiting else b""

    def _next_piece(self):
        data = self._pieces.pop(0)
        pcb = self._number << 6 | (0x20 if self._pieces else 0)
        self._number ^= 1
        return self._send(pcb, data)

    def _send(self, pcb, data):
        """The next block, unless a request goes first or a fault is due."""
        request = self._before.pop(self._sent, None) or ("wtx" if self._always == "wtx" else None)
        if request:
            self._waiting = pcb, data
            return self._block(*_REQUESTS[request])
        fault = self._always or self._faults.get(self._sent, "")
        self._sent += 1
        before, self._last = self._last, (pcb, data)
        if fault == "twice":
            return self._block(*before)
        if fault == "error":
            return self._block(0x82 | (self._expected ^ 1) << 4, b"")
        return self._spoilt(fault, pcb, data)

    def _spoilt(self, fault, pcb, data):
        block = bytearray(self._block(pcb ^ 0x40 if fault == "number" else pcb, data))
        if fault == "check":
            block[-1] ^= 1
        elif fault == "nad":
            block[0] ^= 0x21
            block[-1] ^= 0x21
        elif fault == "short":
            block = block[:-1]
        elif fault == "long":
            block[2] += 1
        elif fault == "silent":
            block = b""
        elif fault == "noise":
            block = b"\x55\xaa\x02\x00"
        return bytes(block)

    def _block(self, pcb, data):
        block = bytes((0, pcb, len(data))) + bytes(data)
        return block + check_of(block, self._crc)
