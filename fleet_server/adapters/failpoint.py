"""Places where a crash test may kill the process: test equipment, inert unless it is asked for.

`FLEET_FAILPOINT=name` or `name:n` ends the process with SIGKILL the first, or the n-th, time that
place is reached. Names: before_commit, after_commit, before_notify_resp, after_notify_resp,
before_puback, after_puback; of the courier: before_command, after_command, before_settled,
before_call, after_call.
"""

from __future__ import annotations

import os
import signal

BEFORE_COMMIT = "before_commit"
AFTER_COMMIT = "after_commit"
BEFORE_NOTIFY_RESP = "before_notify_resp"
AFTER_NOTIFY_RESP = "after_notify_resp"
BEFORE_PUBACK = "before_puback"
AFTER_PUBACK = "after_puback"
BEFORE_COMMAND = "before_command"
AFTER_COMMAND = "after_command"
BEFORE_SETTLED = "before_settled"
BEFORE_CALL = "before_call"
AFTER_CALL = "after_call"
VARIABLE = "FLEET_FAILPOINT"


class Failpoint:
    """Counts down at one named place; `spec` is empty in every real installation."""

    def __init__(self, spec: str) -> None:
        self._name, _, times = spec.partition(":")
        self._left = int(times or 1)

    def reach(self, name: str) -> None:
        """Ends the process if this is the place and the time."""
        if name != self._name:
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def from_environment() -> Failpoint:
    """The failpoint this process was started with."""
    return Failpoint(os.environ.get(VARIABLE, ""))
