from agent.core.backoff import connect_retry_wait_ms, spread_ms


def low(size):
    return b"\x00" * size


def test_each_failure_doubles_the_range_until_the_maximum():
    waits = [connect_retry_wait_ms(n, 5, 2000, 300, low) for n in range(1, 10)]
    assert waits == [5000, 10000, 20000, 40000, 80000, 160000, 300000, 300000, 300000]


def test_the_wait_is_random_within_the_range_of_its_failure():
    seen = set()
    for draw in range(0, 5001, 50):
        wait = connect_retry_wait_ms(1, 5, 2000, 300, lambda _, d=draw: d.to_bytes(4, "big"))
        assert 5000 <= wait <= 10000
        seen.add(wait)
    assert min(seen) == 5000 and max(seen) == 10000


def test_no_setting_takes_a_device_out_of_reach():
    assert connect_retry_wait_ms(50, 5, 65535, 30720, low) == 300000
    assert connect_retry_wait_ms(1, 65535, 65535, 65535, low) == 300000


def test_a_multiplier_of_one_keeps_the_wait():
    assert connect_retry_wait_ms(20, 5, 1000, 300, low) == 5000


def drawn(share):
    """A source whose numbers lie at this share of what four bytes hold."""
    return lambda size: int(share * 0xFFFFFFFF).to_bytes(size, "big")


def test_who_has_urgent_events_comes_in_the_first_eighth_and_only_the_first_time():
    seen = []
    for draw in range(0, 100000, 7):
        number = draw.to_bytes(4, "big")
        seen.append(connect_retry_wait_ms(1, 5, 17000, 300, lambda _, n=number: n, True))
    assert 5000 <= min(seen) < 5100
    assert 14900 < max(seen) <= 15000
    waits = [connect_retry_wait_ms(2, 5, 2000, 300, drawn(0.9), urgent) for urgent in (False, True)]
    assert waits[0] == waits[1]


def test_a_spread_is_even_and_never_longer_than_the_ceiling():
    waits = [spread_ms(10, lambda _, d=draw: d.to_bytes(4, "big")) for draw in range(0, 10001, 10)]
    assert min(waits) == 0 and max(waits) == 10000
    assert abs(sum(waits) / len(waits) - 5000) < 10
    assert spread_ms(0, drawn(1.0)) == 0
    assert spread_ms(65535, drawn(1.0)) <= 300000
