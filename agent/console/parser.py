"""What to say to one line of the console: a frame for a tool, words for people.

Whatever comes, the line limit bounds memory, every line ends, and nothing typed stops the agent.
Frames that are themselves answers, and lines that begin with `?`, are not answered: a line that
echoes must not make the board talk to itself.
"""

from agent.console.commands import Commands
from agent.console.texts import LANGUAGES, text
from agent.errors import AuthorisationError, ConfigurationError, FrameError, StorageError
from agent.wire.frame import ERROR, MARK, OK, decode_frame, encode_frame


class Parser:
    """One console's lines; `agent` and `random` as in agent.console.commands.Commands."""

    def __init__(self, agent, random) -> None:
        self._agent = agent
        self._commands = Commands(agent, random)
        self._language = LANGUAGES[0]

    def take_afterwards(self):
        """What is to be done once the answer has left, or None; gives it only once."""
        afterwards, self._commands.afterwards = self._commands.afterwards, None
        return afterwards

    def answer(self, line: bytes | None) -> bytes:
        """What to say to one line, b"" for nothing; None stands for a line that was too long."""
        if line is None:
            return _refusal("0", "too long", "a line is at most 2048 bytes", "install in parts")
        if line[:1] == MARK:
            return self._answer_tool(line)
        return self._answer_person(line)

    def _answer_tool(self, line):
        ident = "0"
        try:
            ident, verb, args = decode_frame(line)
            if verb in (OK, ERROR):
                return b""
            return encode_frame(ident, OK, self._commands.run(verb, args))
        except FrameError as error:
            return _refusal(ident, error.args[0], str(error.args[-1]), "send the line again")
        except ConfigurationError as error:
            return _refusal(ident, error.code, error.text, error.next)
        except AuthorisationError as error:
            return _refusal(ident, "authorisation", error.text, "ask for a new token")
        except StorageError as error:
            return _refusal(ident, "storage", str(error), "the flash may be worn: replace the unit")

    def _answer_person(self, line):
        try:
            words = line.decode().lower().split()
        except ValueError:
            words = ["?"]
        if not words or words[0][0] == "?":
            return b""
        return self._say(words).replace("\n", "\r\n").encode() + b"\r\n"

    def _say(self, words):
        if words[0] == "status":
            facts = self._commands.status()
            facts["endpoint_id"] = self._agent.endpoint_id
            facts["error"] = facts["error"] or text(self._language, "none")
            return text(self._language, "status") % facts
        if words[0] == "language":
            if words[-1] in LANGUAGES:
                self._language = words[-1]
            return text(self._language, "language") % " ".join(LANGUAGES)
        return text(self._language, "help" if words[0] == "help" else "unknown")


def _refusal(ident, code, message, next_step):
    return encode_frame(ident, ERROR, {"code": code, "message": message, "next": next_step})
