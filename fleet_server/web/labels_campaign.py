"""The words for campaigns: states, units in them, why one is left out or waits."""

from __future__ import annotations


def _(message: str) -> str:
    return message


CAMPAIGN_WORDS: dict[str, dict[str, str]] = {
    "campaign_state": {
        "draft": _("draft"),
        "planned": _("planned, waits for approval"),
        "approved": _("approved, waits for its start"),
        "running": _("under way"),
        "paused": _("paused"),
        "aborting": _("being aborted"),
        "aborted": _("aborted"),
        "finished": _("finished"),
    },
    "campaign_item": {
        "excluded": _("left out"),
        "waiting": _("waits for its turn"),
        "deferred": _("put off"),
        "started": _("ordered"),
        "running": _("under way"),
        "done": _("done"),
        "failed": _("failed"),
        "stopped": _("stopped"),
    },
    "campaign_why": {
        "lab_board": _("lab board"),
        "blacklisted": _("on the blacklist"),
        "gone": _("no longer in the fleet"),
        "no_endpoint": _("reports nothing itself"),
        "not_in_service": _("not in service"),
        "emergency_site": _("protected contract"),
        "suspended": _("service suspended"),
        "in_campaign": _("in another campaign"),
        "on_swap": _("is being replaced"),
        "no_contact": _("not heard from for long"),
        "no_notice": _("no notice to the customer in time [7.1.7]"),
        "offline": _("offline"),
        "no_stock": _("no new unit in stock"),
        "visit": _("visit on a later day"),
        "notice_runs": _("the notice still runs [7.1.7]"),
        "refused": _("the registry refuses it"),
        "failed": _("failed"),
        "expired": _("expired"),
        "rolled_back": _("undone"),
        "aborted": _("aborted"),
        "cancelled": _("cancelled"),
        "over": _("the campaign's time was over"),
        "person": _("by a person"),
        "failures": _("too many failed"),
        "wave_missed": _("a wave missed its goal"),
    },
    "campaign_action": {
        "plan": _("Plan: dry run"),
        "notice": _("Record the notice to the customers [7.1.7]"),
        "approval": _("Approve this plan"),
        "start": _("Start"),
        "pause": _("Pause"),
        "resumption": _("Go on"),
        "abort": _("Abort"),
    },
    "campaign_effect": {
        "plan": _("Writes down every unit with its wave, or why it is left out. Acts on nobody."),
        "notice": _("For all who are left out for want of it; then plan again to take them in."),
        "approval": _("Of exactly what stands here; another person than who made or planned it."),
        "start": _("The first wave begins, within hours and limits."),
        "pause": _("Nothing new begins; what is under way goes on."),
        "resumption": _("Failures count anew, and a wave that missed its goal is let pass."),
        "abort": _("What was not sent is stopped at once; what was sent is called back."),
    },
    "campaign_why_not": {
        "own": _("Another person than who made or planned it has to approve it."),
    },
    "campaign_reaction": {
        "pause": _("Stands still"),
        "abort": _("Is aborted"),
    },
    "campaign_refusal": {
        "CampaignStateError": _("The campaign does not allow this now: compare with its state."),
        "SamePersonError": _("Another person than who made or planned it has to approve it."),
        "OlderRevisionError": _("It was planned anew since you looked: look at it again."),
        "NothingToDoError": _("The plan leaves every unit out: see the reasons."),
        "InvalidError": _("Something is missing or impossible:"),
    },
}
