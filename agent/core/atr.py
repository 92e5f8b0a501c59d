"""A smart card's answer to reset, read by ISO/IEC 7816-3, clause 8.

It is TS, T0, the interface bytes TA1, TB1, TC1, TD1, TA2 ..., up to 15 historical bytes, and the
check byte TCK unless T=0 is the only protocol. T0 and each TDi say in their upper half which
interface bytes follow. All bytes are in the direct convention: who reads the line turns them
(agent/ports/card_uart.py).
"""

from agent.compat import const, to_hex
from agent.errors import CardError

DIRECT = const(0x3B)
INVERSE = const(0x3F)
MAX_BYTES = const(33)
_GLOBAL = const(15)  # "T=15": the bytes that follow are of no protocol
_DEFAULT_WI = const(10)

# Clock rate conversion and baud rate adjustment by their codes; 0 is reserved.
_FI = (372, 372, 558, 744, 1116, 1488, 1860, 0, 0, 512, 768, 1024, 1536, 2048, 0, 0)
_DI = (0, 1, 2, 4, 8, 16, 32, 64, 12, 20, 0, 0, 0, 0, 0, 0)


class ATR:
    """What a complete answer to reset says.

    `protocols` are the values T in their order; `specific` is the one the card already speaks and
    will not negotiate, else None. `clocks` and `bits`: one elementary time unit takes clocks/bits
    cycles of the card's clock, 0 where the card's code for it is reserved. `rates` is TA1, by which
    these are asked for, None where the card offers none. `wait` is WI, of T=0; of T=1 are `ifsc`,
    the largest block it takes, `bwi` and `cwi` of its waiting times, and `crc`, else LRC.
    """

    def __init__(self, data) -> None:
        self.data = data
        self.historical = b""
        self.protocols = []
        self.specific = None
        self.clocks = 372
        self.bits = 1
        self.extra_guard = 0
        self.rates = None
        self.wait = _DEFAULT_WI
        self.ifsc = 32
        self.bwi = 4
        self.cwi = 13
        self.crc = False

    def text(self) -> str:
        """Upper-case hex digits, as Device.SmartCardReaders has them."""
        return to_hex(self.data).upper()


def parse(data):
    """The ATR that these bytes are, None while some are still to come. Raises CardError."""
    if not data:
        return None
    if data[0] not in (DIRECT, INVERSE):
        raise CardError("malformed", "TS")
    if len(data) < 2:
        return None
    atr = ATR(bytes(data))
    at = _interface_bytes(atr, data)
    if at is None:
        return None
    end = at + (data[1] & 15)
    checked = atr.protocols != [0]
    if end + checked > MAX_BYTES:
        raise CardError("malformed", "length")
    if len(data) < end + checked:
        return None
    if len(data) > end + checked:
        raise CardError("malformed", "more bytes than announced")
    atr.historical = bytes(data[at:end])
    if checked:
        _check(data)
    return atr


def _interface_bytes(atr, data):
    """Take them in; where the historical bytes begin, or None while some are missing."""
    at = 2
    group = 1
    blocks = False  # the bytes of T=1 were there
    follows = data[1] >> 4
    protocol = None
    while follows:
        values = [None] * 4
        for which in range(4):
            if follows >> which & 1:
                if at >= MAX_BYTES:
                    raise CardError("malformed", "length")
                if at >= len(data):
                    return None
                values[which] = data[at]
                at += 1
        _take_group(atr, group, protocol, values)
        if group > 2 and protocol == 1 and not blocks:
            blocks = True
            _take_blocks(atr, values)
        announced = values[3]
        if announced is None:
            break
        protocol = announced & 15
        _offer(atr, group, protocol)
        follows = announced >> 4
        group += 1
    if not atr.protocols:
        atr.protocols.append(0)
    return at


def _take_group(atr, group, protocol, values):
    """What TA, TB and TC of one group mean; TB1 and TB2 (programming voltage) mean nothing now."""
    first, _, third, _ = values
    if group == 1:
        if first is not None:
            atr.rates = first
            atr.clocks = _FI[first >> 4]
            atr.bits = _DI[first & 15]
        atr.extra_guard = third or 0
    elif group == 2:
        if first is not None:
            atr.specific = first & 15
            if first & 16:  # the rates are agreed on elsewhere
                atr.clocks = atr.bits = 0
        if third is not None and protocol == 0:
            if not third:
                raise CardError("malformed", "WI is 0")
            atr.wait = third


def _take_blocks(atr, values):
    """What TA, TB and TC mean where they are the first that are of T=1."""
    size, waiting, check, _ = values
    if size is not None:
        if not 0 < size < 255:
            raise CardError("malformed", "IFSC")
        atr.ifsc = size
    if waiting is not None:
        atr.bwi, atr.cwi = waiting >> 4, waiting & 15
        if atr.bwi > 9:
            raise CardError("malformed", "BWI")
    atr.crc = bool(check and check & 1)


def _offer(atr, group, protocol):
    """TDi names a protocol: in ascending order, and T=15 never first."""
    known = atr.protocols
    if protocol == _GLOBAL:
        if group == 1:
            raise CardError("malformed", "T=15 first")
        atr.protocols = [each for each in known if each != _GLOBAL] + [_GLOBAL]
        return
    if known and protocol < known[-1]:
        raise CardError("malformed", "order of protocols")
    if protocol not in known:
        known.append(protocol)


def _check(data):
    total = 0
    for byte in data[1:]:
        total ^= byte
    if total:
        raise CardError("malformed", "TCK")
