"""What calls on campaigns take and give."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from fleet_server.api.body import Body
from fleet_server.domain import campaign_plan as plans
from fleet_server.domain.campaign import ItemState, State, Why
from fleet_server.domain.campaign_plan import OnFailures, Way
from fleet_server.services.campaign_views import CampaignView as Found
from fleet_server.services.campaigns import Draft

Words = Annotated[str, StringConstraints(min_length=3, max_length=512)]
_SELECTION: Any = {
    "all": [{"field": "product_class", "is": "MODEM"}, {"field": "node", "is": "N1"}],
}
_PLAN: Any = {
    "action": {"kind": "command", "command": "Device.Reboot()", "expires_hours": 24},
    "waves": [
        {
            "units": 20,
            "percent": None,
            "soak_minutes": 60,
            "ended_percent": 90,
            "success_percent": 95,
        },
        {
            "units": None,
            "percent": None,
            "soak_minutes": 60,
            "ended_percent": 90,
            "success_percent": 95,
        },
    ],
    "limits": {
        "per_minute": 60,
        "at_once": 50,
        "max_failed_percent": 5,
        "minimum_ended": 20,
        "on_failures": "pause",
    },
    "hours": {"begin": "02:00:00", "end": "05:00:00"},
    "admits": ["suspended"],
    "late_joiners": False,
    "ends_at": None,
}


class CommandBody(Body):
    kind: Literal["command"]
    command: str = plans.COMMANDS[0]
    expires_hours: int = 24


class SwapBody(Body):
    kind: Literal["swap"]
    model_name: str
    place: str
    way: Way
    outlets: int = 1


class WaveBody(Body):
    """`units` or `percent`; neither for the last wave, which takes the rest."""

    units: int | None = None
    percent: int | None = None
    soak_minutes: int = 60
    ended_percent: int = 90
    success_percent: int = 95


class LimitsBody(Body):
    per_minute: int = 60
    at_once: int = 50
    max_failed_percent: int = 5
    minimum_ended: int = 20
    on_failures: OnFailures = OnFailures.PAUSE


class HoursBody(Body):
    begin: time
    end: time


class PlanBody(Body):
    """Without waves: a canary of 1 percent, then 10 percent, then the rest."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PLAN]})

    action: Annotated[CommandBody | SwapBody, Field(discriminator="kind")]
    waves: list[WaveBody] | None = None
    limits: LimitsBody = LimitsBody()
    hours: HoursBody | None = None
    admits: tuple[Why, ...] = ()
    late_joiners: bool = False
    ends_at: AwareDatetime | None = None


class CampaignBody(Body):
    """`selection` in the language of docs/operations/campaigns.md."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Restart of N1",
                    "selection": _SELECTION,
                    "plan": _PLAN,
                    "reason": "Memory leak until the next firmware",
                }
            ]
        }
    )

    name: str
    selection: dict[str, Any]
    plan: PlanBody
    reason: Words

    def draft(self) -> Draft:
        """Raises InvalidPlanError."""
        return Draft(self.name, self.selection, plan_of(self.plan))


class ApprovalBody(Body):
    """`revision`: the one that was looked at."""

    revision: int
    reason: Words


class ReasonBody(Body):
    reason: Words


class NoticeBody(Body):
    planned_at: AwareDatetime
    reason: Words


class NoticeView(BaseModel):
    """`positions` of which the customers were told."""

    positions: int


class CountView(BaseModel):
    """Wave 0 holds what is left out; `why` is empty where there is nothing to say."""

    wave: int
    state: ItemState
    why: Why
    units: int


class CampaignView(BaseModel):
    """`units` is the sum of `counts` at every moment, those left out included."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": 7,
                    "name": "Restart of N1",
                    "selection": _SELECTION,
                    "plan": _PLAN,
                    "state": "planned",
                    "revision": 2,
                    "created_by": "account:4",
                    "created_at": "2026-11-26T12:00:00Z",
                    "planned_by": "account:4",
                    "planned_at": "2026-11-26T12:01:00Z",
                    "approved_by": "",
                    "approved_at": None,
                    "started_at": None,
                    "ended_at": None,
                    "why": "",
                    "wave": 0,
                    "wave_ended_at": None,
                    "units": 120,
                    "counts": [
                        {"wave": 0, "state": "excluded", "why": "suspended", "units": 3},
                        {"wave": 1, "state": "waiting", "why": "", "units": 20},
                        {"wave": 2, "state": "waiting", "why": "", "units": 97},
                    ],
                }
            ]
        }
    )

    id: int
    name: str
    selection: dict[str, Any]
    plan: PlanBody
    state: State
    revision: int
    created_by: str
    created_at: datetime
    planned_by: str
    planned_at: datetime | None
    approved_by: str
    approved_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    why: str
    wave: int
    wave_ended_at: datetime | None
    units: int
    counts: list[CountView]


class ItemView(BaseModel):
    """One unit of a campaign; `reference` of the command or swap that was ordered for it; `said`:
    why that could not be ordered."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "serial_number": "00000002",
                    "endpoint_id": "ops::00256D-VOICEMODEM-00000002",
                    "wave": 1,
                    "state": "deferred",
                    "why": "offline",
                    "due_at": "2026-11-27T01:03:10Z",
                    "tries": 2,
                    "reference": "",
                    "new_serial_number": None,
                    "visit_on": None,
                    "said": "",
                    "started_at": None,
                    "ended_at": None,
                }
            ]
        }
    )

    serial_number: str
    endpoint_id: str | None
    wave: int
    state: ItemState
    why: Why
    due_at: datetime | None
    tries: int
    reference: str
    new_serial_number: str | None
    visit_on: date | None
    said: str
    started_at: datetime | None
    ended_at: datetime | None


def plan_of(body: PlanBody) -> plans.Plan:
    """Raises InvalidPlanError."""
    action: plans.Action
    if isinstance(body.action, CommandBody):
        action = plans.CommandAction(body.action.command, body.action.expires_hours)
    else:
        action = plans.SwapAction(
            body.action.model_name, body.action.place, body.action.way, body.action.outlets
        )
    given: dict[str, Any] = {}
    if body.waves is not None:
        given["waves"] = tuple(plans.Wave(**wave.model_dump()) for wave in body.waves)
    if body.hours is not None:
        given["hours"] = plans.Hours(body.hours.begin, body.hours.end)
    return plans.Plan(
        action,
        limits=plans.Limits(**body.limits.model_dump()),
        admits=body.admits,
        late_joiners=body.late_joiners,
        ends_at=body.ends_at,
        **given,
    )


def view_of(found: Found) -> CampaignView:
    values = {
        name: getattr(found, name)
        for name in CampaignView.model_fields
        if name not in ("plan", "counts")
    }
    counts = [CountView.model_validate(one, from_attributes=True) for one in found.counts]
    return CampaignView(**values, plan=_plan_body(found.plan), counts=counts)


def _plan_body(plan: plans.Plan) -> PlanBody:
    kind = "command" if isinstance(plan.action, plans.CommandAction) else "swap"
    members = {name: getattr(plan.action, name) for name in plan.action.__dataclass_fields__}
    return PlanBody.model_validate(
        {
            "action": {"kind": kind, **members},
            "waves": [WaveBody.model_validate(one, from_attributes=True) for one in plan.waves],
            "limits": LimitsBody.model_validate(plan.limits, from_attributes=True),
            "hours": plan.hours and HoursBody(begin=plan.hours.begin, end=plan.hours.end),
            "admits": plan.admits,
            "late_joiners": plan.late_joiners,
            "ends_at": plan.ends_at,
        }
    )
