"""What puts a board into service: its key, its certificate, and whom to connect to.

States: `blank` (no key), `keyed` (it made a key and waits for a certificate), `provisioned`.
Settings are staged in memory and take effect together by `commit`, which checks that they fit and
keeps them as one blob: a power cut leaves all of the old ones or all of the new ones. A key made
anew takes effect with a certificate for it, not before. Nothing is kept in memory but the state
and what is staged; what checks and makes keys (core/enrolment.py) is loaded for that alone.
"""

from agent.core.parts import forget

BLANK = "blank"
KEYED = "keyed"
PROVISIONED = "provisioned"
_KEY_DER = "key_der"
_BLOB = "provisioning"
_NEW_KEY = "new_key"
_TEXTS = ("broker_host", "broker_port", "controller", "position")


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
        return {name: kept[name].decode() for name in _TEXTS if name in kept}

    def private_key_der(self) -> bytes:
        """SEC 1 key of the committed certificate, for the TLS layer; b"" while there is none."""
        return self.get(_KEY_DER)

    def new_key(self, random) -> bytes:
        """Make and keep a key; return the certificate request for it, DER."""
        from agent.core.csr import certificate_request
        from agent.core.p256_keys import new_private_key

        key = new_private_key(random)
        self._store.save(_NEW_KEY, key)
        request = certificate_request(key, self._endpoint_id)
        self._settle_state()
        return request

    def stage(self, name: str, value: str, offset: int = 0) -> None:
        """Hold one setting, or the part of its text that begins at `offset`, until `commit`.

        The part at offset 0 begins the value anew. Raises ConfigurationError.
        """
        from agent.core.enrolment import joined

        self._staged[name] = joined(name, self._staged.get(name, ""), value, offset)

    def commit(self) -> None:
        """Check what is staged, over what is committed, and make it take effect at once.

        Raises ConfigurationError and changes nothing when it does not fit together.
        """
        from agent.core.enrolment import checked, packed

        keys = self._store.load(_NEW_KEY), self.get("key")
        wanted = checked(self._load(), self._staged, self._endpoint_id, keys)
        self._store.save(_BLOB, packed(wanted))
        self._store.remove(_NEW_KEY)
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
        self._settle_state()

    def _settle_state(self):
        self._staged = {}
        if self._store.load(_BLOB):
            self.state = PROVISIONED
        else:
            self.state = KEYED if self._store.load(_NEW_KEY) else BLANK
        forget("agent.core.enrolment", "agent.core.csr", "agent.core.der")
        forget("agent.core.p256_keys", "agent.core.p256", "agent.wire.hkdf")

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
