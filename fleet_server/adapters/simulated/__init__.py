"""Simulations of the operator's systems, for installations and tests without the real ones.

Each behaves as its port promises (services/operator_ports.py), keeps its state in a file of its
own under the state folder, can be told to be slow, to fail, to lose an answer or to answer twice,
and can be asked what it did. Nothing of this is a real CMTS, softswitch or gateway.
"""

from fleet_server.adapters.simulated.access import SimulatedAccess
from fleet_server.adapters.simulated.base import Behaviour, Call, SimulatedSystem
from fleet_server.adapters.simulated.cards import SimulatedConditionalAccess
from fleet_server.adapters.simulated.desk import SimulatedNotices, SimulatedWorkOrders
from fleet_server.adapters.simulated.voice import SimulatedVoice

__all__ = [
    "Behaviour",
    "Call",
    "SimulatedAccess",
    "SimulatedConditionalAccess",
    "SimulatedNotices",
    "SimulatedSystem",
    "SimulatedVoice",
    "SimulatedWorkOrders",
]
