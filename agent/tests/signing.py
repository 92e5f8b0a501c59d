"""The fleet's side of an authorisation, with a made-up command key."""

from agent.core import p256_keys
from agent.wire import allow_list
from agent.wire import authorisation as wire

COMMAND_KEY = bytes(range(1, 33))
COMMAND_POINT = p256_keys.public_key(COMMAND_KEY)
EXPIRES_AT = 1_795_350_000


def token(endpoint_id, command, command_key="", args=None, counter=1, key=COMMAND_KEY):
    signed = wire.signing_input(
        endpoint_id, command, command_key, args or {}, counter, EXPIRES_AT - 600, EXPIRES_AT
    )
    return wire.token_text(signed, p256_keys.sign(key, signed))


def allow_list_document(version, hosts=(), numbers=(), key=COMMAND_KEY, **more):
    """An allow-list; `audience` and `expires_at` unless they are to be right."""
    signed = allow_list.signing_input(
        more.get("audience", "fqdn::fleet.example.org"),
        version,
        EXPIRES_AT - 600,
        more.get("expires_at", EXPIRES_AT),
        list(numbers),
        list(hosts),
    )
    return wire.token_text(signed, p256_keys.sign(key, signed))
