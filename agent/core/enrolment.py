"""Whether what was installed on a board fits together: certificate, key, addresses."""

from binascii import a2b_base64

from agent.compat import const
from agent.core.csr import private_key_der
from agent.core.der import Certificate
from agent.core.p256 import on_curve
from agent.core.p256_keys import public_key
from agent.errors import ConfigurationError, PeerError

NAMES = (
    "certificate",
    "ca",
    "command_key",
    "broker_host",
    "broker_port",
    "controller",
    "position",
)
_BINARY = const(3)  # so many of the names, the first, are given in base64
_MAX_VALUE = const(3000)
_MAX_TEXT = const(128)


def joined(name: str, held: str, value: str, offset: int) -> str:
    """The text of a setting, of which `held` is known, with the part `value` at `offset`."""
    if name not in NAMES:
        raise ConfigurationError("name", "no such setting", "names: " + " ".join(NAMES))
    if offset and held[offset:] == value:
        return held  # the same part again: its answer was lost
    if offset and offset != len(held):
        raise ConfigurationError("offset", "have %d characters" % len(held), "send from there")
    if offset + len(value) > _MAX_VALUE:
        raise ConfigurationError("too long", "at most %d characters" % _MAX_VALUE)
    return held[:offset] + value


def checked(committed: dict, staged: dict, endpoint_id: str, keys) -> dict:
    """All values (bytes by name), the staged ones over the committed, with the right key of `keys`.

    Raises ConfigurationError when they do not fit together.
    """
    wanted = dict(committed)
    for name in staged:
        wanted[name] = _decoded(name, staged[name])
    missing = [name for name in NAMES if not wanted.get(name)]
    if missing:
        raise ConfigurationError("missing", "not installed: " + " ".join(missing), "install it")
    point = _public_point(wanted, endpoint_id)
    wanted["key"] = _key_for(point, keys)
    wanted["key_der"] = private_key_der(wanted["key"])
    _check_values(wanted)
    return wanted


def packed(values: dict) -> bytes:
    """The values as one blob: for each, sizes of name and value (1 and 2 bytes), name, value."""
    parts = []
    for name in values:
        value = values[name]
        parts.append(bytes((len(name), len(value) >> 8, len(value) & 0xFF)))
        parts.append(name.encode())
        parts.append(value)
    return b"".join(parts)


def _decoded(name, text):
    if name not in NAMES[:_BINARY]:
        return text.encode()
    try:
        return a2b_base64(text.encode())
    except ValueError as error:
        raise ConfigurationError(name, "not base64") from error


def _public_point(wanted, endpoint_id):
    """The key the certificate is for."""
    try:
        certificate = Certificate(wanted["certificate"])
        Certificate(wanted["ca"])
    except PeerError as error:
        raise ConfigurationError("certificate", "certificate or ca is none") from error
    if certificate.common_name != endpoint_id:
        raise ConfigurationError(
            "certificate", "certificate is for " + certificate.common_name, "ask for a new one"
        )
    return certificate.public_point


def _key_for(point, keys):
    """The private key that belongs to a public point."""
    for key in keys:
        if key and public_key(key) == point:
            return key
    raise ConfigurationError(
        "key", "certificate is not for this device's key", "new_key, then a new certificate"
    )


def _check_values(wanted):
    if not on_curve(wanted["command_key"]):
        raise ConfigurationError("command_key", "not a point of P-256")
    port = wanted["broker_port"].decode()
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigurationError("broker_port", "not a port number")
    if not wanted["controller"].decode().startswith("fqdn::"):
        raise ConfigurationError("controller", "not an fqdn:: endpoint id")
    for name in NAMES[_BINARY:]:
        if len(wanted[name]) > _MAX_TEXT:
            raise ConfigurationError(name, "longer than %d bytes" % _MAX_TEXT)
