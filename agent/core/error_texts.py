"""A text for people beside each error code, where the sender had nothing better to say."""

_TEXTS = b"""\
7001 this agent does not take such a Message
7003 the agent failed inside
7004 the Message is malformed or has invalid arguments
7005 the table, the memory or the storage is full
7006 it needs an authorised command
7008 the path is not well formed
7010 no such parameter
7011 the value is not of the parameter's type
7012 the value is out of range, too long or not one of those allowed
7013 the parameter is read only, or was written for good
7016 no such instance
7018 not a table, or not a row of one
7019 rows cannot be added here
7024 rows cannot be deleted here
7025 another row has this key
7026 no such path
"""


def text_of(code: int) -> str:
    """The text of a code, "" when there is none."""
    at = _TEXTS.find(b"%d " % code)
    return str(_TEXTS[at + 5 : _TEXTS.find(b"\n", at)], "utf-8") if at >= 0 else ""
