"""The fleet's side of an authorisation, with a made-up command key."""

from agent.core import p256
from agent.wire import authorisation as wire

COMMAND_KEY = bytes(range(1, 33))
COMMAND_POINT = p256.public_key(COMMAND_KEY)
EXPIRES_AT = 1_795_350_000


def token(endpoint_id, command, command_key="", args=None, counter=1, key=COMMAND_KEY):
    signed = wire.signing_input(
        endpoint_id, command, command_key, args or {}, counter, EXPIRES_AT - 600, EXPIRES_AT
    )
    return wire.token_text(signed, p256.sign(key, signed))
