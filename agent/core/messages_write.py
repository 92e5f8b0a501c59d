"""What Set, Add and Delete share: everything is judged first, then done, then made durable.

With allow_partial false one failure refuses the whole Message and nothing has changed; with it,
each path stands alone. A search path that finds several rows is all or nothing for itself.
Error texts are short; codes are what counts. Source: TR-369, "Set", "Add", "Delete Message".
"""

from agent.breath import breathe
from agent.core.changes import CONTROLLER
from agent.core.paths import Target
from agent.errors import StorageError
from agent.wire.codes import (
    INVALID_ARGUMENTS,
    PERMISSION_DENIED,
    REQUIRED_PARAMETER_FAILED,
    RESOURCES_EXCEEDED,
    UNSUPPORTED_PARAMETER,
)
from agent.wire.usp import USPError, first, first_text, views

_LOCKED = (
    "Device.MQTT.",
    "Device.LocalAgent.Controller.",
    "Device.LocalAgent.MTP.",
    "Device.X_IPKO-COM_Service.",
    "Device.Services.X_IPKO-COM_EmergencyCalls.",
)
_OPEN_PARAMETERS = (  # in the first row; no wait becomes longer than backoff.py allows
    (CONTROLLER, ("Periodic", "USPNotifRetry")),
    ("Device.MQTT.Client.{i}.", ("ConnectRetry", "X_IPKO-COM_Connect")),
)


class Plan:
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


def require_open(asker, target, names):
    """Raises USPError 7006 where only an authorised command may write."""
    if not asker.locked:
        return
    for prefix in _LOCKED:
        if target.supported.startswith(prefix):
            starts = dict(_OPEN_PARAMETERS).get(target.supported, ())
            closed = [name for name in names or () if not name.startswith(starts)]
            if (
                names is None
                or not starts
                or closed
                or [row for row in target.rows() if row[0] != (1,)]
            ):
                raise USPError(PERMISSION_DENIED, "needs an authorised command")


def refuse_failures(model, plans):
    """Raises USPError 7004 with every failure there is."""
    errors = []
    for plan in plans:
        if plan.failure:
            errors.extend(plan.param_errs(model))
    if errors:
        raise USPError(INVALID_ARGUMENTS, "refused: " + errors[0][0], errors)


def read_settings(model, plan, item, creating, check):
    """Have `check` of values.py check each parameter. Raises USPError 7021 when one that is
    required fails."""
    obj = plan.target.obj
    keys = []
    if creating:
        for names in model.key_sets(obj):
            keys.extend(names)
    failed = False
    for setting in views(item, 0x12):
        breathe()
        name = first_text(setting, 0x0A)
        try:
            slot, value = _checked(model, plan, name, first_text(setting, 0x12), creating, check)
            plan.values.append((slot, name, value))
        except USPError as error:
            plan.errors.append((name, error.code, error.text))
            failed = failed or first(setting, 0x18, 0) or name in keys
    if failed:
        raise USPError(REQUIRED_PARAMETER_FAILED, "required parameter failed")


def _checked(model, plan, name, value, creating, check):
    entry = model.entry(plan.target.obj, name)
    if not entry or " " in name or name[-1] in ")!":  # a space: more of the table than a name
        raise USPError(UNSUPPORTED_PARAMETER, "no such parameter")
    slot, spec = entry
    checked = None
    for row in (None,) if creating or not plan.rows else plan.rows:
        checked = check(spec, row, slot, value)
    return slot, checked


def commit(model, steps):
    """Make it durable, or take all of it back and raise USPError 7005."""
    try:
        model.save()
    except StorageError:
        take_back(steps)
        raise USPError(RESOURCES_EXCEEDED, "storage is full")  # noqa: B904 (the board cannot chain)


def take_back(steps, kept=0):
    """Undo what was done last, until `kept` steps are left."""
    while len(steps) > kept:
        step, *args = steps.pop()
        step(*args)


def put_errors(sink, plan):
    """The parameters that failed, as the answers of Set and Add have them."""
    for name, code, reason in plan.errors:
        sink.pairs(0x12, 0x0A, name, 0x15, code, 0x1A, reason)
