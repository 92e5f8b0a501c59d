"""Operate: one result per object the command's path finds; a command that fails is no Error.

What can harm is done only with an authorisation, which is checked after everything else, because
it may be used once: a command that must wait for a telephone call has not used it up.
Source: TR-369, "Operate Message" R-OPR.0 to R-OPR.7.
"""

from agent.core.model_table import arguments
from agent.core.parts import part
from agent.core.paths import Target
from agent.errors import AuthorisationError, StorageError
from agent.wire.codes import (
    AUTHORIZATION_ARGUMENT,
    COMMAND_FAILURE,
    INVALID_COMMAND_ARGUMENTS,
    INVALID_PATH,
    REQUEST_DENIED,
)
from agent.wire.protobuf import encode
from agent.wire.replacement import FENCED
from agent.wire.usp import USPError, first, first_text, text_map


def operate(model, view, asker, originator, operations, authorise):
    """Carry out an Operate; return the producer of its answer, None when none is wanted.

    Raises USPError when the path names no command.
    """
    command = first_text(view, 0x0A)
    key = first_text(view, 0x12)
    args = text_map(view, 0x22)
    target = Target(model, command)
    if target.name[-2:] != "()":
        raise USPError(INVALID_PATH, "not a command")
    target.require()
    kind, inputs, _ = target.entry()[1].split(" ")
    rows = list(target.rows())
    refusal = None
    if rows:
        refusal = _fenced(model, target.name) or _incomplete(inputs, args)
        refusal = refusal or _busy(model, target.name, kind, args)
        refusal = refusal or _forbidden(kind, command, key, args, authorise)
    results = []
    for row in rows:
        path = model.instance_path(target.obj, row)
        outcome = refusal
        if not refusal:
            try:
                if kind in "aA":
                    outcome = operations.start(path, target.name, args, originator, key)
                else:
                    outcome = operations.run(target.name, target.obj, row, args, asker, key)
            except USPError as error:
                outcome = error
            except StorageError:
                outcome = USPError(COMMAND_FAILURE, "storage failed")
        results.append((path + target.name, outcome))
    return _answer(results) if first(view, 0x18, 0) else None


def _fenced(model, name):
    if model.swap_part == FENCED and name != "Fence()":
        return USPError(REQUEST_DENIED, "the unit is fenced")
    return None


def _incomplete(inputs, args):
    for name in arguments(inputs.replace("*", "")):
        if "*" + name in inputs.split(",") and name not in args:
            return USPError(INVALID_COMMAND_ARGUMENTS, "missing " + name)
    return None


def _busy(model, name, kind, args):
    """What can harm waits while the telephone line must not be taken down."""
    busy = model.guard.busy() if kind in "SA" and model.guard else ""
    why = part("call_guard").refusal(model, name, args, busy) if busy else ""
    return USPError(REQUEST_DENIED, why) if why else None


def _forbidden(kind, command, key, args, authorise):
    token = args.pop(AUTHORIZATION_ARGUMENT, "")
    if kind in "SA" and authorise:
        try:
            authorise(token, command, key, args)
        except AuthorisationError as error:
            return USPError(error.code, error.text)
    return None


def outputs_message(outputs: dict) -> bytes:
    """A message whose first field is a map of output arguments."""
    pairs = []
    for name, value in outputs.items():
        pairs.append(0x0A)
        pairs.append(encode(0x0A, name, 0x12, value))
    return encode(*pairs)


def _answer(results):
    def content(sink):
        for path, outcome in results:
            sink.open(0x0A)
            sink.put(0x0A, path)
            if isinstance(outcome, USPError):
                sink.pairs(0x22, 0x0D, outcome.code, 0x12, outcome.text)
            elif isinstance(outcome, str):
                sink.put(0x12, outcome)
            else:
                sink.put(0x1A, outputs_message(outcome))
            sink.close()
            yield
        yield

    return content
