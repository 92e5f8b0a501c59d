"""Device.LocalAgent.X_IPKO-COM_Apply(): Set, Add or Delete of what plain Messages may not write."""

import json

from agent.core.changes import Asker
from agent.core.parts import part
from agent.wire.codes import INVALID_COMMAND_ARGUMENTS
from agent.wire.protobuf import encode
from agent.wire.usp import USPError


def apply(operations, obj, row, args, asker, key) -> dict:
    """Carry it out; return the outputs of the command. Raises USPError."""
    method = args["Method"]
    if method not in ("Set", "Add", "Delete"):
        raise USPError(INVALID_COMMAND_ARGUMENTS, "Method")
    unlocked = Asker(asker.number, False, asker.now)
    try:
        if method == "Delete":
            view = memoryview(encode(0x12, args["Path"]))
            part("messages_delete").delete(operations.device, view, unlocked)
        else:
            item = _settings(args["Path"], args.get("Parameters") or "{}")
            view = memoryview(encode(0x12, item))
            if method == "Set":
                part("messages_set").set_values(operations.device, view, unlocked)
            else:
                part("messages_add").add(operations.device, view, unlocked)
    except USPError as error:
        for path, code, text in error.param_errs:
            raise USPError(code, "%s %s" % (path, text))  # noqa: B904 (the board cannot chain)
        raise
    operations.changed(unlocked)
    created = [operations.device.instance_path(*entry) for entry in unlocked.created]
    return {"Path": created[0]} if created else {}


def _settings(path, parameters):
    """An update or create object from a JSON object of texts, every parameter required."""
    try:
        values = json.loads(parameters)
        pairs = [0x0A, path]
        for name, value in values.items():
            if not isinstance(value, str):
                raise ValueError(name)
            pairs.append(0x12)
            pairs.append(encode(0x0A, name, 0x12, value, 0x18, 1))
    except (ValueError, AttributeError, RuntimeError):
        raise USPError(INVALID_COMMAND_ARGUMENTS, "Parameters")  # noqa: B904 (the board cannot chain)
    return encode(*pairs)


AT_ONCE = {"X_IPKO-COM_Apply()": apply}
