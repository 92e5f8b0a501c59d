"""Add: a part of its own, beside what messages_write.py has for all that write."""

from agent.core.changes import SUBSCRIPTION
from agent.core.parts import part
from agent.wire.codes import NOT_A_TABLE, NOT_CREATABLE
from agent.wire.protobuf import encode
from agent.wire.usp import USPError, first, first_text, views

_writing = part("messages_write")
_values = part("values")


def add(model, view, asker):
    """Carry out an Add; return the producer of its answer. Raises USPError."""
    partial = first(view, 0x08, 0)
    plans = []
    undo = []
    for item in views(view, 0x12):
        plan = _writing.Plan(model, first_text(item, 0x0A))
        plans.append(plan)
        mine = len(undo)
        try:
            _create(model, plan, item, undo, asker)
        except USPError as error:
            plan.fail(error)
            if not partial:
                _writing.take_back(undo)
                _writing.refuse_failures(model, plans)
            _writing.take_back(undo, mine)
            plan.rows = []
    _writing.commit(model, undo)
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
    _writing.require_open(asker, target, None)
    target.require()
    _writing.read_settings(model, plan, item, True, _values.check)
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
                _writing.put_errors(sink, plan)
                for name, value in model.unique_keys(plan.target.obj, row):
                    sink.put(0x1A, encode(0x0A, name, 0x12, value))
                sink.close()
                sink.close()
                sink.close()
                yield
            yield

    return content
