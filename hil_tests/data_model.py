"""Writes docs/data-model.md from the table the agent serves: `python -m hil_tests.data_model`."""

import sys
from collections.abc import Iterator
from pathlib import Path

from agent.core.messages_supported import command_inputs, event_arguments
from agent.core.model import Model, default_of
from agent.core.model_table import arguments

PAGE = Path(__file__).resolve().parents[1] / "docs" / "data-model.md"

_CLASSES = ("MODEM", "VOICEMODEM", "STB")
_ACCESS = {"r": "read", "w": "write", "o": "write once", "k": "when added", "s": "write only"}
_TYPES = {
    "s": "text",
    "a": "text",
    "b": "boolean",
    "i": "int",
    "u": "unsigned int",
    "d": "dateTime",
    "y": "day, `unknown` or `none`",
    "l": "list",
    "p": "reference",
}
_HEAD = """\
# Data model

What our agent supports, generated from the code that serves it (`python -m hil_tests.data_model`).
Names, types and meaning are those of TR-181 2.19; what is ours has the prefix `X_IPKO-COM_`.
"Silent" parameters change by themselves and are never notified as ValueChange. Commands marked
**authorised** can harm: on production boards they run only with `X_IPKO-COM_Authorization`
(see developer/architecture.md).
"""


class _NothingKept:
    """A store without contents: the page shows what is supported, not what is there."""

    def load(self, name: str) -> None:
        return None


def page() -> str:
    """The text of docs/data-model.md."""
    models = {name: Model(_NothingKept(), name) for name in _CLASSES}
    lines = [_HEAD]
    for start in sorted({start for model in models.values() for start in model.starts}):
        only = [name for name in _CLASSES if start in models[name].starts]
        model = models[only[0]]
        obj = model.starts.index(start)
        lines.extend(_object(model, obj, only if len(only) < len(_CLASSES) else []))
    return "\n".join(lines) + "\n"


def _object(model: Model, obj: int, only: list[str]) -> Iterator[str]:
    yield f"## `{model.path(obj)}`\n"
    notes = [f"Only {', '.join(only)}."] if only else []
    if model.is_creatable(obj):
        notes.append("Controllers add and delete rows.")
    keys = [" + ".join(f"`{name}`" for name in names) for names in model.key_sets(obj)]
    if keys:
        notes.append(f"Unique keys: {'; '.join(keys)}.")
    if notes:
        yield " ".join(notes) + "\n"
    yield from _parameters(model, obj)
    for name, rest in model.entries(obj):
        if name.endswith("()"):
            yield _command(name, rest)
        elif name.endswith("!"):
            listed = ", ".join(f"`{argument}`" for argument in event_arguments(rest))
            yield f"- event `{name}` {{{listed}}}\n"


def _parameters(model: Model, obj: int) -> Iterator[str]:
    rows = [_parameter(name, spec) for _, name, spec in model.parameters(obj)]
    if rows:
        yield "| parameter | access | type | allowed | default |\n|---|---|---|---|---|"
        yield "\n".join(rows) + "\n"


def _parameter(name: str, spec: str) -> str:
    kind, _, allowed = spec.split(" ")[0].partition(":")
    access = _ACCESS[kind[0]] + (", silent" if kind.endswith("~") else "")
    allowed = allowed.replace("|", ", ")
    if allowed.isdigit():
        allowed = f"at most {allowed} characters"
    elif allowed[:1] == "+":
        allowed = f"1 to {allowed[1:]} characters"
    elif kind[1] in "iu":
        low, _, high = allowed.rpartition("-")
        allowed = f"{low} to {high}" if low else ""
    return f"| `{name}` | {access} | {_TYPES[kind[1]]} | {allowed} | {default_of(spec)} |"


def _command(name: str, rest: str) -> str:
    kind, inputs, outputs = rest.split(" ")
    mandatory = [word[1:] for word in inputs.split(",") if word.startswith("*")]
    taken = ", ".join(
        f"`{argument}`" + (" (mandatory)" if argument in mandatory else "")
        for argument in command_inputs(kind, inputs)
    )
    given = ", ".join(f"`{argument}`" for argument in arguments(outputs))
    how = "in the background" if kind in "aA" else "at once"
    harm = ", **authorised**" if kind in "SA" else ""
    return f"- command `{name}` {{{taken}}} gives {{{given}}}, {how}{harm}\n"


def main() -> int:
    """Write the page; return the exit code."""
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
