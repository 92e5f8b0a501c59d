"""Get and GetInstances. The answers are written row by row, never held.

Each function returns the producer of the answer's content. Source: TR-369, "Get Message",
"GetInstances Message".
"""

from agent.core.paths import Target
from agent.wire.codes import INVALID_PATH
from agent.wire.protobuf import encode, fields
from agent.wire.usp import USPError, first, texts


def get(model, view):
    """One result per requested path, in its order; a path that fails does not fail the others."""
    max_depth = first(view, 0x15, 0)

    def content(sink):
        for path in texts(view, 0x0A):
            sink.open(0x0A)
            sink.put(0x0A, path)
            try:
                target = _readable(model, path)
            except USPError as error:
                _put_failure(sink, error)
                yield
            else:
                if target.name:
                    yield from _put_parameter(model, target, sink)
                else:
                    yield from _put_objects(model, target, max_depth, sink)
            sink.close()

    return content


def _readable(model, path):
    target = Target(model, path)
    if target.name[-1:] in (")", "!"):
        raise USPError(INVALID_PATH, "not a parameter")
    try:
        target.require()
    except USPError as error:
        raise USPError(INVALID_PATH, error.text)  # noqa: B904 (the board cannot chain)
    return target


def _put_failure(sink, error):
    sink.put(0x15, error.code)
    sink.put(0x1A, error.text)


def _put_parameter(model, target, sink):
    slot, spec = target.entry()
    for row in target.rows():
        sink.open(0x22)
        sink.put(0x0A, model.instance_path(target.obj, row))
        _put_pair(sink, target.name, model.value(target.obj, row, slot, target.name, spec))
        sink.close()
        yield


def _put_pair(sink, name, value):
    sink.put(0x12, encode(0x0A, name, 0x12, value))


def _put_objects(model, target, max_depth, sink):
    top = _depth(target.supported)
    for obj in model.under(target.supported):
        path = model.path(obj)
        if not max_depth or _depth(path) - top < max_depth:
            for row in target.rows(obj):
                yield from _put_row(model, obj, row, sink)


def _depth(path):
    """Levels of objects in a path; a table and its rows are one."""
    return path.count(".") - path.count("{i}")


def _put_row(model, obj, row, sink):
    opened = False
    for slot, name, spec in model.parameters(obj):
        if not opened:
            opened = True
            sink.open(0x22)
            sink.put(0x0A, model.instance_path(obj, row))
        _put_pair(sink, name, model.value(obj, row, slot, name, spec))
        yield
    if opened:
        sink.close()


def get_instances(model, view):
    """The rows of the tables at or below each path, with their unique keys."""
    first_level_only = first(view, 0x10, 0)

    def content(sink):
        for path in texts(view, 0x0A):
            sink.open(0x0A)
            sink.put(0x0A, path)
            try:
                target = _readable(model, path)
                if target.name:
                    raise USPError(INVALID_PATH, "not an object")
            except USPError as error:
                _put_failure(sink, error)
                yield
            else:
                yield from _put_instances(model, target, first_level_only, sink)
            sink.close()

    return content


def _put_instances(model, target, first_level_only, sink):
    above = len(target.keys)
    for obj in model.under(target.supported):
        if model.path(obj).endswith("{i}."):
            for row in target.rows(obj):
                if len(row[0]) > above and (not first_level_only or len(row[0]) == above + 1):
                    sink.open(0x22)
                    sink.put(0x0A, model.instance_path(obj, row))
                    for name, value in model.unique_keys(obj, row):
                        _put_pair(sink, name, value)
                    sink.close()
                    yield


def notify_response_id(view) -> str:
    """subscription_id of a NotifyResp."""
    for tag, value in fields(view):
        if tag == 0x0A:
            return str(value, "utf-8")
    return ""
