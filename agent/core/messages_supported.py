"""GetSupportedDM and GetSupportedProtocol: what the agent can do, read from the table of the model.

The largest answer there is; it is written line by line. Source: TR-369, "GetSupportedDM Message".
"""

from agent.core.model_table import arguments
from agent.wire.codes import AUTHORIZATION_ARGUMENT, INVALID_PATH
from agent.wire.protobuf import encode
from agent.wire.usp import SUPPORTED_VERSIONS, USPError, first, texts

_MODEL_URI = "urn:broadband-forum-org:tr-181-2-19-1"
_TYPES = {"b": 2, "d": 3, "i": 6, "u": 9}
_STRING = 8
_STAMP = "BootCount,UpTime,Time,TimeError,Grade"


def get_supported_protocol(model, view):
    """The versions this agent speaks."""

    def content(sink):
        sink.put(0x0A, SUPPORTED_VERSIONS)
        yield

    return content


class _Wanted:
    """What a request asks to be told, and about which entry alone (None: all)."""

    def __init__(self, view):
        self.first_level_only = first(view, 0x10, 0)
        self.commands = first(view, 0x18, 0)
        self.events = first(view, 0x20, 0)
        self.params = first(view, 0x28, 0)
        self.key_sets = first(view, 0x30, 0)


def get_supported_dm(model, view):
    """One result per requested path, which may name one command, event or parameter."""
    wanted = _Wanted(view)

    def content(sink):
        for path in texts(view, 0x0A):
            sink.open(0x0A)
            sink.put(0x0A, path)
            try:
                prefix, name = _supported(model, path)
            except USPError as error:
                sink.put(0x15, error.code)
                sink.put(0x1A, error.text)
            else:
                sink.put(0x22, _MODEL_URI)
                yield
                yield from _put_objects(model, prefix, name, wanted, sink)
            sink.close()
            yield

    return content


def _supported(model, path):
    """(object path, name of an entry or "")."""
    prefix, _, name = path.rpartition(".")
    prefix += "."
    if name == "{i}":
        prefix, name = path + ".", ""
    obj = model.find(prefix)
    if obj < 0 and not name:
        obj = model.find(prefix + "{i}.")
        prefix += "{i}."
    if obj < 0 or (name and not model.entry(obj, name)):
        raise USPError(INVALID_PATH, "no such path")
    return prefix, name


def _put_objects(model, prefix, name, wanted, sink):
    for obj in model.under(prefix):
        path = model.path(obj)
        below = path[len(prefix) :].replace("{i}.", "").count(".")
        if below and (name or (wanted.first_level_only and below > 1)):
            continue
        sink.open(0x2A)
        sink.put(0x0A, path)
        sink.put(0x10, model.is_creatable(obj))
        sink.put(0x18, path.endswith("{i}."))
        if not (below and wanted.first_level_only):
            yield from _put_entries(model, obj, name, wanted, sink)
        if wanted.key_sets and not name:
            for names in model.key_sets(obj):
                sink.put(0x42, encode(*_repeated(0x0A, names)))
        sink.close()
        yield


def _put_entries(model, obj, only, wanted, sink):
    for name, rest in model.entries(obj):
        if only and name != only:
            continue
        if name[-1] == ")":
            if wanted.commands:
                sink.put(0x22, _command(name, rest))
        elif name[-1] == "!":
            if wanted.events:
                sink.put(0x2A, encode(0x0A, name, *_repeated(0x12, event_arguments(rest))))
        elif wanted.params:
            sink.put(0x32, _parameter(name, rest))
        yield


def _repeated(tag, values):
    pairs = []
    for value in values:
        pairs.append(tag)
        pairs.append(value)
    return pairs


def _command(name, rest):
    kind, inputs, outputs = rest.split(" ")
    pairs = [0x0A, name]
    pairs.extend(_repeated(0x12, command_inputs(kind, inputs)))
    pairs.extend(_repeated(0x1A, arguments(outputs)))
    return encode(*pairs, 0x20, 1 + (kind in "aA"))


def _parameter(name, spec):
    access = 0 if spec[0] == "r" else 1
    ignored = spec[2:3] == "~"
    return encode(
        0x0A, name, 0x10, access, 0x18, _TYPES.get(spec[1], _STRING), 0x20, 2 if ignored else 1
    )


def command_inputs(kind: str, words: str) -> list[str]:
    """Input arguments of a command; one that can harm takes an authorisation too."""
    return arguments(words) + ([AUTHORIZATION_ARGUMENT] if kind in "SA" else [])


def event_arguments(words: str) -> list[str]:
    """Arguments of an event."""
    if words[0] != "+":
        return arguments(words)
    return arguments(words[1:] + "," + _STAMP)
