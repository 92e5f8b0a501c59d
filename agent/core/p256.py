"""ECDSA on the curve P-256 with SHA-256, in integers, for both Pythons: what checks a signature.

Points and signatures are bytes: point 64 (x, y), signature 64 (r, s). Keys and signing are in
p256_keys.py. Needed rarely: import it inside the function that uses it. Source: FIPS 186-5, SEC 1.
"""

from agent.breath import breathe
from agent.compat import sha256

_P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    1,
)
_INFINITY = (1, 1, 0)


def verify(point: bytes, message: bytes, signature: bytes) -> bool:
    """True when `signature` over SHA-256 of `message` was made with the key of `point`.

    False for everything malformed: a point off the curve, a number out of range, a wrong length.
    """
    if len(signature) != 64 or not on_curve(point):
        return False
    r, s = number_of(signature[:32]), number_of(signature[32:])
    if not (0 < r < N and 0 < s < N):
        return False
    inverse = pow(s, N - 2, N)
    number = number_of(sha256(message).digest())
    q = (number_of(point[:32]), number_of(point[32:]), 1)
    sum_ = multiply(number * inverse % N, G, r * inverse % N, q)
    return sum_[2] != 0 and affine(sum_)[0] % N == r


def on_curve(point: bytes) -> bool:
    """True for 64 bytes that are a point of the curve (which has no other subgroup)."""
    if len(point) != 64:
        return False
    x, y = number_of(point[:32]), number_of(point[32:])
    return x < _P and y < _P and (y * y - (x * x - 3) * x - _B) % _P == 0


def number_of(data):
    """Big-endian bytes as an integer."""
    return int.from_bytes(data, "big")


def affine(point):
    """(x, y) of a Jacobian point that is not infinity."""
    x, y, z = point
    inverse = pow(z, _P - 2, _P)
    square = inverse * inverse % _P
    return x * square % _P, y * square * inverse % _P


def _double(point):
    """Jacobian doubling for a = -3 ("dbl-2001-b")."""
    x, y, z = point
    delta = z * z % _P
    gamma = y * y % _P
    beta = x * gamma % _P
    alpha = 3 * (x - delta) * (x + delta) % _P
    x3 = (alpha * alpha - 8 * beta) % _P
    z3 = 2 * y * z % _P
    return x3, (alpha * (4 * beta - x3) - 8 * gamma * gamma) % _P, z3


def _add(left, right):
    """Jacobian addition, complete: either may be infinity, both may be the same point."""
    x1, y1, z1 = left
    x2, y2, z2 = right
    if not z1:
        return right
    if not z2:
        return left
    zz1, zz2 = z1 * z1 % _P, z2 * z2 % _P
    u1, u2 = x1 * zz2 % _P, x2 * zz1 % _P
    s1, s2 = y1 * zz2 * z2 % _P, y2 * zz1 * z1 % _P
    h, r = (u2 - u1) % _P, (s2 - s1) % _P
    if not h:
        return _INFINITY if r else _double(left)
    hh = h * h % _P
    hhh, v = h * hh % _P, u1 * hh % _P
    x3 = (r * r - hhh - 2 * v) % _P
    return x3, (r * (v - x3) - s1 * hhh) % _P, z1 * z2 * h % _P


def multiply(a, p, b, q):
    """a * p + b * q, both numbers walked together (Shamir's trick).

    Bit by bit: a table for two bits at a time takes 4 KB more, and saves a quarter of the time.
    """
    table = (None, p, q, _add(p, q))
    result = _INFINITY
    for shift in range(255, -1, -1):
        breathe()
        if result[2]:
            result = _double(result)
        index = (b >> shift & 1) << 1 | a >> shift & 1
        if index:
            result = _add(result, table[index])
    return result
