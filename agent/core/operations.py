"""The commands that run: at once, or in the background.

A background command is a generator, advanced by each poll, that yields None until it yields its
outputs. While it runs it has a row in Device.LocalAgent.Request. Source: TR-369, "Operate".

A command is in the table AT_ONCE or BACKGROUND of the part `commands`, or of the part that
`_ELSEWHERE` names for it.
"""

from agent.compat import const
from agent.core.parts import part
from agent.wire.codes import COMMAND_CANCELLED, RESOURCES_EXCEEDED
from agent.wire.usp import USPError

_REQUEST = "Device.LocalAgent.Request.{i}."
_MAX_RUNNING = const(4)
_ELSEWHERE = {
    "X_IPKO-COM_Apply()": "apply",
    "X_IPKO-COM_Overtake()": "authorisation",
    "SetState()": "service_commands",
    "SetAllowList()": "service_commands",
    "SetEmergencyNumbers()": "service_commands",
    "SetHomeNetworks()": "service_commands",
    "Prepare()": "replacement_commands",
    "Adopt()": "replacement_commands",
    "Fence()": "replacement_commands",
    "Rollback()": "replacement_commands",
    "Reset()": "card_commands",
    "X_IPKO-COM_Pair()": "card_commands",
    "X_IPKO-COM_SetFamilies()": "card_commands",
    "DiagTests()": "line_tests",
    "IPPing()": "diagnostics",
    "DownloadDiagnostics()": "diagnostics",
    "UploadDiagnostics()": "diagnostics",
}


class Operations:
    """Runs commands on a Device.

    `on_board(number, data)` queues an OnBoardRequest; `finished(path, name, key, outcome)` tells
    the subscribers, the outcome being outputs or a USPError; `changed(asker)` hears what was made.
    """

    def __init__(self, device, on_board, finished, changed) -> None:
        self.device = device
        self.on_board = on_board
        self._finished = finished
        self.changed = changed
        self._running = []  # [request row, object path, command, key, generator]

    def run(self, name: str, obj: int, row: list, args: dict, asker, key: str) -> dict:
        """Carry out a command that answers at once; return its outputs. Raises USPError."""
        return _part_of(name).AT_ONCE[name](self, obj, row, args, asker, key)

    def start(self, path: str, name: str, args: dict, originator: str, key: str) -> str:
        """Begin a background command; return the path of its request. Raises USPError."""
        if len(self._running) >= _MAX_RUNNING:
            raise USPError(RESOURCES_EXCEEDED, "too many commands are running")
        device = self.device
        work = _part_of(name).BACKGROUND[name](device, args)
        obj = device.find(_REQUEST)
        row = device.add_row(obj, ())
        values = {
            "Originator": originator,
            "Command": path + name,
            "CommandKey": key,
            "Status": "Active",
        }
        for parameter, value in values.items():
            device.put(obj, row, parameter, value)
        self._running.append([row, path, name, key, work])
        return device.instance_path(obj, row)

    def advance(self) -> None:
        """One step of the oldest background command."""
        if self._running:
            entry = self._running[0]
            outputs = next(entry[4])
            if outputs is not None:
                self._end(entry, outputs)

    def cancel(self, row: list) -> None:
        """Stop the background command of a request."""
        for entry in list(self._running):
            if entry[0] is row:
                self._end(entry, USPError(COMMAND_CANCELLED))

    def _end(self, entry, outcome):
        self._running.remove(entry)
        entry[4].close()
        obj = self.device.find(_REQUEST)
        self.device.delete_row(obj, entry[0])
        self._finished(entry[1], entry[2], entry[3], outcome)


def _part_of(name):
    return part(_ELSEWHERE.get(name, "commands"))
