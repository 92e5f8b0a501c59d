"""A card at the end of a wire: its answer to reset, T=0 in every shape, and a line that fails."""

import asyncio

from agent.core.atr import parse
from agent.errors import CardError
from agent.ports.card_pins import PinCardLine
from agent.ports.card_uart import UARTCard
from agent.tests.played_card import (
    APPLICATION_ID,
    FULL,
    SERIAL_ONLY,
    STRANGER,
    PlayedCard,
    PlayedLine,
)

SELECT = b"\x00\xa4\x04\x00\x08" + APPLICATION_ID
GET_SERIAL = b"\x80\xca\x00\x01\x08"
SERIAL = "EX000001"


def _port(line):
    port = UARTCard(line)
    port.first_byte_ms = port.next_byte_ms = 30
    return port


def _run(line, *apdus):
    """The answer to reset and the response to each APDU."""

    async def work():
        port = _port(line)
        out = [await port.reset()]
        for apdu in apdus:
            out.append(await port.exchange(apdu))
        port.release()
        return out

    return asyncio.run(work())


def _fails(line, *apdus):
    """The word of the CardError."""
    try:
        _run(line, *apdus)
    except CardError as error:
        return error.args[0]
    return ""


def test_a_card_answers_to_reset_and_to_commands_of_every_case():
    line = PlayedLine(PlayedCard(SERIAL))
    answer, selected, serial, unknown = _run(line, SELECT, GET_SERIAL, b"\x80\x10\x00\x00")
    assert answer == FULL
    assert selected == b"\x6f\x00\x90\x00", "fetched by GET RESPONSE"
    assert serial == SERIAL.encode() + b"\x90\x00"
    assert unknown == b"\x6d\x00"
    assert line.speeds == [(9600, False)]
    assert not line.is_active


def test_a_wrong_length_is_asked_for_again_as_the_card_says():
    responses = _run(PlayedLine(PlayedCard(SERIAL)), SELECT, GET_SERIAL[:4] + b"\x40")
    assert responses[2] == SERIAL.encode() + b"\x90\x00"


def test_the_inverse_convention_turns_every_byte_and_the_parity():
    line = PlayedLine(PlayedCard(SERIAL, SERIAL_ONLY))
    answer, _, serial = _run(line, SELECT, GET_SERIAL)
    assert answer == SERIAL_ONLY
    assert serial == SERIAL.encode() + b"\x90\x00"
    assert line.speeds == [(9600, False), (9600, True)]


def test_a_card_may_ask_for_time_and_take_one_byte_at_a_time():
    line = PlayedLine(PlayedCard(SERIAL), slowly=True)
    assert _run(line, SELECT, GET_SERIAL)[2] == SERIAL.encode() + b"\x90\x00"


def test_no_card_and_a_mute_one_are_told_apart_by_nobody_here():
    assert _fails(PlayedLine(None)) == "mute"
    assert _fails(PlayedLine(PlayedCard(SERIAL, b""))) == "mute"


def test_a_card_that_falls_silent_in_the_middle_is_mute():
    card = PlayedCard(SERIAL, b"\x3b\x60\x00\x00")
    assert _fails(PlayedLine(card, silent_after=3)) == "mute"
    for heard in (0, 1, 3):
        line = PlayedLine(PlayedCard(SERIAL, b"\x3b\x00"), silent_after=2 + heard)
        line.clock_hz = 3571200 * 50  # shortens the work waiting time
        assert _fails(line, SELECT) == "mute", heard


def test_a_byte_that_comes_back_changed_ends_the_exchange():
    line = PlayedLine(PlayedCard(SERIAL))

    async def work():
        port = _port(line)
        await port.reset()
        line.noise = 4
        await port.exchange(SELECT)

    try:
        asyncio.run(work())
        raise AssertionError("accepted")
    except CardError as error:
        assert error.args == ("malformed", "another byte on the line")


def test_what_no_card_may_say_is_refused():
    class Line(PlayedLine):
        def activate(self, baud):
            PlayedLine.activate(self, baud)
            self.engine._answer = lambda command, ins, sends: self.says

    for says in (b"\x12", b"\xca" * 40, b"\x60" * 40):
        line = Line(PlayedCard(SERIAL))
        line.says = says
        word = _fails(line, b"\x80\xca\x00\x01\x08", b"\x80\xca\x00\x01\x08")
        assert word in ("malformed", "mute"), says


def test_a_card_of_another_protocol_is_known_by_its_answer_and_not_spoken_to():
    line = PlayedLine(PlayedCard(SERIAL, b"\x3b\x80\x02\x82"))
    assert parse(line.card.atr).protocols == [2]
    assert _fails(line, SELECT) == "protocol"
    assert line.card.heard == []


def test_a_card_in_specific_mode_is_followed_to_its_speed():
    line = PlayedLine(PlayedCard(SERIAL, b"\x3b\x90\x94\x10\x00"))
    assert _run(line, SELECT)[1][-2:] == b"\x90\x00"
    assert line.speeds[-1] == (3571200 * 8 // 512, False)


def test_extra_guard_time_is_kept_between_bytes():
    line = PlayedLine(PlayedCard(SERIAL, b"\x3b\x40\x0a"))
    assert _run(line, SELECT, GET_SERIAL)[2] == SERIAL.encode() + b"\x90\x00"


def test_only_short_apdus_are_sent():
    line = PlayedLine(PlayedCard(SERIAL))
    for apdu in (b"", b"\x00\xa4\x04", SELECT + b"\x00\x00", b"\x80\xca\x00\x01\x08\x01\x02"):
        assert _fails(line, apdu) == "protocol"
    assert line.card.heard == []


class Part:
    """A UART, a PWM or a pin that writes down what is done with it."""

    def __init__(self, name, log):
        self.name = name
        self.log = log
        self.pending = bytearray(b"\x00\x55")  # what the contacts said while they were switched on

    def __getattr__(self, verb):
        def act(*args, **kwargs):
            self.log.append((self.name, verb, args))

        return act

    def readinto(self, buffer, size):
        if not self.pending:
            return None
        buffer[0] = self.pending[0]
        self.pending = self.pending[1:]
        return 1


def test_contacts_are_switched_in_the_order_of_the_standard():
    log = []
    uart = Part("uart", log)
    line = PinCardLine(uart, Part("clock", log), Part("power", log), Part("reset", log))
    line.activate(9600)
    assert log == [
        ("reset", "value", (0,)),
        ("power", "value", (1,)),
        ("uart", "init", ()),
        ("clock", "freq", (3571200,)),
        ("clock", "duty_u16", (32768,)),
        ("reset", "value", (1,)),
    ]
    assert line.read() is None
    uart.pending = bytearray(b"\x3b")
    assert line.read() == 0x3B
    del log[:]
    line.deactivate()
    assert [entry[0] for entry in log] == ["reset", "clock", "power"]


def test_a_stranger_is_reset_like_any_card():
    assert _run(PlayedLine(PlayedCard(SERIAL, STRANGER))) == [STRANGER]
