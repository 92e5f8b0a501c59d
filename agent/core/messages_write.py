"""Set, Add and Delete: everything is judged first, then done, then made durable, or undone.

With allow_partial false one failure refuses the whole Message and nothing has changed; with it,
each path stands alone. A search path that finds several rows is all or nothing for itself.
Error texts are short; codes are what counts. Source: TR-369, "Set", "Add", "Delete Message".
"""

from agent.core.changes import CONTROLLER, SUBSCRIPTION, remove_row
from agent.core.parts import part
from agent.core.paths import Target
from agent.errors import StorageError
from agent.wire.codes import (
    DELETE_FAILURE,
    INVALID_ARGUMENTS,
    INVALID_PATH,
    NOT_A_TABLE,
    NOT_CREATABLE,
    PERMISSION_DENIED,
    REQUIRED_PARAMETER_FAILED,
    RESOURCES_EXCEEDED,
    UNSUPPORTED_PARAMETER,
)
from agent.wire.protobuf import encode
from agent.wire.usp import USPError, first, first_text, texts, views

_LOCKED = (
    "Device.MQTT.",
    "Device.LocalAgent.Controller.",
    "Device.LocalAgent.MTP.",
    "Device.X_IPKO-COM_Service.",
)
_OPEN_PARAMETERS = ("Periodic", "USPNotifRetry")

_values = part("values")


class _Plan:
    """What one path of a request comes to."""

    def __init__(self, model, path: str) -> None:
        self.path = path
        self.failure = None
        self.rows = []
        self.values = []
        self.errors = []  # (parameter, code, text)
        try:
            self.target = Target(model, path)
        except USPError as error:
            self.failure = error

    def fail(self, error):
        self.failure = error

    def param_errs(self, model):
        """The failures as an Error names them: by full path."""
        if not self.errors:
            return [(self.path, self.failure.code, self.failure.text)]
        path = self.path
        if self.rows:
            path = model.instance_path(self.target.obj, self.rows[0])
        return [(path + name, code, text) for name, code, text in self.errors]


def _require_open(asker, target, names):
    """Raises USPError 7006 where only an authorised command may write."""
    if not asker.locked:
        return
    for prefix in _LOCKED:
        if target.supported.startswith(prefix):
            own = target.supported == CONTROLLER and names is not None
            if not own or [row for row in target.rows() if row[0] != (1,)]:
                raise USPError(PERMISSION_DENIED, "needs an authorised command")
            for name in names:
                if not name.startswith(_OPEN_PARAMETERS):
                    raise USPError(PERMISSION_DENIED, "needs an authorised command")


def _read_settings(model, plan, item, creating):
    """Check each parameter of a request; raises USPError 7021 when one that is required fails."""
    obj = plan.target.obj
    keys = []
    if creating:
        for names in model.key_sets(obj):
            keys.extend(names)
    failed = False
    for setting in views(item, 0x12):
        name = first_text(setting, 0x0A)
        try:
            slot, value = _checked(model, plan, name, first_text(setting, 0x12), creating)
            plan.values.append((slot, name, value))
        except USPError as error:
            plan.errors.append((name, error.code, error.text))
            failed = failed or first(setting, 0x18, 0) or name in keys
    if failed:
        raise USPError(REQUIRED_PARAMETER_FAILED, "required parameter failed")


def _checked(model, plan, name, value, creating):
    entry = model.entry(plan.target.obj, name)
    if not entry or " " in name or name[-1] in ")!":  # a space: more of the table than a name
        raise USPError(UNSUPPORTED_PARAMETER, "no such parameter")
    slot, spec = entry
    checked = None
    for row in (None,) if creating or not plan.rows else plan.rows:
        checked = _values.check(spec, row, slot, value)
    return slot, checked


def _commit(model, undo):
    """Make it durable, or undo all of it and raise USPError 7005."""
    try:
        model.save()
    except StorageError:
        _undo(undo)
        raise USPError(RESOURCES_EXCEEDED, "storage is full")  # noqa: B904


def _undo(steps):
    while steps:
        step, *args = steps.pop()
        step(*args)


# --- Set -----------------------------------------------------------------------------------------


def set_values(model, view, asker):
    """Carry out a Set; return the producer of its answer. Raises USPError."""
    partial = first(view, 0x08, 0)
    plans = [_plan_set(model, item, asker) for item in views(view, 0x12)]
    if not partial:
        _refuse_failures(model, plans)
    undo = []
    for plan in plans:
        if not plan.failure:
            _apply(model, plan, undo, asker)
    if not partial and [plan for plan in plans if plan.failure]:
        _undo(undo)
        _refuse_failures(model, plans)
    _commit(model, undo)
    return _set_answer(model, plans)


def _plan_set(model, item, asker):
    plan = _Plan(model, first_text(item, 0x0A))
    if plan.failure:
        return plan
    try:
        if plan.target.name or plan.target.whole_table:
            raise USPError(INVALID_PATH, "not an object")
        plan.target.require()
        names = [first_text(setting, 0x0A) for setting in views(item, 0x12)]
        _require_open(asker, plan.target, names)
        plan.rows = list(plan.target.rows())
        _read_settings(model, plan, item, False)
    except USPError as error:
        plan.fail(error)
    return plan


def _refuse_failures(model, plans):
    errors = []
    for plan in plans:
        if plan.failure:
            errors.extend(plan.param_errs(model))
    if errors:
        raise USPError(INVALID_ARGUMENTS, "refused: " + errors[0][0], errors)


def _apply(model, plan, undo, asker):
    obj = plan.target.obj
    mine = len(undo)
    for row in plan.rows:
        for slot, name, value in plan.values:
            if model.get(obj, row, name) != value:
                undo.append((model.put_slot, obj, row, slot, row[slot]))
                model.put_slot(obj, row, slot, value)
        try:
            _values.fill_keys(model, obj, row)
        except USPError as error:
            plan.fail(error)
            while len(undo) > mine:
                _undo([undo.pop()])
            return
    asker.changed.append(obj)


def _set_answer(model, plans):
    def content(sink):
        for plan in plans:
            sink.open(0x0A)
            sink.put(0x0A, plan.path)
            sink.open(0x12)
            sink.open(0x0A if plan.failure else 0x12)
            if plan.failure:
                sink.put(0x0D, plan.failure.code)
                sink.put(0x12, plan.failure.text)
            for row in plan.rows:
                sink.open(0x1A if plan.failure else 0x0A)
                sink.put(0x0A, model.instance_path(plan.target.obj, row))
                _put_errors(sink, plan)
                if not plan.failure:
                    for _, name, value in plan.values:
                        sink.put(0x1A, encode(0x0A, name, 0x12, value))
                sink.close()
                yield
            sink.close()
            sink.close()
            sink.close()
            yield

    return content


def _put_errors(sink, plan):
    for name, code, reason in plan.errors:
        sink.pairs(0x12, 0x0A, name, 0x15, code, 0x1A, reason)


# --- Add -----------------------------------------------------------------------------------------


def add(model, view, asker):
    """Carry out an Add; return the producer of its answer. Raises USPError."""
    partial = first(view, 0x08, 0)
    plans = []
    undo = []
    for item in views(view, 0x12):
        plan = _Plan(model, first_text(item, 0x0A))
        plans.append(plan)
        mine = len(undo)
        try:
            _create(model, plan, item, undo, asker)
        except USPError as error:
            plan.fail(error)
            if not partial:
                _undo(undo)
                _refuse_failures(model, plans)
            while len(undo) > mine:
                _undo([undo.pop()])
            plan.rows = []
    _commit(model, undo)
    for plan in plans:
        asker.created.extend([(plan.target.obj, row) for row in plan.rows])
    return _add_answer(model, plans)


def _create(model, plan, item, undo, asker):
    if plan.failure:
        raise plan.failure
    target = plan.target
    if not target.whole_table:
        raise USPError(NOT_A_TABLE, "not a table")
    if not model.is_creatable(target.obj):
        raise USPError(NOT_CREATABLE, "rows cannot be added")
    _require_open(asker, target, None)
    target.require()
    _read_settings(model, plan, item, True)
    for parent in _parents(model, target):
        row = model.add_row(target.obj, parent)
        undo.append((model.delete_row, target.obj, row))
        for slot, _, value in plan.values:
            model.put_slot(target.obj, row, slot, value)
        if model.path(target.obj) == SUBSCRIPTION:
            model.put(
                target.obj, row, "Recipient", "Device.LocalAgent.Controller.%d" % asker.number
            )
            model.put(target.obj, row, "CreationDate", asker.now)
        _values.fill_keys(model, target.obj, row)
        plan.rows.append(row)


def _parents(model, target):
    """Instance numbers of the rows in which the table is."""
    if not target.keys:
        return [()]
    end = target.supported.rfind("{i}.") + 4
    return [row[0] for row in target.rows(model.find(target.supported[:end]))]


def _add_answer(model, plans):
    def content(sink):
        for plan in plans:
            if plan.failure:
                sink.open(0x0A)
                sink.put(0x0A, plan.path)
                failure = encode(0x0D, plan.failure.code, 0x12, plan.failure.text)
                sink.pairs(0x12, 0x0A, failure)
                sink.close()
            for row in plan.rows:
                sink.open(0x0A)
                sink.put(0x0A, plan.path)
                sink.open(0x12)
                sink.open(0x12)
                sink.put(0x0A, model.instance_path(plan.target.obj, row))
                _put_errors(sink, plan)
                for name, value in model.unique_keys(plan.target.obj, row):
                    sink.put(0x1A, encode(0x0A, name, 0x12, value))
                sink.close()
                sink.close()
                sink.close()
                yield
            yield

    return content


# --- Delete --------------------------------------------------------------------------------------


def delete(model, view, asker):
    """Carry out a Delete; return the producer of its answer. Raises USPError.

    A row that does not exist is deleted with success. Source: TP-469 1.25.
    """
    plans = [_plan_delete(model, path, asker) for path in texts(view, 0x12)]
    if not first(view, 0x08, 0):
        _refuse_failures(model, plans)
    for plan in plans:
        plan.values = [model.instance_path(plan.target.obj, row) for row in plan.rows]
        for row in plan.rows:
            remove_row(model, plan.target.obj, row, asker)
    model.save()
    return _delete_answer(plans)


def _plan_delete(model, path, asker):
    plan = _Plan(model, path)
    if plan.failure:
        return plan
    try:
        if not plan.target.is_row():
            raise USPError(NOT_A_TABLE, "not a row")
        if not model.is_creatable(plan.target.obj):
            raise USPError(DELETE_FAILURE, "rows cannot be deleted")
        _require_open(asker, plan.target, None)
        plan.rows = list(plan.target.rows())
    except USPError as error:
        plan.fail(error)
    return plan


def _delete_answer(plans):
    def content(sink):
        for plan in plans:
            sink.open(0x0A)
            sink.put(0x0A, plan.path)
            sink.open(0x12)
            if plan.failure:
                sink.pairs(0x0A, 0x0D, plan.failure.code, 0x12, plan.failure.text)
            else:
                sink.open(0x12)
                for path in plan.values:
                    sink.put(0x0A, path)
                sink.close()
            sink.close()
            sink.close()
            yield

    return content
