"""Words for the codes of the registry; `_` only marks a message, see labels.py."""

from __future__ import annotations

from fleet_server.domain.life_cycle import UnitState


def _(message: str) -> str:
    return message


_UNIT_STATES = {
    UnitState.IN_STOCK: _("in stock"),
    UnitState.RESERVED: _("reserved"),
    UnitState.IN_TRANSIT: _("in transit"),
    UnitState.VAN_STOCK: _("on a van"),
    UnitState.INSTALLED: _("with a customer"),
    UnitState.TO_BE_RETURNED: _("to be returned"),
    UnitState.RETURNED: _("returned"),
    UnitState.QUARANTINE: _("in quarantine"),
    UnitState.IN_REPAIR: _("in repair"),
    UnitState.REFURBISHED: _("refurbished"),
    UnitState.DEAD_ON_ARRIVAL: _("dead on arrival"),
    UnitState.SCRAPPED: _("scrapped"),
    UnitState.LOST: _("lost"),
    UnitState.STOLEN: _("stolen"),
}
_AUDIT_ACTIONS = {
    "unit_received": _("Taken into stock"),
    "unit_described": _("Model recorded"),
    "unit_state_changed": _("Moved"),
    "unit_assigned": _("Put on a contract"),
    "unit_released": _("Taken off a contract"),
    "assignment_corrected": _("Record corrected"),
    "assignment_withdrawn": _("Record withdrawn"),
    "card_paired": _("Card paired"),
    "card_unpaired": _("Card unpaired"),
    "swap_ordered": _("Replacement ordered"),
    "swap_approved": _("Replacement approved"),
    "swap_aborted": _("Replacement called off"),
    "swap_waived": _("Went on without the old unit"),
    "swap_resumed": _("Tried again"),
    "campaign_created": _("Made"),
    "campaign_changed": _("Changed"),
    "campaign_planned": _("Planned"),
    "campaign_announced": _("Notice to the customers recorded"),
    "campaign_approved": _("Approved"),
    "campaign_started": _("Started"),
    "campaign_paused": _("Paused"),
    "campaign_resumed": _("Resumed"),
    "campaign_aborted": _("Aborted"),
    "campaign_ended": _("Ended"),
}
_INTERFACES = {
    "cable": _("Cable"),
    "emta": _("Telephone adapter"),
    "ethernet": _("Ethernet"),
    "wifi": _("Wi-Fi"),
}

REGISTRY_WORDS: dict[str, dict[str, str]] = {
    "unit_state": {state.value: word for state, word in _UNIT_STATES.items()},
    "audit_action": _AUDIT_ACTIONS,
    "interface": _INTERFACES,
}
