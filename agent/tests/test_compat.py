from agent import compat


def test_monotonic_time_never_steps_back():
    earlier = compat.monotonic_ms()
    for _ in range(100):
        later = compat.monotonic_ms()
        assert later >= earlier
        earlier = later


def test_hex_of_bytes_and_back():
    assert compat.to_hex(b"\x00\xff\x1a") == "00ff1a"
    assert compat.from_hex("00ff1a") == b"\x00\xff\x1a"


def test_crc32_is_the_usual_one():
    assert compat.crc32(b"123456789") == 0xCBF43926


def test_memory_has_a_total_and_a_smaller_free_part():
    total, free = compat.memory_bytes()
    assert 0 < free < total
