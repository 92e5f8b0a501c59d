"""Television from the network is open in the operator's own network alone.

What the network looks like from the inside is the fact `network`: the device's own address and
the name its provider gave. One of them must be among the operator's networks, which the controller
sets; while it has set none, nothing is closed. The platform enforces the same by source address:
this is a second belt. Source: Subscription terms, article 7.2.8.
"""

from agent.wire.replacement import SERVING


def status(device, kept: dict) -> tuple[str, str, str]:
    """(Open or Closed, why, the network that is seen). An address is shown as its network only,
    since the whole of it could be a person's."""
    network = device.facts("network") or {}
    address, provider = network.get("address", ""), network.get("provider", "")
    seen = provider or _shortened(address)
    if device.swap_part not in SERVING:
        return "Closed", "the unit is " + device.swap_part, seen
    if kept["state"] != "active":
        return "Closed", "service " + kept["state"], seen
    if not kept["networks"]:
        return "Open", "no networks set", seen
    if not seen:
        return "Closed", "network unknown", ""
    for home in kept["networks"].split(","):
        if home == provider or ("/" in home and _is_in(address, home)):
            return "Open", "home network", seen
    return "Closed", "foreign network", seen


def is_prefix(text: str) -> bool:
    """Whether it is an address, a slash and a number of bits, with nothing set after them."""
    address, bits = text.split("/", 1)
    number, width = _number(address)
    if number is None or not bits or bits.strip("0123456789") or int(bits) > width:
        return False
    return number & (1 << width - int(bits)) - 1 == 0


def _is_in(address, prefix):
    number, width = _number(address)
    base, bits = prefix.split("/", 1)
    first, base_width = _number(base)
    return (
        number is not None
        and width == base_width
        and number >> width - int(bits) == (first >> width - int(bits))
    )


def _shortened(address):
    if "." in address:
        return ".".join(address.split(".")[:2]) + ".0.0/16"
    return ":".join(address.split(":")[:3]) + "::/48" if address else ""


def _number(address):
    """(address as a number, bits it has), the number None for what is no address."""
    try:
        if ":" in address:
            return _joined(_groups(address), 8, 16, 65536), 128
        return _joined(address.split("."), 4, 10, 256), 32
    except ValueError:
        return None, 0


def _joined(words, size, base, limit):
    if len(words) != size:
        raise ValueError(words)
    number = 0
    for word in words:
        value = int(word, base)
        if not 0 <= value < limit or word[0] in "+-":
            raise ValueError(word)
        number = number * limit + value
    return number


def _groups(address):
    """The eight groups of an IPv6 address, `::` filled in."""
    head, _, tail = address.partition("::")
    if "::" not in address:
        return address.split(":")
    first = head.split(":") if head else []
    last = tail.split(":") if tail else []
    return first + ["0"] * (8 - len(first) - len(last)) + last
