"""Rules a caller broke. `api/errors.py` maps each class to a status, `cli.py` to an exit code."""

from __future__ import annotations

from fleet_server.errors import FleetError


class RuleError(FleetError):
    """A request that the rules of the fleet refuse; the text may be shown to the caller.

    `message` is a sentence, its `%(name)s` filled from `values`: pages put both into the reader's
    language. A value named `part` is the member of a body or the field of a form that is wrong,
    one named `advice` is itself words of the catalogs.
    """

    def __init__(self, message: str = "", **values: str | int) -> None:
        super().__init__(message % values if values else message)
        self.message = message
        self.values = values


class NotFoundError(RuleError):
    """What was asked for is not in the registry."""


class ConflictError(RuleError):
    """What was asked for contradicts what is on record."""


class RefusedError(RuleError):
    """What was asked for is never allowed for this unit."""


class InvalidError(RuleError):
    """What was sent is not what the call takes."""


class UnknownUnitError(NotFoundError):
    """No unit with this serial number was ever taken into stock."""


class UnknownContractError(NotFoundError):
    """No such contract."""


class UnknownPositionError(NotFoundError):
    """The contract has no service position of this name."""


class BlacklistedUnitError(RefusedError):
    """The unit was reported stolen or is barred for another reason."""


class LabUnitError(RefusedError):
    """A board built with the lab key may not serve a contract."""


class NoEndpointError(RefusedError):
    """A smart card has no endpoint and no certificate; it is paired with a set-top box."""


class UnitInServiceError(ConflictError):
    """The unit already holds a service position."""


class PositionTakenError(ConflictError):
    """Another unit holds the service position."""


class WrongProductClassError(ConflictError):
    """The position takes another kind of unit."""


class InvalidCertificateRequestError(InvalidError):
    """The PKCS #10 request is not one this unit could have made."""


class InvalidEndpointError(InvalidError):
    """Not an endpoint id of the form this fleet accepts."""


class InvalidSealedSettingsError(InvalidError):
    """The customer's settings do not open, or cannot be sealed for this device."""


class InvalidAllowListError(InvalidError):
    """The allow-list is not one that devices would take."""


class OlderAllowListError(ConflictError):
    """A list with this version, or a later one, was signed before."""


class UnknownSettingError(NotFoundError):
    """The policy has no setting of this name."""


class InvalidSettingError(InvalidError):
    """The value is not one the setting may take."""


class InvalidReceiptError(InvalidError):
    """Not a receipt that the key in question has signed."""


class UnknownOperationError(NotFoundError):
    """The outbox holds no operation of this id."""


class OperationNotOpenError(ConflictError):
    """The operation is done or was dropped already."""


class ServiceStateError(ConflictError):
    """The services of the contract cannot become this, or not on this ground."""


class UnknownDecisionError(NotFoundError):
    """The contract has no decision that waits to be carried out."""


class InvalidPoliceReportError(InvalidError):
    """Not a reference and day that a police report can have."""


class NotBlacklistedError(ConflictError):
    """The unit is not on the blacklist."""


class UnknownReturnError(NotFoundError):
    """No return receipt has this number."""


class ChargeNotProposedError(ConflictError):
    """The terms name no such charge for this unit."""


class ChargeDecidedError(ConflictError):
    """A person has decided on this charge already."""


class UnknownPlaceError(NotFoundError):
    """No place of the operator has this code."""


class UnknownDefectError(NotFoundError):
    """No defect report of this number."""


class UnknownSwapError(NotFoundError):
    """No planned swap of this number."""


class AlreadySaidError(ConflictError):
    """It stands on record already, and is written once."""


class ImpossibleMomentError(InvalidError):
    """A moment that is in the future, or before what it follows."""


class UnknownAllowListError(NotFoundError):
    """No list with this version was signed."""


class UnknownNetworkElementError(NotFoundError):
    """The topology has no element of this code."""


class UnknownOutageError(NotFoundError):
    """No outage of this number stands."""


class UnknownInterruptionError(NotFoundError):
    """No interruption of this number stands."""


class UnknownWorkError(NotFoundError):
    """The maintenance calendar has no work of this number."""


class UnknownReportError(NotFoundError):
    """No report of a cause of this number stands."""


class UnknownFindingError(NotFoundError):
    """No unit seen at another place waits under this number."""


class InvalidTimeError(InvalidError):
    """The end lies before the beginning, or a moment is not one that can be told."""


class WorkOverError(ConflictError):
    """The work is over or was called off; nothing can be changed any more."""


class UnknownCommandError(NotFoundError):
    """No command was queued under this key or number."""


class CommandEndedError(ConflictError):
    """The command has ended: nothing can be called back."""


class CommandKeyTakenError(ConflictError):
    """The key names another command."""


class InvalidCommandError(InvalidError):
    """Not a command that a device could be sent."""
