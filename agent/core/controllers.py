"""The controllers an agent listens to: the rows of Device.LocalAgent.Controller. and what they say.

The first row is the primary controller, made from what was provisioned.
"""

import json

from agent.compat import const
from agent.core.changes import CONTROLLER
from agent.core.events import unix_ms
from agent.core.paths import Target
from agent.wire.topics import controller_topic
from agent.wire.usp import USPError

_MTP_MQTT = "Device.LocalAgent.Controller.{i}.MTP.{i}.MQTT."
_BOOT_PARAMETER = "Device.LocalAgent.Controller.{i}.BootParameter.{i}."
_LAST_RANGE = const(10)  # from the tenth retry on the wait grows no more
_MAX_BOOT_PARAMETERS = const(32)


class Controllers:
    """Reads the controller rows of a model; keeps when the next Periodic! of each is due."""

    def __init__(self, model, endpoint_id: str) -> None:
        self._model = model
        self._endpoint_id = endpoint_id
        self._obj = model.find(CONTROLLER)
        self._due = {}  # instance number: (interval s, due ms)

    def by_endpoint_id(self, endpoint_id: str):
        """The enabled row of a controller, or None."""
        for row in self._model.rows(self._obj):
            if self._get(row, "EndpointID") == endpoint_id and self._get(row, "Enable") == "true":
                return row
        return None

    def by_number(self, number: int):
        """The row of an instance number if it is enabled, or None."""
        row = self._model.row(self._obj, (number,))
        return row if row and self._get(row, "Enable") == "true" else None

    def by_reference(self, reference: str):
        """The enabled row a Recipient refers to, or None."""
        number = reference[reference.rfind(".") + 1 :]
        return self.by_number(int(number)) if number else None

    def endpoint_id(self, row) -> str:
        """EndpointID of a row."""
        return self._get(row, "EndpointID")

    def topic(self, row) -> str:
        """Where this controller's notifications go."""
        obj = self._model.find(_MTP_MQTT)
        for found in self._model.rows(obj):
            topic = self._model.get(obj, found, "Topic") if found[0][0] == row[0][0] else ""
            if topic:
                return topic
        return controller_topic(self.endpoint_id(row), self._endpoint_id)

    def retry_wait_ms(self, row, retry: int, random) -> int:
        """How long to wait before this retry, counted from 1. Source: TR-369 R-NOT.1, R-NOT.2."""
        wait = int(self._get(row, "USPNotifRetryMinimumWaitInterval")) * 1000
        factor = int(self._get(row, "USPNotifRetryIntervalMultiplier"))
        for _ in range(min(retry, _LAST_RANGE) - 1):
            wait = wait * factor // 1000
        share = int.from_bytes(random(2), "big")
        return wait + wait * (factor - 1000) * share // 65535000

    def boot_parameters(self, row) -> str:
        """ParameterMap of Boot!: a JSON object of the parameters this controller asks for."""
        found = {}
        obj = self._model.find(_BOOT_PARAMETER)
        for entry in self._model.rows(obj):
            if entry[0][0] == row[0][0] and self._model.get(obj, entry, "Enable") == "true":
                self._collect(self._model.get(obj, entry, "ParameterName"), found)
        return json.dumps(found)

    def due_periodic(self, now_ms: int, offset_ms: int | None):
        """Yield the rows whose Periodic! is due, and plan the next."""
        for row in self._model.rows(self._obj):
            interval_s = int(self._get(row, "PeriodicNotifInterval"))
            known = self._due.get(row[0][0])
            if not known or known[0] != interval_s:
                self._plan(row, interval_s, now_ms, offset_ms)
            elif known[1] <= now_ms:
                self._plan(row, interval_s, now_ms, offset_ms)
                yield row

    def plan_anew(self) -> None:
        """The clock was set: phases have to be worked out again."""
        self._due = {}

    def _plan(self, row, interval_s, now_ms, offset_ms):
        interval_ms = interval_s * 1000
        phase = unix_ms(self._get(row, "PeriodicNotifTime"))
        wait = interval_ms
        if phase is not None and offset_ms is not None:
            wait = interval_ms - (now_ms + offset_ms - phase) % interval_ms
        self._due[row[0][0]] = (interval_s, now_ms + wait)

    def _collect(self, name, found):
        try:
            target = Target(self._model, name)
        except USPError:
            return
        entry = target.entry()
        if not target.name or target.name[-1] in ")!":
            return
        for row in target.rows():
            if len(found) < _MAX_BOOT_PARAMETERS:
                path = self._model.instance_path(target.obj, row) + target.name
                found[path] = self._model.value(target.obj, row, entry[0], target.name, entry[1])

    def _get(self, row, name):
        return self._model.get(self._obj, row, name)
