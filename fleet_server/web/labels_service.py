"""The words for states of services, returns, barred units and operations."""

from __future__ import annotations


def _(message: str) -> str:
    return message


STATES = {
    "active": _("active"),
    "outgoing_barred": _("outgoing calls barred"),
    "suspended": _("suspended"),
    "terminated": _("terminated"),
}
GROUNDS = {
    "debt": _("unpaid bill"),
    "fraud": _("fraud"),
    "other_breach": _("another breach of the terms"),
    "paid": _("paid"),
    "breach_ended": _("the breach has ended"),
    "mistake": _("our mistake"),
    "customer_request": _("the customer's request in writing"),
}
SYSTEMS = {
    "access": _("network access"),
    "voice": _("telephony"),
    "conditional_access": _("conditional access"),
    "notices": _("SMS and e-mail"),
    "work_orders": _("work orders"),
    "device": _("device"),
}
OPERATION_STATES = {
    "queued": _("waits or is tried again"),
    "done": _("done"),
    "refused": _("refused, waits for a person"),
    "dropped": _("dropped"),
}
KINDS = {
    "set_access": _("set access"),
    "remove_access": _("remove access"),
    "publish_allow_list": _("publish the allow-list"),
    "set_line": _("set the line"),
    "move_line": _("move the line"),
    "remove_line": _("remove the line"),
    "pair_card": _("pair the card"),
    "entitle_card": _("entitle the card"),
    "refresh_card": _("refresh the card"),
    "set_blacklisted": _("set on or off the blacklist"),
    "send_notice": _("send a notice"),
    "open_work_order": _("open a work order"),
    "cancel_work_order": _("cancel a work order"),
    "set_device_state": _("set the state on the device"),
    "give_allow_list": _("give the allow-list"),
}
CONDITIONS = {
    "complete": _("complete"),
    "incomplete": _("incomplete: supply, cable or remote is missing"),
    "damaged": _("damaged"),
}
OWED_GROUNDS = {
    "unreturned": _("not returned"),
    "stolen": _("stolen"),
    "lost": _("lost"),
}
PROPOSALS = {
    "nothing": _("nothing is owed"),
    "wait": _("too early to say"),
    "charge": _("charge proposed"),
    "decide": _("a person decides"),
}
OWED_REASONS = {
    "termination_not_confirmed": _("the termination is not confirmed in writing"),
    "decided_apart": _("decided apart"),
    "terms_name_no_charge": _("the terms name no charge"),
    "not_due_yet": _("not due yet"),
    "value_not_in_papers": _("the papers name no value"),
    "not_returned": _("not returned"),
    "contract_runs": _("replaced; the contract runs on"),
    "terms_are_silent": _("the terms are silent"),
    "police_report": _("there is a police report"),
    "no_police_report": _("there is no police report"),
    "price_list": _("at the price list"),
}
CHARGE_DECISIONS = {"charge": _("charged"), "waive": _("waived")}
REFUSALS = {
    "ServiceStateError": _("Nothing was changed: this step or ground is not possible now."),
    "UnknownDecisionError": _("Nothing was changed: no decision waits."),
    "UnknownContractError": _("There is no contract of this number."),
    "UnknownUnitError": _("No unit of this serial number was ever taken into stock."),
    "UnknownPlaceError": _("There is no place of this code."),
    "LifeCycleError": _("Nothing was changed: the unit cannot take this step from where it is."),
    "BlacklistedUnitError": _("The unit is blacklisted already."),
    "NotBlacklistedError": _("The unit is not blacklisted."),
    "InvalidPoliceReportError": _("This cannot be the reference and day of a police report."),
    "ChargeNotProposedError": _("Nothing was changed: the terms name no such charge."),
    "ChargeDecidedError": _("Nothing was changed: it was decided already."),
    "InvalidAllowListError": _("No device would take this list:"),
    "OlderAllowListError": _("This version, or a later one, was signed before."),
    "UnknownAllowListError": _("No list of this version was signed."),
    "OperationNotOpenError": _("Nothing was changed: the operation is over."),
    "UnknownOperationError": _("There is no such operation."),
}
SERVICE_WORDS: dict[str, dict[str, str]] = {
    "contract_state": STATES,
    "state_ground": GROUNDS,
    "operator_system": SYSTEMS,
    "operation_state": OPERATION_STATES,
    "operation_kind": KINDS,
    "condition": CONDITIONS,
    "owed_ground": OWED_GROUNDS,
    "proposal": PROPOSALS,
    "owed_reason": OWED_REASONS,
    "charge_decision": CHARGE_DECISIONS,
    "refusal": REFUSALS,
}
