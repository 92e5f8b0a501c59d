from agent.compat import from_hex
from agent.core import p256, p256_keys
from agent.tests.fakes import FakeRandom

# RFC 6979, A.2.5
KEY = from_hex("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721")
POINT = from_hex(
    "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
    "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"
)
SAMPLE = from_hex(
    "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
    "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
)
TEST = from_hex(
    "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367"
    "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083"
)
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF


def number(value):
    return value.to_bytes(32, "big")


def test_the_public_point_of_a_key_is_the_standards():
    assert p256_keys.public_key(KEY) == POINT


def test_signatures_are_those_of_the_standard():
    assert p256_keys.sign(KEY, b"sample") == SAMPLE
    assert p256_keys.sign(KEY, b"test") == TEST


def test_a_good_signature_is_accepted_and_one_over_something_else_is_not():
    assert p256.verify(POINT, b"sample", SAMPLE)
    assert not p256.verify(POINT, b"sample", TEST)
    assert not p256.verify(POINT, b"Sample", SAMPLE)


def test_no_flipped_bit_of_a_signature_is_accepted():
    for bit in range(0, 512, 7):
        bad = bytearray(SAMPLE)
        bad[bit // 8] ^= 1 << bit % 8
        assert not p256.verify(POINT, b"sample", bytes(bad))


def test_numbers_out_of_range_are_refused():
    r, s = SAMPLE[:32], SAMPLE[32:]
    for bad in (
        number(0) + s,
        r + number(0),
        number(N) + s,
        r + number(N),
        number(0) + number(0),
        b"\xff" * 64,
        r + s + b"\x00",
        SAMPLE[:63],
        b"",
    ):
        assert not p256.verify(POINT, b"sample", bad)


def test_the_other_root_of_s_is_a_signature_too_as_the_standard_has_it():
    s = N - int.from_bytes(SAMPLE[32:], "big")
    assert p256.verify(POINT, b"sample", SAMPLE[:32] + number(s))


def test_points_off_the_curve_are_refused():
    x, y = POINT[:32], POINT[32:]
    off_by_one = number(int.from_bytes(y, "big") ^ 1)
    for bad in (
        x + off_by_one,
        y + x,
        bytes(64),
        x,
        b"\x04" + POINT,
        number(int.from_bytes(x, "big") + P if int.from_bytes(x, "big") + P < 1 << 256 else P) + y,
        b"\xff" * 64,
    ):
        assert not p256.on_curve(bad)
        assert not p256.verify(bad, b"sample", SAMPLE)


def test_a_sum_at_infinity_is_refused():
    # With Q = -G and u1 = u2 the sum of both multiples is the point at infinity: e = r.
    generator = p256_keys.public_key(number(1))
    minus = generator[:32] + number(P - int.from_bytes(generator[32:], "big"))
    digest = int.from_bytes(p256.sha256(b"x").digest(), "big") % N
    assert not p256.verify(minus, b"x", number(digest) + number(1))


def test_keys_out_of_range_are_refused():
    for bad in (number(0), number(N), b"\xff" * 32, b"\x01", b"\x01" * 33):
        try:
            p256_keys.public_key(bad)
        except ValueError:
            continue
        raise AssertionError("ValueError was expected")


def test_new_keys_are_drawn_again_until_in_range():
    draws = [number(0), number(N), b"\xff" * 32, number(5)]
    assert p256_keys.new_private_key(lambda size: draws.pop(0)) == number(5)
    assert draws == []


def test_edge_multiples_sign_and_verify():
    for key in (1, 2, 3, N - 1, N - 2, 1 << 255):
        point = p256_keys.public_key(number(key))
        assert p256.on_curve(point)
        assert p256.verify(point, b"edge", p256_keys.sign(number(key), b"edge"))


def test_random_keys_sign_and_verify():
    random = FakeRandom(7)
    key = p256_keys.new_private_key(random)
    signature = p256_keys.sign(key, b"\x00" * 1000)
    assert p256.verify(p256_keys.public_key(key), b"\x00" * 1000, signature)
