"""The serial console. What understands the lines is loaded when somebody types.

Whatever comes, the line limit bounds memory, every line ends, and nothing typed stops the agent.
"""

from agent.compat import const, sleep_ms
from agent.core.parts import forget, part

_CHUNK_BYTES = const(64)
_LEAVE_MS = const(200)  # an answer has this long to leave before what it announced is done


class Console:
    """One console of one agent; `agent` and `random` as in agent.console.commands.Commands."""

    def __init__(self, agent, random) -> None:
        self._agent = agent
        self._random = random
        self._splitter = self._parser = None

    async def run(self) -> None:
        """Serve until the line is gone for good."""
        read, write = self._agent.board.console()
        text = self._return_me()
        if text:
            write(b" " + text.encode() + b"\r\n")
        while True:
            data = await read(_CHUNK_BYTES)
            if not data:
                return
            if self._parser is None:
                self._load()
            for line in self._splitter.feed(data):
                answer = self._parser.answer(line)
                if answer:
                    write(answer)
                afterwards = self._parser.take_afterwards()
                if afterwards:
                    await sleep_ms(_LEAVE_MS)
                    self._unload()
                    afterwards()
                    break

    def _return_me(self):
        replacement = part("replacement")
        return replacement.return_me(replacement.load(self._agent.store)["part"])

    def _load(self):
        from agent.console.parser import Parser
        from agent.wire.frame import LineSplitter

        self._parser = Parser(self._agent, self._random)
        self._splitter = LineSplitter()

    def _unload(self):
        """Make room for the connection that begins after a commit."""
        self._splitter = self._parser = None
        console = "agent.console."
        forget(console + "parser", console + "commands", console + "words", "agent.wire.frame")
