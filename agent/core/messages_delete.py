"""Delete: a part of its own, beside what messages_write.py has for all that write."""

from agent.core.changes import remove_row
from agent.core.parts import part
from agent.wire.codes import DELETE_FAILURE, NOT_A_TABLE
from agent.wire.usp import USPError, first, texts

_writing = part("messages_write")


def delete(model, view, asker):
    """Carry out a Delete; return the producer of its answer. Raises USPError.

    A row that does not exist is deleted with success. Source: TP-469 1.25.
    """
    plans = [_plan_delete(model, path, asker) for path in texts(view, 0x12)]
    if not first(view, 0x08, 0):
        _writing.refuse_failures(model, plans)
    for plan in plans:
        plan.values = [model.instance_path(plan.target.obj, row) for row in plan.rows]
        for row in plan.rows:
            remove_row(model, plan.target.obj, row, asker)
    model.save()
    return _delete_answer(plans)


def _plan_delete(model, path, asker):
    plan = _writing.Plan(model, path)
    if plan.failure:
        return plan
    try:
        if not plan.target.is_row():
            raise USPError(NOT_A_TABLE, "not a row")
        if not model.is_creatable(plan.target.obj):
            raise USPError(DELETE_FAILURE, "rows cannot be deleted")
        _writing.require_open(asker, plan.target, None)
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
