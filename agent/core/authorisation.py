"""Whether a command that can harm may run: only with a signature of the fleet's command key.

The token must be signed for this endpoint, this command and these arguments, with a counter above
the last one accepted. The counter is on flash before `check` returns, so a token runs once even
when the power goes in between. It is kept together with the key it belongs to: a new command key
starts anew. What cannot be read is refused. See agent/wire/authorisation.py for the token.

Kept in one blob, as JSON: name of the command key; counter and CommandKey of the command accepted
last; the same of the one accepted last that has an effect, which X_IPKO-COM_Overtake() has not.
"""

import json

from agent.compat import const, sha256, to_hex
from agent.core.parts import forget
from agent.errors import AuthorisationError, PeerError, StorageError
from agent.wire.codes import OVERTAKE, PERMISSION_DENIED

_COUNTER = "command_counter"
_MAX_COUNTER = const(0x1FFFFFFFFFFFFF)


def _refusal(text, *more):
    return AuthorisationError(PERMISSION_DENIED, "authorisation " + text % more)


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
        kept = self._kept()
        if not kept[1] < counter <= _MAX_COUNTER:
            raise _refusal("was used before (counter %d)", counter)
        effect = [counter, command_key] if command != OVERTAKE else kept[3:]
        kept = [kept[0], counter, command_key, effect[0], effect[1]]
        try:
            self._store.save(_COUNTER, json.dumps(kept).encode())
        except StorageError as error:
            raise _refusal("counter cannot be kept") from error

    def check_console(self, token: str | None, nonce: str) -> None:
        """The same for opening the serial console; the nonce makes it good for once."""
        if self._claims_for(token, "Console()", nonce, {})["ctr"]:
            raise _refusal("is not for a console")

    def _claims_for(self, token, command, command_key, args):
        if not token:
            raise _refusal("missing")
        if not self._key:
            raise _refusal("impossible: no command key installed")
        signed, signature, claims, arguments = _taken_apart(token, args)
        if not self._is_signed(signed, signature):
            raise _refusal("not signed by the command key")
        self._compare(claims, command, command_key, arguments)
        return claims

    def _is_signed(self, signed, signature):
        from agent.core.p256 import verify

        try:
            return verify(self._key, signed, signature)
        finally:
            forget("agent.core.p256")

    def _compare(self, claims, command, command_key, arguments):
        if claims["eid"] != self._endpoint_id:
            raise _refusal("for another endpoint")
        if claims["cmd"] != command:
            raise _refusal("for another command")
        if claims["key"] != command_key:
            raise _refusal("for another command key")
        if claims["args"] != arguments:
            raise _refusal("for other arguments")
        now = self._clock.trusted_unix_ms()  # nothing else may end or prolong it
        if now is not None and now > claims["exp"] * 1000:
            raise _refusal("expired")

    def _kept(self):
        """What is kept of this command key's commands."""
        name = self._key_name()
        try:
            kept = _load(self._store)
        except (StorageError, ValueError) as error:
            raise _refusal("counter cannot be read") from error
        return kept if kept[0] == name else [name, 0, "", 0, ""]

    def _key_name(self):
        return to_hex(sha256(self._key).digest()[:8])


def last_accepted(store) -> tuple[int, str]:
    """Counter and CommandKey of the command accepted last, also where it had no effect; 0 and ""
    before the first, and where it cannot be read."""
    try:
        kept = _load(store)
    except (StorageError, ValueError):
        return 0, ""
    return kept[1], kept[2]


def _overtake(operations, obj, row, args, asker, key):
    """Nothing is done: that its counter was accepted makes every lower one too old. What it tells
    is the same however often it is asked for."""
    kept = _load(operations.device.store)
    return {"LastCounter": str(kept[3]), "LastCommandKey": kept[4]}


def _load(store):
    """The list that is kept. Raises StorageError or ValueError."""
    data = store.load(_COUNTER)
    if not data:
        return ["", 0, "", 0, ""]
    if data[:1] != b"[":  # of a version that kept no CommandKey
        name, counter = data.split(b" ")
        return [name.decode(), int(counter), "", int(counter), ""]
    return json.loads(data)


def _taken_apart(token, args):
    """(signed bytes, signature, claims, hash of the arguments); gone before the signature is
    checked, because the code for both at once is the most a board ever holds."""
    from agent.wire.authorisation import arguments_hash, split_token

    try:
        signed, signature, claims = split_token(token)
        return signed, signature, claims, arguments_hash(args)
    except PeerError as error:
        why = " ".join([str(part) for part in error.args])
        raise _refusal("malformed: %s", why) from error
    finally:
        forget("agent.wire.authorisation")


AT_ONCE = {"X_IPKO-COM_Overtake()": _overtake}
