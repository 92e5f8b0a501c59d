"""T=1, the block protocol of a smart card: one command and its response, whatever the line does.

A block is NAD, PCB, LEN, LEN bytes of information, and a check over all of it: LRC (exclusive or)
or CRC, as the answer to reset says. I-blocks carry data and a number that alternates; what does not
fit into one is chained. R-blocks acknowledge a piece of a chain, or ask for a block again.
S-blocks: IFS agrees on the largest information field, WTX asks for more time, ABORT ends a chain,
RESYNCH begins anew. A block that cannot be used is asked for again; after three failures the
protocol begins anew, once for a command, which may so reach the card twice; after three more the
card is given up, to be reset.
Loaded for a card that speaks it, alone. Source: ISO/IEC 7816-3, clause 11.
"""

from agent.compat import const
from agent.errors import CardError

_ATTEMPTS = const(3)
_MAX_WAITS = const(8)  # WTX and IFS requests for one block
_LONGEST_WAIT_MS = const(10000)  # of those a card may ask for: whoever waits is a person
_MAX_RESPONSE = const(258)  # of a short APDU
_IFSD = const(254)

_MORE = const(0x20)
_R_BLOCK = const(0x80)
_S_BLOCK = const(0xC0)
_KIND_BITS = const(0xC0)
_RESPONSE = const(0x20)
_RESYNCH = const(0xC0)
_IFS = const(0xC1)
_ABORT = const(0xC2)
_WTX = const(0xC3)
_BAD_CHECK = const(1)  # what an R-block says is wrong: the check, or anything else
_BAD_BLOCK = const(2)


class _Lost(Exception):
    """Three times no block could be used; the argument is `mute` where none came at all."""


class T1:
    """`port` is the line: `send(data)` and `byte(timeout_ms)`, which raises CardError "mute".

    `etu_ns` is the time of one bit at the speed in force, `clock_hz` the card's clock; `margin_ms`
    is added to each waiting time, for a busy processor.
    """

    def __init__(self, port, atr, clock_hz: int, etu_ns: int, margin_ms: int) -> None:
        self._port = port
        self._crc = atr.crc
        self._ifsc = self._first_ifsc = atr.ifsc
        self._char_ms = (11 + (1 << atr.cwi)) * etu_ns // 1000000 + margin_ms
        block_ms = 11 * etu_ns // 1000000 + (960 << atr.bwi) * 372 * 1000 // clock_hz
        self._block_ms = block_ms + margin_ms
        self._begun = False
        self._longer = 1  # by how much the card asked to wait for its next block
        self._sent = self._expected = 0  # numbers of our next and of the card's next I-block

    async def exchange(self, apdu: bytes) -> bytes:
        """The response to a short APDU. Raises CardError."""
        if not self._begun:
            self._begun = True
            await self._agree()
        why = ""
        for anew in (False, True):
            if anew:
                await self._begin_anew()
            try:
                return await self._transfer(apdu)
            except _Lost as error:
                why = error.args[0]
        raise CardError(why, "no block was whole")

    async def _transfer(self, apdu):
        at = 0
        while True:
            piece = apdu[at : at + self._ifsc]
            at += len(piece)
            more = _MORE if at < len(apdu) else 0
            pcb, data = await self._ask(self._sent << 6 | more, piece)
            self._sent ^= 1
            if not more:
                break
        out = bytearray()
        while True:
            self._expected ^= 1
            out.extend(data)
            if len(out) > _MAX_RESPONSE:
                raise CardError("malformed", "response too long")
            if not pcb & _MORE:
                break
            pcb, data = await self._ask(_R_BLOCK | self._expected << 4, b"")
        if len(out) < 2:
            raise CardError("malformed", "no status")
        return bytes(out)

    async def _ask(self, asked, data):
        """Send a block and give (PCB, information) of the one that goes on from it: the R-block
        that wants the next piece, or an I-block. Raises _Lost or CardError."""
        block = asked, data
        failures = waits = 0
        silent = True
        while failures < _ATTEMPTS:
            await self._send(*block)
            fault, pcb, found = await self._receive()
            silent = silent and found is None
            if not fault and pcb & _KIND_BITS == _S_BLOCK:
                waits += 1
                block = await self._obey(pcb, found)
                if block and waits <= _MAX_WAITS:
                    continue
                fault = _BAD_BLOCK
            elif not fault and _goes_on(asked, pcb, self._expected):
                return pcb, found
            failures += 1
            block = _R_BLOCK | self._expected << 4 | (fault or _BAD_BLOCK), b""
            if not fault and pcb & _KIND_BITS == _R_BLOCK and _is_missing(asked, pcb):
                block = asked, data
        raise _Lost("mute" if silent else "malformed")

    async def _obey(self, pcb, found):
        """The answer to a request of the card, None for one that it may not make."""
        if pcb == _WTX and len(found) == 1 and found[0]:
            self._longer = found[0]
        elif pcb == _IFS and len(found) == 1 and 0 < found[0] < 255:
            self._ifsc = found[0]
        elif pcb == _ABORT and not found:
            await self._send(_ABORT | _RESPONSE, b"")
            raise CardError("refused", "the card ended the command")
        else:
            return None
        return pcb | _RESPONSE, found

    async def _begin_anew(self):
        await self._ask_s(_RESYNCH, b"")
        self._sent = self._expected = 0
        self._ifsc = self._first_ifsc
        await self._agree()

    async def _agree(self):
        """Tell how large a block we take."""
        await self._ask_s(_IFS, bytes((_IFSD,)))

    async def _ask_s(self, pcb, data):
        """Send a request of ours until its response comes. Raises CardError."""
        silent = True
        for _ in range(_ATTEMPTS):
            await self._send(pcb, data)
            fault, found_pcb, found = await self._receive()
            if not fault and found_pcb == pcb | _RESPONSE and found == data:
                return
            silent = silent and found is None
        raise CardError("mute" if silent else "malformed", "S-block")

    # --- blocks

    async def _send(self, pcb, data):
        block = bytearray((0, pcb, len(data)))
        block.extend(data)
        block.extend(check_of(block, self._crc))
        await self._port.send(block)

    async def _receive(self):
        """(0, PCB, information), or (what is wrong, 0, None where nothing came, else b"")."""
        wait_ms = max(self._block_ms, min(self._block_ms * self._longer, _LONGEST_WAIT_MS))
        self._longer = 1
        block = bytearray()
        try:
            block.append(await self._port.byte(wait_ms))
            while len(block) < 3:
                block.append(await self._port.byte(self._char_ms))
            size = block[2] + (2 if self._crc else 1)
            while size:
                block.append(await self._port.byte(self._char_ms))
                size -= 1
        except CardError:
            return _BAD_BLOCK, 0, b"" if block else None
        end = 3 + block[2]
        if bytes(block[end:]) != check_of(block[:end], self._crc):
            await self._silence()
            return _BAD_CHECK, 0, b""
        if block[0] or block[2] == 255:
            await self._silence()
            return _BAD_BLOCK, 0, b""
        return 0, block[1], bytes(block[3:end])

    async def _silence(self):
        """Let pass what is still said: a wrong length may have cut the block short."""
        try:
            while True:
                await self._port.byte(self._char_ms)
        except CardError:
            return


def _goes_on(asked, pcb, expected):
    """Whether an I-block or R-block is what must follow the one we sent."""
    if asked & _R_BLOCK or not asked & _MORE:
        return not pcb & _R_BLOCK and pcb >> 6 == expected
    return pcb & 0xEF == _R_BLOCK and pcb >> 4 & 1 != asked >> 6


def _is_missing(asked, pcb):
    """Whether an R-block asks for the block we sent again."""
    return bool(asked & _R_BLOCK) or pcb >> 4 & 1 == asked >> 6


def check_of(data, crc: bool) -> bytes:
    """LRC, or CRC of ISO/IEC 13239, the upper byte first."""
    total = 0xFFFF if crc else 0
    for byte in data:
        total ^= byte
        for _ in range(8 if crc else 0):
            total = total >> 1 ^ 0x8408 if total & 1 else total >> 1
    return bytes((total >> 8, total & 0xFF)) if crc else bytes((total,))
