"""Agreeing with a smart card on protocol and speed, after its answer to reset.

PPSS is FF, PPS0 names the protocol and says that PPS1 follows, PPS1 the rates as TA1 does, PCK
makes the exclusive or of all 0. The card gives back the same, or without PPS1 where it stays at the
speed it began with. Loaded for a card that offers more than that speed.
Source: ISO/IEC 7816-3, clause 9.
"""

from agent.errors import CardError

_PPSS = 0xFF
_PPS1_FOLLOWS = 0x10


def request(protocol: int, rates: int) -> bytes:
    """The question for a protocol and a code of rates."""
    return bytes((_PPSS, protocol | _PPS1_FOLLOWS, rates, _PPSS ^ protocol ^ _PPS1_FOLLOWS ^ rates))


async def agreed(byte, asked: bytes, timeout_ms: int) -> bool:
    """Read the answer by `byte(timeout_ms)`; whether the rates asked for are taken. Raises
    CardError: the card must be reset then, and not be asked again."""
    answer = bytearray()
    while len(answer) < 2:
        answer.append(await byte(timeout_ms))
    size = 3 + (answer[1] >> 4 & 1) + (answer[1] >> 5 & 1) + (answer[1] >> 6 & 1)
    while len(answer) < size:
        answer.append(await byte(timeout_ms))
    if answer == asked:
        return True
    pps0 = asked[1] & 15
    if answer == bytes((_PPSS, pps0, _PPSS ^ pps0)):
        return False
    raise CardError("malformed", "PPS")
