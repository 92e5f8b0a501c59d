"""The verbs of the serial console: one method each, arguments in, answer out.

A provisioned production unit answers only `hello`, `status` and `open` until a token opened it,
and then for ten minutes. Lab boards, and boards not yet provisioned, are open.
"""

from binascii import b2a_base64

from agent.compat import const, monotonic_ms, to_hex
from agent.core.parts import part
from agent.core.provisioning import PROVISIONED
from agent.errors import ConfigurationError
from agent.wire.codes import SOFTWARE_VERSION

PROTOCOL = 1
_OPEN_MS = const(600000)
_NONCE_BYTES = const(16)
_VERBS = ("hello", "open", "new_key", "install", "commit", "status", "report", "reboot")
_ALWAYS = ("hello", "open", "status", "report")
_REPORTS = ("status", "levels", "card", "voice", "warranty", "events", "test")
_CLOSED_REPORTS = ("events", "test")  # when power failed tells when a home is empty
_ROWS_AT_ONCE = const(16)


class Commands:
    """`agent` has board, endpoint_id, store, clock, journal, provisioning,
    session (None while not provisioned), `busy()` (why a restart must wait, in words), and
    `committed()` and `reboot(cause, reason, key)` for what follows an answer. `random(n)` gives n
    bytes fit for keys.
    """

    def __init__(self, agent, random) -> None:
        self._agent = agent
        self._random = random
        self._nonce = ""
        self._open_until_ms = -1
        self.afterwards = None  # to be called once the answer has left

    def run(self, verb: str, args: dict) -> dict:
        """The answer. Raises ConfigurationError, AuthorisationError or StorageError."""
        if verb not in _VERBS:
            raise ConfigurationError("verb", "no such verb", "verbs: " + " ".join(_VERBS))
        if verb not in _ALWAYS:
            self._demand_open()
        return getattr(self, "_" + verb)(args)

    def status(self) -> dict:
        """How the device is: link, journal, clock."""
        agent = self._agent
        session = agent.session
        return {
            "state": agent.provisioning.state,
            "link": session.state if session else "down",
            "since_s": (monotonic_ms() - session.since_ms) // 1000 if session else 0,
            "error": session.error if session else "",
            "journal_pending": agent.journal.pending_count,
            "clock": agent.clock.text(),
        }

    def reports(self):
        """The names of what `rows` can tell."""
        return _REPORTS

    def rows(self, name: str):
        """The rows of one report: (key, channel or 0, value, verdict). Raises
        ConfigurationError when the unit is closed."""
        if name in _CLOSED_REPORTS:
            self._demand_open()
        return part("console.report_" + name).rows(self._agent, self.status())

    def _demand_open(self):
        if not self._is_open():
            raise ConfigurationError(
                "closed", "this unit is in service", "open it with a token from the fleet server"
            )

    def _is_open(self):
        agent = self._agent
        if agent.board.lab or agent.provisioning.state != PROVISIONED:
            return True
        return monotonic_ms() < self._open_until_ms

    def _hello(self, args):
        agent = self._agent
        board = agent.board
        self._nonce = to_hex(self._random(_NONCE_BYTES))
        return {
            "protocol": PROTOCOL,
            "endpoint_id": agent.endpoint_id,
            "product_class": board.product_class,
            "serial_number": board.serial_number,
            "model_name": board.model_name,
            "hardware_version": board.hardware_version,
            "software_version": SOFTWARE_VERSION,
            "lab": board.lab,
            "state": agent.provisioning.state,
            "nonce": self._nonce,
            "verbs": _VERBS if self._is_open() else _ALWAYS,
        }

    def _open(self, args):
        from agent.core.authorisation import Authority

        agent = self._agent
        nonce, self._nonce = self._nonce, ""
        if not nonce:
            raise ConfigurationError("nonce", "no nonce is waiting", "say hello first")
        key = agent.provisioning.get("command_key")
        authority = Authority(agent.store, agent.endpoint_id, key, agent.clock)
        authority.check_console(_text(args, "token"), nonce)
        self._open_until_ms = monotonic_ms() + _OPEN_MS
        return {"open_s": _OPEN_MS // 1000}

    def _new_key(self, args):
        request = self._agent.provisioning.new_key(self._random)
        return {"csr": b2a_base64(request).decode().strip()}

    def _install(self, args):
        offset = args.get("offset", 0)
        if type(offset) is not int or offset < 0:
            raise ConfigurationError("arguments", "offset is not a number")
        self._agent.provisioning.stage(_text(args, "name"), _text(args, "value"), offset)
        return {}

    def _commit(self, args):
        self._require_idle_line()
        self._agent.provisioning.commit()
        part("replacement").begin_anew(self._agent.store)
        self.afterwards = self._agent.committed
        return {"state": self._agent.provisioning.state}

    def _status(self, args):
        return self.status()

    def _report(self, args):
        name = args.get("name")
        if name not in _REPORTS:
            raise ConfigurationError("name", "no such report", "names: " + " ".join(_REPORTS))
        skip = args.get("from", 0)
        if type(skip) is not int:
            raise ConfigurationError("arguments", "from is not a number")
        rows = []
        for at, row in enumerate(self.rows(name)):
            if len(rows) == _ROWS_AT_ONCE:
                return {"rows": rows, "next": at}
            if at >= skip:
                rows.append(row)
        return {"rows": rows}

    def _reboot(self, args):
        self._require_idle_line()
        self.afterwards = self._restart
        return {}

    def _require_idle_line(self):
        busy = self._agent.busy()
        if busy:
            raise ConfigurationError("busy", busy, "wait until the telephone line is free")

    def _restart(self):
        self._agent.reboot("LocalReboot", "console", "")


def _text(args, name):
    value = args.get(name)
    if type(value) is int:
        return str(value)
    if not isinstance(value, str):
        raise ConfigurationError("arguments", name + " is missing")
    return value
