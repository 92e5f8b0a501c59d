"""The words for replacements: phases, steps, what a person has to do, what is not possible."""

from __future__ import annotations


def _(message: str) -> str:
    return message


# Refusals of several reasons: which one it is, only the error says.
COARSE_REFUSALS = frozenset(
    {
        "ConflictError",
        "InvalidError",
        "SwapStateError",
        "SwapTakenError",
        "UnitInServiceError",
        "WrongProductClassError",
    }
)

SWAP_WORDS: dict[str, dict[str, str]] = {
    "swap_phase": {
        "ordered": _("ordered, has not begun"),
        "forward": _("under way"),
        "back": _("being undone"),
        "person": _("needs a person"),
        "done": _("done"),
        "rolled_back": _("undone"),
    },
    "swap_trigger": {
        "remote": _("by fleet operations, from afar"),
        "technician": _("by a technician at the customer's"),
        "posted": _("by the customer, with a unit that came by post"),
    },
    "swap_step": {
        "reserve": _("Reserve the new unit"),
        "prepare_old": _("Take over the customer's settings"),
        "await_new": _("The new unit is connected"),
        "renew_settings": _("Take over what the customer changed since"),
        "hold_old": _("The old unit stops serving"),
        "close_old": _("Close the old unit in the network"),
        "open_new": _("Open the new unit in the network"),
        "move_voice": _("Move the telephone line"),
        "pair_card": _("Move the smart card"),
        "adopt_new": _("The new unit takes over"),
        "verify_new": _("The new unit is proven well"),
        "verify_card": _("The card is proven well in its box"),
        "commit": _("Hand over: warranty, paper, record"),
        "fence_old": _("The old unit erases its secrets"),
        "bar_card": _("Bar the old card"),
        "retire_old": _("Retire the old unit, start its return"),
    },
    "swap_todo": {
        "nothing": _("Nothing: it goes on by itself."),
        "compare": _(
            "A backup was restored: compare with what is so by now, then try again or call off."
        ),
        "approve": _("Another person has to approve the order."),
        "begin": _("The technician begins it at the customer's."),
        "put_on_record": _("Put notice to the customer, or his consent, on record [7.1.7]."),
        "let_campaign_go_on": _("Let its campaign go on, or call this replacement off."),
        "connect_new": _("Have the new unit connected to the outlet and to power."),
        "put_card_in": _(
            "Have the card put into the box: the new card, or the customer's from the old box into"
            " the new one."
        ),
        "connect_old_or_waive": _(
            "Have the old unit connected again, or accept that it serves again only when it is"
            " seen."
        ),
        "look_at_system": _(
            "Look at the operator's system that refuses or does not answer, then try again."
        ),
        "look_at_registry": _("Put right what the registry refuses, then try again."),
        "look_at_log": _("Look into the log of the server, then try again."),
        "test_new": _("Test the new unit; if it is faulty, record it as dead on arrival."),
        "fetch_new": _(
            "Have the new unit come back to a place of ours before another customer gets it."
        ),
        "move_cable": _("Move the cable from the old unit to the new one, and switch it on."),
        "have_cable_moved": _(
            "Have the cable moved from the old unit to the new one, and the new one switched on."
        ),
    },
    "swap_owed": {
        "fence": _("erase its secrets and show that it is to be returned"),
        "rollback": _("go back to where it was before"),
    },
    "swap_action": {
        "approval": _("Approve"),
        "begin": _("Begin, at the customer's"),
        "abort": _("Undo the replacement"),
        "waiver": _("Go on without the old unit"),
        "by_hand": _("Leave this step to be done by hand"),
        "resumption": _("Try again now"),
    },
    "swap_effect": {
        "approval": _("It begins at once, or in the allowed hours."),
        "begin": _("It begins at once: the customer is without service until the new unit serves."),
        "abort": _("The old unit serves again; every step is undone in the opposite order."),
        "waiver": _("The network is put right now; the old unit learns it when it is seen."),
        "by_hand": _(
            "The rest goes on. What the system refuses has to be put right there by a person, at"
            " once."
        ),
        "resumption": _("What waits for its time is tried at once."),
    },
    "swap_why_not": {
        "approved": _("It is approved already."),
        "begun": _("It has begun already."),
        "own": _("You ordered it: another person has to approve it."),
        "committed": _(
            "The point of no return is behind: the new unit serves. Order another replacement to"
            " go back."
        ),
        "undoing": _("It is being undone already."),
        "ended": _("It has ended."),
        "not_waiting": _("It waits for nothing that may be left out."),
        "not_begun": _("It has not begun."),
    },
    "swap_event": {
        "ordered": _("ordered"),
        "approved": _("approved"),
        "asked": _("asked"),
        "waits": _("waits"),
        "done": _("done"),
        "failed": _("failed"),
        "unreachable": _("not reachable"),
        "aborted": _("aborted"),
        "waived": _("waived"),
        "resumed": _("tried again"),
        "paid": _("made up for"),
        "written_off": _("written off"),
        "note": _("note"),
        "ended": _("ended"),
    },
    "swap_target": {
        "old_unit": _("old unit"),
        "new_unit": _("new unit"),
        "box": _("set-top box"),
        "registry": _("registry"),
        "access": _("network access"),
        "voice": _("telephony"),
        "conditional_access": _("conditional access"),
    },
    "swap_refusal": {
        "UnknownUnitError": _(
            "No unit of this serial number was ever taken into stock. Compare it with the label."
        ),
        "not_in_service": _("No unit of this serial number serves a contract."),
        "UnknownContractError": _("There is no contract of this number."),
        "UnknownPositionError": _("The contract has no such position."),
        "BlacklistedUnitError": _("The new unit is blacklisted: keep it and take another."),
        "LabUnitError": _("The new unit is a lab board: take another."),
        "UnapprovedModelError": _(
            "The model of the new unit has no approval on record [7.1.8]: take another model."
        ),
        "NotEnrolledError": _("The new unit has no certificate: provision it first, then order."),
        "UnitInServiceError": _("The new unit is not in stock: take another."),
        "WrongProductClassError": _("A unit of this kind does not fit the position."),
        "SwapTakenError": _(
            "Another replacement has the unit or the position: let it end, or undo it first."
        ),
        "FourEyesError": _("Another person has to approve what one has ordered."),
        "SwapStateError": _("That is not possible any more: compare with what stands here."),
        "PointOfNoReturnError": _(
            "The point of no return is behind: the new unit serves. Order another replacement to"
            " go back."
        ),
        "ConflictError": _("What stands on record contradicts the order:"),
        "InvalidError": _("Something is missing or impossible:"),
    },
}
