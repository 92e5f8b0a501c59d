"""What to say to one line of the console: a frame for a tool, words for people.

Whatever comes, the line limit bounds memory, every line ends, and nothing typed stops the agent.
Frames that are themselves answers are not answered, nor lines that begin with a space, as every
line of an answer to people does: a line that echoes must not make the board talk to itself.
"""

from agent.console.commands import Commands
from agent.console.words import Words
from agent.errors import AuthorisationError, ConfigurationError, FrameError, StorageError
from agent.wire.frame import ERROR, MARK, OK, decode_frame, encode_frame


class Parser:
    """One console's lines; `agent` and `random` as in agent.console.commands.Commands."""

    def __init__(self, agent, random) -> None:
        self._commands = Commands(agent, random)
        self._words = Words(self._commands, agent.store)

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
        except MemoryError:
            return _refusal(ident, "memory", "memory is short", "try again later")

    def _answer_person(self, line):
        try:
            words = line.decode().lower().split()
        except ValueError:
            return b""
        if not words or line[:1] in b" \t":
            return b""
        try:
            said = self._words.say(words)
        except StorageError as error:
            said = "storage: " + str(error)
        except MemoryError:
            said = "memory is short"
        return b" " + said.replace("\n", "\r\n ").encode() + b"\r\n"


def _refusal(ident, code, message, next_step):
    return encode_frame(ident, ERROR, {"code": code, "message": message, "next": next_step})
