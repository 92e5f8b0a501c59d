"""Answers to what is wrong with a campaign."""

from __future__ import annotations

from fleet_server.api.answer import Answer
from fleet_server.domain import errors as rules
from fleet_server.domain.campaign import CampaignStateError
from fleet_server.domain.campaign_plan import InvalidPlanError
from fleet_server.domain.selection import InvalidSelectionError
from fleet_server.services.campaigns import (
    NothingToDoError,
    OlderRevisionError,
    SamePersonError,
    UnknownCampaignError,
)

CAMPAIGN_ERRORS: dict[type[rules.RuleError], Answer] = {
    UnknownCampaignError: Answer(
        404, "unknown-campaign", "There is no such campaign", "GET /api/v1/campaigns lists them."
    ),
    CampaignStateError: Answer(
        409,
        "campaign-state",
        "The campaign is not in a state in which this can be done",
        "Look at the campaign; detail says what comes next.",
    ),
    SamePersonError: Answer(
        409,
        "same-person",
        "Another person has to approve",
        "Ask somebody who neither made nor planned the campaign.",
    ),
    OlderRevisionError: Answer(
        409,
        "older-revision",
        "The campaign was changed since it was looked at",
        "Read it again and approve the revision it has now.",
    ),
    NothingToDoError: Answer(
        409,
        "nothing-to-do",
        "The plan leaves every unit out",
        "Look at the items with state=excluded, change the selection, or give notice.",
    ),
    InvalidSelectionError: Answer(
        422,
        "invalid-selection",
        "The selection cannot be used",
        "Correct what detail names; docs/operations/campaigns.md shows the language.",
    ),
    InvalidPlanError: Answer(
        422, "invalid-plan", "The plan cannot be used", "Correct the member that detail names."
    ),
}
