"""Whether a command that can harm may run: only with a signature of the fleet's command key.

The token must be signed for this endpoint, this command and these arguments, with a counter above
the last one accepted. The counter is on flash before `check` returns, so a token runs once even
when the power goes in between. It is kept together with the key it belongs to: a new command key
starts anew. What cannot be read is refused. See agent/wire/authorisation.py for the token.
"""

from agent.compat import const, sha256, to_hex
from agent.core.parts import forget
from agent.errors import AuthorisationError, PeerError, StorageError
from agent.wire.codes import PERMISSION_DENIED

_COUNTER = "command_counter"
_MAX_COUNTER = const(0x1FFFFFFFFFFFFF)


def _refuse(text, *more):
    raise AuthorisationError(PERMISSION_DENIED, "authorisation " + text % more)


class Authority:
    """`command_public_key` is the 64-byte point, b"" while none is installed: all is refused."""

    def __init__(self, store, endpoint_id: str, command_public_key: bytes, clock) -> None:
        self._store = store
        self._endpoint_id = endpoint_id
        self._key = command_public_key
        self._clock = clock

    def check(self, token: str | None, command: str, command_key: str, args: dict) -> None:
        """Return when the command may run. Raises AuthorisationError, its text says why not."""
        claims = self._claims_for(token, command, command_key, args)
        counter = claims["ctr"]
        if not self._last_counter() < counter <= _MAX_COUNTER:
            _refuse("was used before (counter %d)", counter)
        try:
            self._store.save(_COUNTER, b"%s %d" % (self._key_name(), counter))
        except StorageError:
            _refuse("counter cannot be kept")

    def check_console(self, token: str | None, nonce: str) -> None:
        """The same for opening the serial console; the nonce makes it good for once."""
        if self._claims_for(token, "Console()", nonce, {})["ctr"]:
            _refuse("is not for a console")

    def _claims_for(self, token, command, command_key, args):
        if not token:
            _refuse("missing")
        if not self._key:
            _refuse("impossible: no command key installed")
        from agent.core import p256
        from agent.wire import authorisation as wire

        try:
            signed, signature, claims = wire.split_token(token)
        except PeerError as error:
            _refuse("malformed: %s", " ".join([str(part) for part in error.args]))
        if not p256.verify(self._key, signed, signature):
            _refuse("not signed by the command key")
        arguments = wire.arguments_hash(args)
        del p256, wire
        forget("agent.core.p256", "agent.wire.authorisation")
        self._compare(claims, command, command_key, arguments)
        return claims

    def _compare(self, claims, command, command_key, arguments):
        if claims["eid"] != self._endpoint_id:
            _refuse("for another endpoint")
        if claims["cmd"] != command:
            _refuse("for another command")
        if claims["key"] != command_key:
            _refuse("for another command key")
        if claims["args"] != arguments:
            _refuse("for other arguments")
        now = self._clock.unix_ms()
        if now is not None and now > claims["exp"] * 1000:
            _refuse("expired")

    def _last_counter(self):
        try:
            kept = self._store.load(_COUNTER)
            if not kept:
                return 0
            name, counter = kept.split(b" ")
            return int(counter) if name == self._key_name() else 0
        except (StorageError, ValueError):
            _refuse("counter cannot be read")

    def _key_name(self):
        return to_hex(sha256(self._key).digest()[:8]).encode()
