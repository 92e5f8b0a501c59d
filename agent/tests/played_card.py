"""Smart cards to play with: a made-up card operating system, and the bytes it says on its line.

No real card or maker is meant. `PlayedCard` answers APDUs; `CardEngine` says them byte by byte as
T=0 wants, `PlayedLine` is a card slot in memory. The harness puts the engine behind a socket.
"""

import struct

from agent.core.atr import parse
from agent.ports.card import CardLine

APPLICATION_ID = b"\xf0EXAMPLE"
FULL = b"\x3b\x66\x00\x00EXCA\x01\x07"  # serial and entitlement can be read
SERIAL_ONLY = b"\x3f\x66\x00\x00EXCB\x01\x02"  # inverse convention
STRANGER = b"\x3b\x65\x00\x00WHAT?"
BOX_BYTES = 8

_SERIAL = (0x80, 0xCA, 0, 1)
_STATUS = (0x80, 0xCA, 0, 2)


class PlayedCard:
    """A card: `atr` empty for a mute one; `box` the serial number of the box it is paired with.

    `heard` holds every APDU it was sent. Times are Unix seconds, 0 for none.
    """

    def __init__(self, serial: str, atr=FULL, box: str = "", entitled: bool = True) -> None:
        self.serial = serial
        self.atr = atr
        self.provider = "EXAMPLE"
        self.expiry = 1_830_297_600  # 2028-01-01
        self.last_emm = 1_795_305_600  # 2026-11-22
        self.box = box
        self.entitled = entitled
        self.heard = []
        self.piece = 254  # what it puts into one block of T=1
        self._selected = False

    def reset(self) -> bytes:
        """Its answer to reset."""
        self._selected = False
        return self.atr

    def refresh(self, box: str, now_s: int) -> None:
        """Entitlement messages reached it: it is paired with the box and may open programmes."""
        self.box = box
        self.entitled = True
        self.last_emm = now_s

    def respond(self, apdu: bytes) -> bytes:
        """Response data and status of an APDU."""
        self.heard.append(bytes(apdu))
        head = tuple(apdu[:4])
        if head == (0x00, 0xA4, 4, 0):
            self._selected = bytes(apdu[5 : 5 + apdu[4]]) == APPLICATION_ID
            return b"\x6f\x00\x90\x00" if self._selected else b"\x6a\x82"
        if head[0] not in (0x00, 0x80):
            return b"\x6e\x00"
        if head not in (_SERIAL, _STATUS):
            return b"\x6d\x00"
        if not self._selected:
            return b"\x69\x85"
        data = self.serial.encode() if head == _SERIAL else self._status()
        if head == _STATUS and self.atr == SERIAL_ONLY:
            return b"\x6a\x88"
        if len(apdu) > 4 and apdu[4] != len(data):
            return bytes((0x6C, len(data)))
        return data + b"\x90\x00"

    def _status(self):
        provider = (self.provider + " " * 8)[:8].encode()
        box = (self.box + "\0" * BOX_BYTES)[:BOX_BYTES].encode()
        times = struct.pack(">II", self.expiry, self.last_emm)
        return provider + times + box + bytes((self.entitled,))


class CardEngine:
    """The line of a card from its reset on: bytes in, bytes out, T=0.

    `slowly` makes it ask for time and take data one byte at a time; `silent_after` makes it fall
    silent after so many bytes, -1 for never.
    """

    def __init__(self, card, slowly: bool = False, silent_after: int = -1) -> None:
        self._card = card
        self._slowly = slowly
        self._silent_after = silent_after
        self._heard = bytearray()
        self._waiting = b""  # response data fetched by GET RESPONSE
        atr = parse(card.atr) if card.atr else None
        self._turned = bool(atr) and card.atr[0] == 0x3F

    def start(self) -> bytes:
        """What it says after reset."""
        return self._say(self._card.reset())

    def feed(self, byte: int) -> bytes:
        """What it answers to one more byte."""
        self._heard.append(self._turn(byte))
        heard = self._heard
        if len(heard) < 5:
            return b""
        ins = heard[1]
        sends = ins == 0xA4  # the only command of ours that brings data
        if sends and len(heard) < 5 + heard[4]:
            if len(heard) == 5 or self._slowly:
                ask = bytes((0x60, ins ^ 0xFF)) if self._slowly else bytes((ins,))
                return self._say(ask)
            return b""
        command = bytes(heard)
        self._heard = bytearray()
        return self._say(self._answer(command, ins, sends))

    def _answer(self, command, ins, sends):
        if command[:2] == b"\x00\xc0":
            response, self._waiting = self._waiting + b"\x90\x00", b""
        else:
            response = self._card.respond(command)
        data, status = response[:-2], response[-2:]
        if not data:
            return status
        if sends:
            self._waiting = data
            return bytes((0x61, len(data)))
        if not self._slowly:
            return bytes((ins,)) + data + status
        return b"\x60" + b"".join([bytes((ins ^ 0xFF, byte)) for byte in data]) + status

    def _say(self, data):
        if 0 <= self._silent_after:
            data = data[: self._silent_after]
            self._silent_after -= len(data)
        return bytes([self._turn(byte) for byte in data])

    def _turn(self, byte):
        return turned(byte) if self._turned else byte


def turned(byte: int) -> int:
    """A byte in the inverse convention: bits reversed and turned over."""
    found = 0
    for bit in range(8):
        found |= (byte >> bit & 1) << (7 - bit)
    return found ^ 0xFF


def engine_of(card, **manner):
    """What says a card's bytes, by the first protocol its answer to reset names."""
    if card.atr and parse(card.atr).protocols[0] == 1:
        from agent.tests.played_t1 import T1Engine

        return T1Engine(card, parse(card.atr), **manner)
    return CardEngine(card, **manner)


class PlayedLine(CardLine):
    """A slot in memory: `card` None is an empty one. `speeds` are those it was told to use."""

    def __init__(self, card=None, **manner):
        self.card = card
        self.manner = manner
        self.speeds = []
        self.is_active = False
        self.noise = 0  # flips bits of the next byte that is written, as it is heard back
        self.noise_at = ()  # which of all bytes that are written arrive changed
        self.engine = None
        self._written = 0
        self._line = bytearray()

    def activate(self, baud):
        self.speeds.append((baud, False))
        self.is_active = True
        self._line = bytearray()
        self.engine = engine_of(self.card, **self.manner) if self.card else None
        if self.engine:
            self._line.extend(self.engine.start())

    def set_speed(self, baud, odd):
        self.speeds.append((baud, odd))

    def deactivate(self):
        self.is_active = False

    def write(self, data):
        for byte in data:
            self._written += 1
            if self._written in self.noise_at:
                byte ^= 8
            self._line.append(byte ^ self.noise)
            self.noise = 0
            if self.engine:
                self._line.extend(self.engine.feed(byte))

    def read(self):
        if not self._line:
            return None
        byte = self._line[0]
        self._line = self._line[1:]
        return byte
