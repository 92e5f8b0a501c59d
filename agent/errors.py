"""What can go wrong in the agent, one class per who must act."""


class AgentError(Exception):
    """Root of every error the agent raises on purpose."""


class PeerError(AgentError):
    """Bytes from outside are not what their format says: the sender must be put right."""


class FrameError(PeerError):
    """A console line is broken: bad CRC, too long, not text."""


class StreamError(AgentError):
    """A streamed answer changed while it left: the packet on the wire is broken, close the link."""


class LinkError(AgentError):
    """The connection is gone or was refused; trying again later may help."""


class StorageError(AgentError):
    """Flash or disk failed, is full, or gave back what was not written."""


class CardError(AgentError):
    """The smart card does not answer, or not as its standard says. The first argument is a word:
    absent, mute, malformed, protocol, refused."""


class AuthorisationError(AgentError):
    """A command that can harm came without the right to run. `code` is a USP error code."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


class ConfigurationError(AgentError):
    """What was installed does not fit together: whoever provisions must correct it.

    `code` is a word for tools, `next` says what to do about it.
    """

    def __init__(self, code: str, text: str, next: str = "") -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.next = next
