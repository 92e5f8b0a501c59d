"""The actions of campaigns as they are."""

from __future__ import annotations

from dataclasses import dataclass

from fleet_server.domain import campaign_plan as plans
from fleet_server.domain.campaign_plan import CommandAction
from fleet_server.services.campaign_actions import Action, DeviceCommand
from fleet_server.services.campaign_swaps import UnitSwap


@dataclass(frozen=True, slots=True)
class FleetActions:
    """Commands and replacements, through their own queues."""

    def of(self, action: plans.Action) -> Action:
        return DeviceCommand(action) if isinstance(action, CommandAction) else UnitSwap(action)
