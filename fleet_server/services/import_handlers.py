"""The handler of each subject that can be imported."""

from __future__ import annotations

from fleet_server.domain.import_subjects import subject_called
from fleet_server.services.import_catalogue import (
    PLACE_HANDLER,
    SUPPLIER_HANDLER,
    ModelHandler,
    NetworkHandler,
)
from fleet_server.services.import_contracts import (
    AssignmentHandler,
    ContractHandler,
    PairingHandler,
)
from fleet_server.services.import_units import UnitHandler
from fleet_server.services.registry_import import Handler


def handler_of(subject: str) -> Handler:
    """A handler for one import. Raises InvalidError for a subject there is not."""
    made: dict[str, Handler] = {
        "suppliers": SUPPLIER_HANDLER,
        "places": PLACE_HANDLER,
        "network": NetworkHandler(),
        "models": ModelHandler(),
        "units": UnitHandler(),
        "contracts": ContractHandler(),
        "pairings": PairingHandler(),
        "assignments": AssignmentHandler(),
    }
    return made[subject_called(subject).name]
