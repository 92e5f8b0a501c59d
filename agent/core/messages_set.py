"""Set: a part of its own, beside what messages_write.py has for all that write."""

from agent.breath import breathe
from agent.core.parts import part
from agent.wire.codes import INVALID_PATH
from agent.wire.protobuf import encode
from agent.wire.usp import USPError, first, first_text, views

_writing = part("messages_write")
_values = part("values")


def set_values(model, view, asker):
    """Carry out a Set; return the producer of its answer. Raises USPError."""
    partial = first(view, 0x08, 0)
    plans = [_plan_set(model, item, asker) for item in views(view, 0x12)]
    if not partial:
        _writing.refuse_failures(model, plans)
    undo = []
    for plan in plans:
        if not plan.failure:
            _apply(model, plan, undo, asker)
    if not partial and [plan for plan in plans if plan.failure]:
        _writing.take_back(undo)
        _writing.refuse_failures(model, plans)
    _writing.commit(model, undo)
    return _set_answer(model, plans)


def _plan_set(model, item, asker):
    plan = _writing.Plan(model, first_text(item, 0x0A))
    if plan.failure:
        return plan
    try:
        if plan.target.name or plan.target.whole_table:
            raise USPError(INVALID_PATH, "not an object")
        plan.target.require()
        names = [first_text(setting, 0x0A) for setting in views(item, 0x12)]
        _writing.require_open(asker, plan.target, names)
        plan.rows = list(plan.target.rows())
        _writing.read_settings(model, plan, item, False, _values.check)
    except USPError as error:
        plan.fail(error)
    return plan


def _apply(model, plan, undo, asker):
    obj = plan.target.obj
    mine = len(undo)
    for row in plan.rows:
        breathe()
        for slot, name, value in plan.values:
            if model.get(obj, row, name) != value:
                undo.append((model.put_slot, obj, row, slot, row[slot]))
                model.put_slot(obj, row, slot, value)
        try:
            _values.fill_keys(model, obj, row)
        except USPError as error:
            plan.fail(error)
            _writing.take_back(undo, mine)
            return
    if [name for _, name, _ in plan.values if "Connect" not in name]:
        asker.changed.append(
            obj
        )  # how long to wait counts from the next loss on, without a new one


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
                _writing.put_errors(sink, plan)
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
