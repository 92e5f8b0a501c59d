"""What the tables of this package share: who, by what each may do, and what is sent."""

from __future__ import annotations

from typing import Any

# Method, route as declared, address asked for, status when allowed, roles allowed.
Page = tuple[str, str, str, int, str]
# Route as declared, address sent to, fields, status when allowed, roles allowed.
Form = tuple[str, str, dict[str, str], int, str]
# Method, route as declared, address asked for, body, status when allowed, roles allowed.
Call = tuple[str, str, str, Any, int, str]

EVERYBODY = "fleet_ops technician dispatcher call_centre warehouse contractor auditor administrator"
SEES_DEVICES = "fleet_ops technician dispatcher call_centre auditor administrator"
ON_SITE = "fleet_ops technician"
SEES_SETTINGS = "fleet_ops dispatcher call_centre auditor administrator"
RECORDS_DEFECTS = "fleet_ops dispatcher call_centre"
PLANS_SWAPS = "fleet_ops dispatcher"
SERVES = "fleet_ops call_centre"
AT_THE_COUNTER = "fleet_ops technician warehouse"
SEES_RETURNS = "fleet_ops technician dispatcher call_centre warehouse auditor administrator"
SEES_OPERATIONS = "fleet_ops auditor administrator"
REASON = {"reason": "a test of the roles"}
SEES_SWAPS = "fleet_ops technician dispatcher call_centre auditor administrator"
ORDERS_SWAPS = "fleet_ops technician"
WATCHES = "fleet_ops dispatcher"
SETTLES = "fleet_ops dispatcher call_centre"
SEES_REGISTRY = "fleet_ops technician warehouse auditor administrator"
HANDLES_CARDS = "fleet_ops technician warehouse"
SEES_REPAIRS = "fleet_ops call_centre warehouse contractor auditor administrator"
SEES_CAMPAIGNS = "fleet_ops dispatcher call_centre auditor administrator"
SEES_COMMANDS = "fleet_ops technician auditor administrator"
SEES_PRICES = "fleet_ops call_centre auditor administrator"
