"""What puts a board into service: its key, its certificate, and whom to connect to.

States: `blank` (no key), `keyed` (it made a key and waits for a certificate), `provisioned`.
Settings are staged in memory and take effect together by `commit`, which checks that they fit and
keeps them as one blob: a power cut leaves all of the old ones or all of the new ones. A key made
anew takes effect with a certificate for it, not before. Nothing is kept in memory but the state
and what is staged.
"""

from binascii import a2b_base64

from agent.compat import const
from agent.errors import ConfigurationError, PeerError

BLANK = "blank"
KEYED = "keyed"
PROVISIONED = "provisioned"
NAMES = (
    "certificate",
    "ca",
    "command_key",
    "broker_host",
    "broker_port",
    "controller",
    "position",
)
_KEY = "key"  # 32 bytes; only ever inside the blobs
_KEY_DER = "key_der"
_BLOB = "provisioning"
_NEW_KEY = "new_key"
_MAX_VALUE = const(3000)
_MAX_TEXT = const(128)


class Provisioning:
    """The provisioning of one board. Raises StorageError when the medium fails."""

    def __init__(self, store, endpoint_id: str) -> None:
        self._store = store
        self._endpoint_id = endpoint_id
        self._staged = {}
        self._settle_state()

    def get(self, name: str) -> bytes:
        """The committed value, read from storage: DER, the 64-byte point, or text; else b""."""
        return self._load().get(name, b"")

    def settings(self) -> dict:
        """The committed addresses and position as texts."""
        kept = self._load()
        return {name: kept[name].decode() for name in NAMES[3:] if name in kept}

    def private_key_der(self) -> bytes:
        """SEC 1 key of the committed certificate, for the TLS layer; b"" while there is none."""
        return self.get(_KEY_DER)

    def new_key(self, random) -> bytes:
        """Make and keep a key; return the certificate request for it, DER."""
        from agent.core.csr import certificate_request
        from agent.core.p256 import new_private_key

        key = new_private_key(random)
        self._store.save(_NEW_KEY, key)
        self._staged = {}
        self._settle_state()
        return certificate_request(key, self._endpoint_id)

    def stage(self, name: str, value: str, offset: int = 0) -> None:
        """Hold one setting, or the part of its text that begins at `offset`, until `commit`.

        The part at offset 0 begins the value anew. Raises ConfigurationError.
        """
        if name not in NAMES:
            raise ConfigurationError("name", "no such setting", "names: " + " ".join(NAMES))
        held = self._staged.get(name, "")
        if offset and held[offset:] == value:
            return  # the same part again: its answer was lost
        if offset and offset != len(held):
            raise ConfigurationError("offset", "have %d characters" % len(held), "send from there")
        if offset + len(value) > _MAX_VALUE:
            raise ConfigurationError("too long", "at most %d characters" % _MAX_VALUE)
        self._staged[name] = held[:offset] + value

    def commit(self) -> None:
        """Check what is staged, over what is committed, and make it take effect at once.

        Raises ConfigurationError and changes nothing when it does not fit together.
        """
        wanted = self._load()
        for name in self._staged:
            wanted[name] = _decoded(name, self._staged[name])
        self._check(wanted)
        self._store.save(_BLOB, _packed(wanted))
        self._store.remove(_NEW_KEY)
        self._staged = {}
        self._settle_state()

    def configure(self, settings: dict) -> None:
        """Stage and commit in one, for the settings a command may change."""
        self._staged = {}
        for name in settings:
            self.stage(name, settings[name])
        self.commit()

    def wipe(self) -> None:
        """Forget everything, the key included."""
        self._store.remove(_BLOB)
        self._store.remove(_NEW_KEY)
        self._staged = {}
        self._settle_state()

    def _settle_state(self):
        if self._store.load(_BLOB):
            self.state = PROVISIONED
        else:
            self.state = KEYED if self._store.load(_NEW_KEY) else BLANK

    def _load(self):
        data = self._store.load(_BLOB) or b""
        kept = {}
        at = 0
        while at < len(data):
            name_end = at + 3 + data[at]
            end = name_end + (data[at + 1] << 8 | data[at + 2])
            kept[data[at + 3 : name_end].decode()] = data[name_end:end]
            at = end
        return kept

    def _check(self, wanted):
        from agent.core.csr import private_key_der
        from agent.core.der import Certificate

        missing = [name for name in NAMES if not wanted.get(name)]
        if missing:
            raise ConfigurationError("missing", "not installed: " + " ".join(missing), "install it")
        try:
            certificate = Certificate(wanted["certificate"])
            Certificate(wanted["ca"])
        except PeerError as error:
            raise ConfigurationError(
                "certificate", "certificate or ca is no certificate"
            ) from error
        if certificate.common_name != self._endpoint_id:
            raise ConfigurationError(
                "certificate", "certificate is for " + certificate.common_name, "ask for a new one"
            )
        wanted[_KEY] = self._key_for(certificate.public_point, wanted.get(_KEY))
        wanted[_KEY_DER] = private_key_der(wanted[_KEY])
        _check_values(wanted)

    def _key_for(self, point, committed):
        """The private key that belongs to the certificate's public point."""
        from agent.core.p256 import public_key

        for key in (self._store.load(_NEW_KEY), committed):
            if key and public_key(key) == point:
                return key
        raise ConfigurationError(
            "key", "certificate is not for this device's key", "new_key, then a new certificate"
        )


def _check_values(wanted):
    from agent.core.p256 import on_curve

    if not on_curve(wanted["command_key"]):
        raise ConfigurationError("command_key", "not a point of P-256")
    port = wanted["broker_port"].decode()
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigurationError("broker_port", "not a port number")
    if not wanted["controller"].decode().startswith("fqdn::"):
        raise ConfigurationError("controller", "not an fqdn:: endpoint id")
    for name in NAMES[3:]:
        if len(wanted[name]) > _MAX_TEXT:
            raise ConfigurationError(name, "longer than %d bytes" % _MAX_TEXT)


def _decoded(name, text):
    if name not in NAMES[:3]:
        return text.encode()
    try:
        return a2b_base64(text.encode())
    except ValueError as error:
        raise ConfigurationError(name, "not base64") from error


def _packed(values):
    parts = []
    for name in values:
        value = values[name]
        parts.append(bytes((len(name), len(value) >> 8, len(value) & 0xFF)))
        parts.append(name.encode())
        parts.append(value)
    return b"".join(parts)
