"""The operator's own systems as the fleet sees them; adapters and simulations give them.

Every call carries an operation id. A system that has carried out this id before answers as it did
then and does nothing; the same id with other contents is refused. A call either ends within
`CALL_TIMEOUT_S` or raises SystemUnavailableError, after which nobody knows whether it was done: the
caller asks again under the same id.

Every call carries a sequence number too. A system refuses with OVERTAKEN what has a lower one than
the last operation it took that settles the same of the same target (`settles`): an order that
was under way for long must not undo a later one. An adapter to a system that compares no numbers
keeps the last of each target itself, and reads back what is in force before it answers.

`fleet_server/tests/operator_contract.py` is the test that
every adapter has to pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from fleet_server.domain.operations import (
    AccessMode,
    Barring,
    Operation,
    SendNotice,
)
from fleet_server.errors import FleetError

CALL_TIMEOUT_S = 10.0
OVERTAKEN = "overtaken"
PENDING = "pending"  # asked, and not answered yet


class SystemUnavailableError(FleetError):
    """No answer, or one that says try again; `args[0]` is a short code."""


class SystemBusyError(FleetError):
    """Not now: the line is in use, or an emergency call was made; ask again at `until`."""

    def __init__(self, code: str, until: datetime) -> None:
        super().__init__(code)
        self.code = code
        self.until = until


class OperationRefusedError(FleetError):
    """The system will never do this; a person has to look. `args[0]` is a short code."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An operation was carried out; `reference` is the system's own name for that."""

    operation_id: str
    reference: str


class OperatorSystem(Protocol):
    """What all systems have in common; an operation that is not theirs is refused."""

    def carry_out(self, operation_id: str, operation: Operation, sequence: int) -> Answer:
        """Do it, unless it was done before; `sequence` grows with every decision.

        Raises SystemUnavailableError, SystemBusyError or OperationRefusedError.
        """


@dataclass(frozen=True, slots=True)
class Access:
    """How the network serves a MAC address."""

    service_class: str
    mode: AccessMode


class AccessProvisioning(OperatorSystem, Protocol):
    """CMTS, DHCP and DNS: takes SetAccess, RemoveAccess, PublishAllowList."""

    def access(self, mac_address: str) -> Access | None:
        """None when the network does not serve it."""

    def allow_list_version(self) -> int:
        """0 while there is none."""


@dataclass(frozen=True, slots=True)
class Line:
    """A telephone line; `registered` and `off_hook` are what the softswitch sees.

    `mta_mac` is the voice modem it is bound to, "" for none.
    """

    barring: Barring
    mta_mac: str
    registered: bool
    off_hook: bool
    emergency_call_at: datetime | None


class Voice(OperatorSystem, Protocol):
    """The softswitch: takes SetLine, MoveLine, RemoveLine, PublishAllowList.

    A line is bound to one voice modem at most; MoveLine takes it from any other. While a line is in
    use, or within the call-back time after an emergency call, the softswitch tightens no barring
    and takes the line from no modem (SystemBusyError). It never bars emergency numbers or the
    numbers of the allow-list.
    """

    def line(self, line: str) -> Line | None: ...

    def may_call(self, line: str, number: str) -> bool:
        """Whether the softswitch would put a call to this number through."""


@dataclass(frozen=True, slots=True)
class Card:
    """A smart card in the conditional-access system."""

    box: str
    package: str
    blacklisted: bool
    refreshes: int


class ConditionalAccess(OperatorSystem, Protocol):
    """Smart cards: takes PairCard, EntitleCard, RefreshCard, SetBlacklisted."""

    def card(self, card: str) -> Card | None: ...

    def is_blacklisted(self, serial_number: str) -> bool:
        """Of a smart card or a set-top box."""


class Notices(OperatorSystem, Protocol):
    """SMS and e-mail: takes SendNotice.

    An answer means that the operator's gateway has taken the notice over, not that it was read.
    """

    def sent(self, contract: str) -> list[SendNotice]:
        """In the order they were sent."""


@dataclass(frozen=True, slots=True)
class WorkOrder:
    """One order; `open` until it is cancelled or done."""

    kind: str
    contract: str
    serial_number: str
    due_on: str
    open: bool


class WorkOrders(OperatorSystem, Protocol):
    """The dispatchers' own system: takes OpenWorkOrder, CancelWorkOrder."""

    def order(self, order: str) -> WorkOrder | None: ...
