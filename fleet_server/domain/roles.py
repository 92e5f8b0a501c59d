"""Who may do what: every role with the least it needs.

A repair contractor and the warehouse find one unit by its serial number and learn nothing of
the contract behind it; only those who work on the line put units into service.
"""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """The job an account is for; one role per account."""

    FLEET_OPS = "fleet_ops"
    TECHNICIAN = "technician"
    DISPATCHER = "dispatcher"
    CALL_CENTRE = "call_centre"
    WAREHOUSE = "warehouse"
    CONTRACTOR = "contractor"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """One thing that can be allowed."""

    LOOK_UP_UNIT = "look_up_unit"
    SEE_OUTAGES = "see_outages"
    REPORT_CAUSE = "report_cause"
    PLAN_MAINTENANCE = "plan_maintenance"
    DECIDE_LIABILITY = "decide_liability"
    SETTLE_PLACE = "settle_place"
    SEE_DEVICES = "see_devices"
    ENROL_UNIT = "enrol_unit"
    OPEN_CONSOLE = "open_console"
    SEE_SUPPLIER_WARRANTY = "see_supplier_warranty"
    SEE_REPAIRS = "see_repairs"
    WORK_ON_REPAIRS = "work_on_repairs"
    DECIDE_REPAIRS = "decide_repairs"
    RECORD_SITE_CHECK = "record_site_check"
    SEE_PRICES = "see_prices"
    SET_PRICES = "set_prices"
    SEE_SETTINGS = "see_settings"
    CHANGE_SETTINGS = "change_settings"
    LOOK_AT_PERSON = "look_at_person"
    KEEP_PERSON = "keep_person"
    ERASE_PERSON = "erase_person"
    SEE_LOOKS = "see_looks"
    MANAGE_ACCOUNTS = "manage_accounts"
    SEE_CLOCKS = "see_clocks"
    RECORD_DEFECT = "record_defect"
    PLAN_SWAP = "plan_swap"
    SEE_SWAPS = "see_swaps"
    ORDER_SWAP = "order_swap"
    SWAP_ON_SITE = "swap_on_site"
    APPROVE_SWAP = "approve_swap"
    STEER_SWAP = "steer_swap"
    SEE_CREDITS = "see_credits"
    DECIDE_CREDIT = "decide_credit"
    SEE_CONTRACT = "see_contract"
    SEE_REGISTRY = "see_registry"
    KEEP_REGISTRY = "keep_registry"
    RECEIVE_UNITS = "receive_units"
    MOVE_STOCK = "move_stock"
    PAIR_CARD = "pair_card"
    SIGN_CONTRACT = "sign_contract"
    ASSIGN_UNIT = "assign_unit"
    CORRECT_RECORD = "correct_record"
    SEE_SERVICE = "see_service"
    CHANGE_SERVICE = "change_service"
    MANAGE_ALLOW_LISTS = "manage_allow_lists"
    SEE_OPERATIONS = "see_operations"
    HANDLE_OPERATIONS = "handle_operations"
    SEE_RETURNS = "see_returns"
    TAKE_BACK = "take_back"
    SEE_OWED = "see_owed"
    DECIDE_CHARGE = "decide_charge"
    BLACKLIST_UNIT = "blacklist_unit"
    LIFT_BLACKLISTING = "lift_blacklisting"
    SEE_COMMANDS = "see_commands"
    SEND_COMMAND = "send_command"
    CANCEL_COMMAND = "cancel_command"
    SEE_CAMPAIGNS = "see_campaigns"
    RUN_CAMPAIGN = "run_campaign"
    APPROVE_CAMPAIGN = "approve_campaign"
    PROTECT_CONTRACT = "protect_contract"


_LOOK_UP_ONLY = frozenset({Permission.LOOK_UP_UNIT})
_READ = _LOOK_UP_ONLY | {Permission.SEE_OUTAGES, Permission.SEE_DEVICES, Permission.SEE_CONTRACT}
_STOCK = frozenset(
    {
        Permission.SEE_REGISTRY,
        Permission.RECEIVE_UNITS,
        Permission.MOVE_STOCK,
        Permission.PAIR_CARD,
    }
)
_WATCH = frozenset(
    {
        Permission.REPORT_CAUSE,
        Permission.PLAN_MAINTENANCE,
        Permission.DECIDE_LIABILITY,
        Permission.SETTLE_PLACE,
    }
)
_READ_RULES = _READ | {
    Permission.SEE_SETTINGS,
    Permission.SEE_CLOCKS,
    Permission.SEE_SWAPS,
    Permission.SEE_CREDITS,
    Permission.SEE_SERVICE,
    Permission.SEE_RETURNS,
    Permission.SEE_OWED,
}
_COUNTER = frozenset({Permission.SEE_RETURNS, Permission.TAKE_BACK})

# What fleet operations have no job with; what is added above is theirs unless it stands here.
_NOT_OF_FLEET_OPS = frozenset(
    {
        Permission.WORK_ON_REPAIRS,
        Permission.SET_PRICES,
        Permission.CHANGE_SETTINGS,
        Permission.LOOK_AT_PERSON,
        Permission.KEEP_PERSON,
        Permission.ERASE_PERSON,
        Permission.SEE_LOOKS,
        Permission.MANAGE_ACCOUNTS,
        Permission.SWAP_ON_SITE,  # begins at once, at any hour: whoever does it answers for it
    }
)
_PEOPLE_DESK = frozenset({Permission.LOOK_AT_PERSON, Permission.KEEP_PERSON})

_GRANTS: dict[Role, frozenset[Permission]] = {
    Role.FLEET_OPS: frozenset(Permission) - _NOT_OF_FLEET_OPS,
    Role.TECHNICIAN: _READ
    | _COUNTER
    | {Permission.ENROL_UNIT, Permission.OPEN_CONSOLE, Permission.LOOK_AT_PERSON}
    | {Permission.ASSIGN_UNIT, Permission.PAIR_CARD, Permission.SEE_REGISTRY}
    | {Permission.SEE_SWAPS, Permission.ORDER_SWAP, Permission.STEER_SWAP}
    | {Permission.SWAP_ON_SITE},
    Role.DISPATCHER: _READ_RULES
    | _WATCH
    | {Permission.LOOK_AT_PERSON, Permission.RECORD_DEFECT, Permission.PLAN_SWAP},
    Role.CALL_CENTRE: _READ_RULES
    | _PEOPLE_DESK
    | {Permission.SETTLE_PLACE, Permission.RECORD_DEFECT, Permission.SIGN_CONTRACT}
    | {Permission.CHANGE_SERVICE, Permission.BLACKLIST_UNIT},
    Role.WAREHOUSE: _LOOK_UP_ONLY | _STOCK | _COUNTER,
    Role.CONTRACTOR: _LOOK_UP_ONLY,
    Role.AUDITOR: _READ_RULES
    | {Permission.SEE_LOOKS, Permission.SEE_REGISTRY, Permission.SEE_OPERATIONS},
    Role.ADMINISTRATOR: _READ_RULES
    | _PEOPLE_DESK
    | {
        Permission.CHANGE_SETTINGS,
        Permission.ERASE_PERSON,
        Permission.SEE_LOOKS,
        Permission.MANAGE_ACCOUNTS,
        Permission.SEE_REGISTRY,
        Permission.SEE_OPERATIONS,
    },
}


# Repairs: the bench is the contractor's alone, a finding is not the operator's to make [7.2.2];
# prices are for those who answer for money.
_COSTS = frozenset({Permission.SEE_REPAIRS, Permission.SEE_PRICES})
_STOCK = frozenset({Permission.SEE_REPAIRS, Permission.SEE_SUPPLIER_WARRANTY})
_REPAIR_GRANTS: dict[Role, frozenset[Permission]] = {
    Role.TECHNICIAN: frozenset({Permission.RECORD_SITE_CHECK}),
    Role.CALL_CENTRE: _COSTS,
    Role.WAREHOUSE: _STOCK,
    Role.CONTRACTOR: frozenset({Permission.SEE_REPAIRS, Permission.WORK_ON_REPAIRS}),
    Role.AUDITOR: _COSTS | _STOCK,
    Role.ADMINISTRATOR: _COSTS | _STOCK | {Permission.SET_PRICES},
}

# Commands to devices and replacements: fleet operations give and call back, others follow.
_CHANGE_GRANTS: dict[Role, frozenset[Permission]] = {
    Role.TECHNICIAN: frozenset({Permission.SEE_COMMANDS}),
    Role.AUDITOR: frozenset({Permission.SEE_COMMANDS}),
    Role.ADMINISTRATOR: frozenset({Permission.SEE_COMMANDS}),
}
# Campaigns: fleet operations run them, whoever answers customers or the log may follow.
_FOLLOWS_CAMPAIGNS = frozenset({Permission.SEE_CAMPAIGNS})
_CAMPAIGN_GRANTS: dict[Role, frozenset[Permission]] = {
    Role.DISPATCHER: _FOLLOWS_CAMPAIGNS | {Permission.PROTECT_CONTRACT},
    Role.CALL_CENTRE: _FOLLOWS_CAMPAIGNS,
    Role.AUDITOR: _FOLLOWS_CAMPAIGNS,
    Role.ADMINISTRATOR: _FOLLOWS_CAMPAIGNS,
}
_MORE_GRANTS = (_REPAIR_GRANTS, _CHANGE_GRANTS, _CAMPAIGN_GRANTS)


def allows(role: Role, permission: Permission) -> bool:
    if permission in _GRANTS[role]:
        return True
    return any(permission in grants.get(role, ()) for grants in _MORE_GRANTS)
