"""A card that speaks T=1 and negotiates its speed, in all the manners that a card may have."""

import asyncio

from agent.core.atr import parse
from agent.core.t1 import check_of
from agent.errors import CardError
from agent.ports.card_uart import UARTCard
from agent.tests.played_card import APPLICATION_ID, PlayedCard, PlayedLine
from agent.tests.test_atr import TWO_PROTOCOLS, with_check

SERIAL = "EX000001"
SELECT = b"\x00\xa4\x04\x00\x08" + APPLICATION_ID
GET_SERIAL = b"\x80\xca\x00\x01\x08"
GET_STATUS = b"\x80\xca\x00\x02\x19"
GOOD = SERIAL.encode() + b"\x90\x00"

# T=1 alone, the shortest waiting times, and what the name says.
DEFAULTS = with_check("3B8001")
CRC = with_check("3B808171200001")
SHORT = with_check("3B8081310800")  # our blocks hold 8 bytes at most
FAST = with_check("3B909581312000")  # TA1: 512 clocks for 16 bits


def line_of(atr=SHORT, piece=254, **manner):
    line = PlayedLine(PlayedCard(SERIAL, atr), **manner)
    line.card.piece = piece
    line.clock_hz = 3571200 * 100  # shortens every waiting time
    return line


def run(line, *apdus):
    """The response to each APDU."""

    async def work():
        port = UARTCard(line)
        port.first_byte_ms = port.next_byte_ms = 20
        port.margin_ms = 4
        await port.reset()
        out = []
        for apdu in apdus:
            out.append(await port.exchange(apdu))
        port.release()
        return out

    return asyncio.run(work())


def fails(line, *apdus):
    """The word of the CardError, "" when all went well."""
    try:
        run(line, *apdus)
    except CardError as error:
        return error.args[0]
    return ""


def test_the_check_over_a_block():
    assert check_of(b"\x00\xc1\x01\xfe", False) == b"\x3e"
    assert check_of(b"", False) == b"\x00"
    assert check_of(b"123456789", True) == b"\x6f\x91", "CRC-16/MCRF4XX"


def test_what_the_answer_to_reset_says_of_t1():
    for atr, protocols, expected in (
        (DEFAULTS, [1], (32, 4, 13, False)),
        (SHORT, [1], (8, 0, 0, False)),
        (CRC, [1], (32, 0, 0, True)),
        (TWO_PROTOCOLS, [0, 1, 15], (254, 4, 5, False)),
    ):
        found = parse(atr)
        assert found.protocols == protocols
        assert (found.ifsc, found.bwi, found.cwi, found.crc) == expected
    for wrong in ("3B8081310000", "3B808131FF00", "3B80813120A0"):
        try:
            parse(with_check(wrong))
        except CardError as error:
            assert error.args[0] == "malformed"
        else:
            raise AssertionError(wrong)


def test_a_command_and_its_response_in_one_block_each():
    for atr in (CRC, SHORT):
        line = line_of(atr)
        assert run(line, SELECT, GET_SERIAL) == [b"\x6f\x00\x90\x00", GOOD]
        assert not line.is_active


def test_the_largest_block_is_agreed_on_first():
    line = line_of(CRC)
    run(line)
    assert line.engine.blocks == [], "not before it is spoken to"
    run(line, SELECT)
    assert line.engine.blocks[0] == (0xC1, b"\xfe")


def test_what_does_not_fit_is_chained_both_ways():
    line = line_of(SHORT, piece=7)
    assert run(line, SELECT, GET_STATUS)[1][:7] == b"EXAMPLE"
    numbers = [pcb >> 6 for pcb, _ in line.engine.blocks if not pcb & 0x80]
    assert numbers == [0, 1, 0], "two pieces of SELECT, one of the other"
    assert [pcb & 0x20 for pcb, _ in line.engine.blocks[1:3]] == [0x20, 0]
    acknowledged = [pcb for pcb, _ in line.engine.blocks if pcb & 0xC0 == 0x80]
    assert acknowledged == [0x80, 0x90, 0x80], "each piece of its status but the last"


def test_every_fault_at_every_block_is_got_over():
    for fault in ("check", "nad", "number", "short", "long", "silent", "noise", "error", "twice"):
        for number in range(6):
            for atr in (SHORT, CRC):
                line = line_of(atr, piece=7, faults={number: fault})
                found = run(line, SELECT, GET_SERIAL)
                assert found == [b"\x6f\x00\x90\x00", GOOD], (fault, number)
                assert line.engine.commands == 2, "a command is done once"


def test_two_faults_in_a_row_are_got_over_and_a_third_begins_anew():
    for fault in ("check", "silent"):
        line = line_of(CRC, faults={1: fault, 2: fault})
        assert run(line, SELECT, GET_SERIAL)[1] == GOOD
        assert (0xC0, b"") not in line.engine.blocks
        line = line_of(CRC, faults={1: fault, 2: fault, 3: fault})
        assert run(line, SELECT, GET_SERIAL)[1] == GOOD
        assert (0xC0, b"") in line.engine.blocks


def test_a_card_that_never_says_a_good_block_is_given_up():
    assert fails(line_of(CRC, always="silent"), SELECT) == "mute"
    assert fails(line_of(CRC, always="check"), SELECT) == "malformed"
    assert fails(line_of(CRC, always="wtx"), SELECT) == "malformed"


def test_a_card_may_ask_for_time_and_for_smaller_blocks():
    for number in range(2):
        line = line_of(CRC, before={number: "wtx"})
        assert run(line, SELECT, GET_SERIAL)[1] == GOOD
        assert (0xE3, b"\x02") in line.engine.blocks
    line = line_of(CRC, before={0: "ifs"})
    long_command = b"\x80\xca\x00\x01\x14" + bytes(20)
    run(line, SELECT, long_command)
    assert (0xE1, b"\x10") in line.engine.blocks
    assert max(len(data) for pcb, data in line.engine.blocks if not pcb & 0x80) == 16


def test_a_card_that_ends_a_command_is_let_and_told_of():
    line = line_of(CRC, before={1: "abort"})
    assert fails(line, SELECT, GET_SERIAL) == "refused"
    assert line.engine.blocks[-1] == (0xE2, b"")


def test_a_request_that_there_is_none_of_is_answered_by_asking_again():
    assert run(line_of(CRC, before={1: "nonsense"}), SELECT, GET_SERIAL)[1] == GOOD


def test_noise_on_what_we_send_is_asked_for_again_by_the_card():
    line = line_of(CRC)
    line.noise_at = {12, 30}
    assert run(line, SELECT, GET_SERIAL)[1] == GOOD


def test_a_response_without_end_is_cut_off():
    line = line_of(CRC)
    line.card.respond = lambda apdu: bytes(600)
    assert fails(line, SELECT) == "malformed"


# --- speed


def test_a_faster_speed_is_agreed_on_and_followed():
    line = line_of(FAST)
    line.max_baud = 10**9
    assert run(line, SELECT, GET_SERIAL)[1] == GOOD
    assert line.engine.agreed == 0x95
    assert line.speeds[-1] == (line.clock_hz * 16 // 512, False)


def test_a_card_may_stay_at_its_first_speed():
    line = line_of(FAST, refuses_pps=True)
    line.max_baud = 10**9
    assert run(line, SELECT, GET_SERIAL)[1] == GOOD
    assert len(line.speeds) == 1


def test_a_card_that_answers_wrongly_is_reset_and_not_asked_again():
    for manner in ("mute", "wrong"):
        line = line_of(FAST, refuses_pps=manner)
        line.max_baud = 10**9
        assert run(line, SELECT, GET_SERIAL)[1] == GOOD
        assert [baud for baud, _ in line.speeds] == [line.clock_hz // 372] * 2


def test_a_speed_that_the_uart_cannot_follow_is_not_asked_for():
    line = line_of(FAST)
    line.max_baud = line.clock_hz * 16 // 512 - 1
    assert run(line, SELECT)[0][-2:] == b"\x90\x00"
    assert line.engine.agreed is None


def test_the_inverse_convention_holds_for_blocks_too():
    atr = b"\x3f" + CRC[1:]
    assert run(line_of(atr), SELECT, GET_SERIAL)[1] == GOOD
