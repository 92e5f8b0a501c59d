"""Reports of health that nobody asked for each time: Device.BulkData.

A profile is collected every ReportingInterval, in phase with TimeReference where the time is known,
and sent as its event Push!. Between two reports, a value that leaves its band or comes back to it,
or differs from what was last told by X_IPKO-COM_Change, is told at once, but no sooner than
X_IPKO-COM_ExceptionInterval after the exception before. While nobody is connected the last few
reports wait (notify.py): health is the first that is given up.

What stays in memory is when each profile is due and what was last told of the watched values; the
work is in bulk_plan.py and bulk_report.py. Source: TR-181, Device.BulkData; TR-369, R-BULK.
"""

from agent.core.parts import part


class Monitor:
    """Loaded once. `profiles` holds a list per enabled profile: its number, interval, whether it
    is in phase, when it is due, when the next exception may be told, and the watched values."""

    def __init__(self, device, endpoint) -> None:
        self.device = device
        self.endpoint = endpoint
        self.profiles = []
        self.changed = -1  # of the model, when the profiles were last looked at
        self.due_ms = 0
        self.busy = False  # a chore of ours is not done yet

    def look(self, now_ms: int) -> None:
        device = self.device
        if self.busy:
            return
        if now_ms >= self.due_ms or device.changed != self.changed or device.report_now:
            device.chores.append(part("bulk_plan").work(self, now_ms))
