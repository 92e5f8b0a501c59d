"""What the console says to people: the rows of a report in the technician's language.

The language is kept over a restart. Texts of one language are a part, loaded for one answer.
"""

from agent.core.parts import part
from agent.errors import ConfigurationError, StorageError

LANGUAGES = ("en", "sq", "sr")
_BLOB = "language"


class Words:
    """Answers people; `commands` as in agent.console.commands, `store` keeps the language."""

    def __init__(self, commands, store) -> None:
        self._commands = commands
        self._store = store
        try:
            kept = (store.load(_BLOB) or b"").decode()
        except StorageError:
            kept = ""
        self._language = kept if kept in LANGUAGES else LANGUAGES[0]

    def say(self, words: list) -> str:
        """The answer to one line, already cut into words."""
        if words[0] == "language":
            return self._set_language(words[-1])
        texts = part("console.texts_" + self._language).TEXTS
        if words[0] == "help":
            return texts["help"] % " ".join(LANGUAGES)
        if words[0] not in self._commands.reports():
            return texts["no_such_word"]
        try:
            rows = self._commands.rows(words[0])
        except ConfigurationError:
            return texts["closed"]
        return "\n".join(_lines(rows, texts)) or texts["nothing"]

    def _set_language(self, wanted):
        if wanted in LANGUAGES and wanted != self._language:
            self._store.save(_BLOB, wanted.encode())
            self._language = wanted
        texts = part("console.texts_" + self._language).TEXTS
        return texts["language"] % (self._language, " ".join(LANGUAGES))


def _lines(rows, texts):
    """Rows of one channel share a line; a value that has a text of its own is translated."""
    line = ""
    channel = None
    for key, number, value, verdict in rows:
        name = key.split("_")[0]
        if not number or channel != (name, number):
            if line:
                yield line
            channel = (name, number)
            line = texts.get(name if number else key, key)
            if number:
                line += " %s" % number
            line += ":"
        else:
            line += ","
        line += " " + texts.get(value, value)
        if number and name != key:
            line += " " + texts[key]
        if texts.get(verdict):
            line += " " + texts[verdict]
    if line:
        yield line
