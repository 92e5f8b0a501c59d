"""Signal faults and descrambling faults are told apart by where packets go missing."""

from agent.wire.stream import BOTH, DESCRAMBLING, GOOD, NO_STREAM, SIGNAL, stream_fault

MINUTE = 1_000_000  # packets


def test_a_clean_stream_is_good_and_so_is_one_lost_packet_in_many():
    assert stream_fault(MINUTE, 0, 0) == GOOD
    assert stream_fault(MINUTE, 10, 10) == GOOD


def test_what_is_missing_before_conditional_access_is_the_signal():
    assert stream_fault(MINUTE, 500, 500) == SIGNAL
    assert stream_fault(MINUTE, 0, 0, sync_losses=1) == SIGNAL


def test_what_is_missing_only_behind_it_is_the_descrambling():
    assert stream_fault(MINUTE, 500, 0) == DESCRAMBLING
    assert stream_fault(MINUTE, 500, 9) == DESCRAMBLING


def test_both_may_be_wrong_and_no_packets_are_no_verdict():
    assert stream_fault(MINUTE, 900, 400) == BOTH
    assert stream_fault(0, 0, 0) == NO_STREAM
    assert stream_fault(-5, 0, 0) == NO_STREAM
