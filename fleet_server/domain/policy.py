"""Every rule of the subscription terms that leaves room, as a typed setting with its default.

The default is the reading that is in force until someone with the right to do so changes it.
Code that applies a rule takes a `Policy` and names the article; it holds no number of its own.
To add a setting, add a field here and its effect to the catalogs of `web/translations`.

Source: subscription terms, articles as named with each field; `S` is the operators' statement of
17 March 2020.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import time
from typing import Any

from fleet_server.domain.errors import InvalidSettingError, UnknownSettingError
from fleet_server.domain.setting import (
    Choice,
    Setting,
    Switch,
    Texts,
    TimeOfDay,
    Value,
    WholeNumber,
    setting,
    settings_of,
)

# Who answers for a stretch of an interruption; UNDECIDED asks a person before anything counts.
OPERATOR = "operator"
CUSTOMER_SIDE = "customer_side"
FORCE_MAJEURE = "force_majeure"
UNDECIDED = "undecided"
LIABILITIES = (OPERATOR, CUSTOMER_SIDE, FORCE_MAJEURE, UNDECIDED)

# From which moment equipment has to come back.
FROM_EFFECT = "effect"
FROM_CONFIRMATION = "confirmation"
FROM_LATER = "later"

# When equipment that did not come back is overdue.
DAYS = "days"
DAYS_AND_DAY_OF_MONTH = "days_and_day_of_month"

# The last covered day of a warranty.
SAME_DAY = "same_day"
DAY_BEFORE = "day_before"
DAY_OF_DEFECT = "defect"
DAY_OF_REPORT = "report"
FEBRUARY_28 = "february_28"
MARCH_1 = "march_1"

UNKNOWN = "unknown"
IN_TERM = "in_term"
INSPECT = "inspect"
REPAIR = "repair"

_ON_OFF = Switch()
_LIABILITY = Choice(LIABILITIES)
_RETURN_RULE = Choice((DAYS, DAYS_AND_DAY_OF_MONTH))
_CLOCK = TimeOfDay()


@dataclass(frozen=True, slots=True)
class Policy:
    """The settings in force. Raises InvalidSettingError when two of them contradict each other."""

    # Installation
    installation_days: int = setting(
        "3.3",
        WholeNumber(1, 5, "days"),
        5,
        "Days after signing within which a service is installed.",
    )
    installation_binding_services: tuple[str, ...] = setting(
        "3.3",
        Texts("internet|voice|tv", "internet, voice, tv", needed=("internet",)),
        ("internet",),
        "Services for which the installation deadline binds; for the others it is shown only.",
    )

    # Hours
    disruptive_from: time = setting(
        "4.5,4.6",
        _CLOCK,
        time(1),
        "Local time from which reboots, firmware activations and cut-overs may run by default.",
    )
    disruptive_until: time = setting(
        "4.5,4.6",
        _CLOCK,
        time(6),
        "Local time until which reboots, firmware activations and cut-overs may run by default.",
    )
    peak_from: time = setting(
        "4.5", _CLOCK, time(20), "Local time at which peak hours begin; no disruptive work then."
    )
    peak_until: time = setting("4.5", _CLOCK, time(0), "Local time at which peak hours end.")
    speed_tests_in_peak_hours: bool = setting(
        "4.3,4.5",
        _ON_OFF,
        True,
        "Whether speed tests also run in peak hours where the customer agreed.",
    )

    # How fast the fleet is let back after a power cut or a broker's end
    onboarding_per_second: int = setting(
        "-",
        WholeNumber(1, 5000, "a second"),
        100,
        "Devices asked for their state and settings in a second when many come back at once; "
        "what they report is taken in and confirmed before.",
    )
    commands_per_second: int = setting(
        "-",
        WholeNumber(1, 5000, "a second"),
        100,
        "Commands sent in a second, of all that are due.",
    )
    reconnections_per_second: int = setting(
        "-",
        WholeNumber(1, 5000, "a second"),
        200,
        "Devices that may connect again in a second once the broker was away; the window over "
        "which each spreads its return follows from it.",
    )

    # Work on the network
    maintenance_notice_hours: int = setting(
        "4.6,11.3",
        WholeNumber(1, 720, "hours"),
        24,
        "Hours before work on the network by which customers must have been told, so that it "
        "counts as announced; the terms only say in advance.",
    )

    # Change of equipment
    swap_notice_hours: int = setting(
        "7.1.7",
        WholeNumber(72, 720, "hours"),
        72,
        "Hours that notice must be on record before a swap that the operator initiates.",
    )
    faulty_swap_needs_consent: bool = setting(
        "7.1.7",
        _ON_OFF,
        True,
        "Whether the replacement of a faulty unit needs the customer's consent on record, "
        "instead of the notice period.",
    )

    # Campaigns
    campaign_four_eyes: bool = setting(
        "4.6,7.1.7",
        _ON_OFF,
        True,
        "Whether a campaign is approved by another person than those who made and planned it.",
    )
    campaign_contact_days: int = setting(
        "4.6,7.1.7",
        WholeNumber(1, 365, "days"),
        30,
        "Days without contact after which a campaign leaves a unit out.",
    )
    campaign_visits_a_day: int = setting(
        "7.1.7",
        WholeNumber(1, 1000, "visits"),
        8,
        "Visits of technicians that campaigns may take on one day in one area, which is a fibre "
        "node with all that hangs on it.",
    )
    swap_four_eyes: bool = setting(
        "7.1.7",
        _ON_OFF,
        True,
        "Whether a replacement is approved by another person than the one who ordered it; a "
        "technician at the customer's needs no second person.",
    )
    cut_over_from: time = setting(
        "4.5,4.6",
        _CLOCK,
        time(1),
        "Local time from which a remote replacement may take the old unit out of service.",
    )
    cut_over_until: time = setting(
        "4.5,4.6",
        _CLOCK,
        time(5),
        "Local time until which a remote replacement may take the old unit out of service.",
    )
    swap_answer_minutes: int = setting(
        "7.1.7",
        WholeNumber(1, 60, "minutes"),
        10,
        "Minutes that a unit has to carry out a step of its replacement before it counts as not "
        "reachable; and that a technician's replacement, once begun, waits at most to take the old "
        "unit out of service.",
    )
    swap_wait_days: int = setting(
        "7.1.7",
        WholeNumber(1, 60, "days"),
        14,
        "Days that a replacement waits for the customer to connect the new unit.",
    )
    fence_wait_days: int = setting(
        "7.1.1,7.2.1,7.3.2",
        WholeNumber(1, 1000, "days"),
        365,
        "Days that a replaced unit that does not answer may still connect, so that it can be told "
        "to erase the customer's settings; then its certificate is revoked.",
    )

    # Warranty
    warranty_years_stb: int = setting(
        "7.2.2",
        WholeNumber(1, 10, "years"),
        1,
        "Years of warranty of a set-top box from the day the customer received it.",
    )
    warranty_years_card: int = setting(
        "7.2.2",
        WholeNumber(4, 10, "years"),
        4,
        "Years of warranty of a smart card from the day the customer received it.",
    )
    warranty_last_day: str = setting(
        "7.2.2",
        Choice((SAME_DAY, DAY_BEFORE)),
        SAME_DAY,
        "Whether the last covered day is the same day and month of the last year, or the day "
        "before.",
    )
    warranty_leap_day: str = setting(
        "7.2.2",
        Choice((FEBRUARY_28, MARCH_1)),
        FEBRUARY_28,
        "To which day a term from 29 February counts where the last year has none.",
    )
    replacement_starts_own_term: bool = setting(
        "7.2.2",
        _ON_OFF,
        True,
        "Whether a replacement has a term of its own from the day it is received; else it takes "
        "over the term of the unit it replaces.",
    )
    receipt_unknown_is: str = setting(
        "7.2.2",
        Choice((UNKNOWN, IN_TERM)),
        UNKNOWN,
        "What is shown for a unit whose day of receipt is not known; it is never out of term.",
    )
    warranty_counts: str = setting(
        "7.2.2,7.2.3",
        Choice((DAY_OF_DEFECT, DAY_OF_REPORT)),
        DAY_OF_DEFECT,
        "Which day must lie in the term of a warranty: the day the defect showed, or the day it "
        "was reported.",
    )
    repeat_failure_days: int = setting(
        "7.2.2",
        WholeNumber(1, 730, "days"),
        90,
        "Days after a repair within which another defect of the unit counts as a repeat failure.",
    )
    evidence_days: int = setting(
        "7.2.4,7.2.5",
        WholeNumber(1, 365, "days"),
        30,
        "Days before a defect whose surges, supply, restarts and card states are shown with it.",
    )
    electrical_damage_is: str = setting(
        "7.2.4,7.2.5,7.2.6",
        Choice((INSPECT, REPAIR)),
        INSPECT,
        "What is proposed for a claim with signs of electrical damage.",
    )
    propose_void: bool = setting(
        "7.2.5",
        _ON_OFF,
        False,
        "Whether a void warranty may be proposed at all; a person decides in any case.",
    )

    # Return of equipment
    return_days: int = setting(
        "7.1.1,7.2.1,7.2.6,7.3.2",
        WholeNumber(5, 60, "days"),
        5,
        "Days within which equipment comes back; the customer is reminded when they have passed.",
    )
    return_day_of_month: int = setting(
        "7.1.1,7.2.1,7.2.6",
        WholeNumber(1, 28, "day of the month"),
        5,
        "Day of the month by which equipment comes back where the terms name one.",
    )
    return_clock_starts: str = setting(
        "7.1.1,9.9",
        Choice((FROM_LATER, FROM_EFFECT, FROM_CONFIRMATION)),
        FROM_LATER,
        "What starts the return clock: the moment termination takes effect, the operator's "
        "written confirmation, or the later of both.",
    )
    return_rule_modem: str = setting(
        "7.1.1", _RETURN_RULE, DAYS_AND_DAY_OF_MONTH, "When a modem is overdue."
    )
    return_rule_stb: str = setting(
        "7.2.1,7.2.6", _RETURN_RULE, DAYS_AND_DAY_OF_MONTH, "When a set-top box is overdue."
    )
    return_rule_card: str = setting(
        "7.2.1,7.2.6", _RETURN_RULE, DAYS_AND_DAY_OF_MONTH, "When a smart card is overdue."
    )
    return_rule_voice_modem: str = setting(
        "7.3.2", _RETURN_RULE, DAYS, "When a voice modem is overdue."
    )
    propose_unreturned_modem: bool = setting(
        "7.1.1", _ON_OFF, True, "Whether the value of an unreturned modem is proposed as a charge."
    )
    propose_unreturned_stb: bool = setting(
        "7.2.6",
        _ON_OFF,
        True,
        "Whether the value of an unreturned set-top box is proposed as a charge.",
    )
    propose_unreturned_card: bool = setting(
        "7.2.6",
        _ON_OFF,
        True,
        "Whether the value of an unreturned smart card is proposed as a charge.",
    )
    propose_unreturned_voice_modem: bool = setting(
        "7.3.2",
        _ON_OFF,
        False,
        "Whether the value of an unreturned voice modem is proposed as a charge; the terms name "
        "none.",
    )

    # Theft
    blacklist_stolen_at_once: bool = setting(
        "7.1.5,7.3.6",
        _ON_OFF,
        True,
        "Whether a unit that is reported stolen is blacklisted at once.",
    )
    propose_theft_charge_stb_and_card: bool = setting(
        "7.1.5,7.3.6",
        _ON_OFF,
        False,
        "Whether a charge is proposed for a stolen set-top box or card; the terms are silent.",
    )

    # Complaints and credit
    defect_answer_days: int = setting(
        "5.2",
        WholeNumber(1, 5, "days"),
        5,
        "Days within which a defect that cannot be cleared by phone gets an answer.",
    )
    compensation_request_days: int = setting(
        "5.3",
        WholeNumber(30, 365, "days"),
        30,
        "Days after the report within which the customer may request compensation.",
    )
    credit_without_request: bool = setting(
        "5.3",
        _ON_OFF,
        True,
        "Whether a credit is proposed, and may be released, without the customer's request.",
    )
    credit_day_hours: int = setting(
        "5.4",
        WholeNumber(1, 24, "hours"),
        24,
        "Hours of interruption that make one day of an outage; whole days count.",
    )
    credit_days_per_day: int = setting(
        "5.4",
        WholeNumber(2, 10, "days"),
        2,
        "Days given back for every day of interruption.",
    )
    credit_join_minutes: int = setting(
        "5.4",
        WholeNumber(0, 1440, "minutes"),
        60,
        "A return to service that is shorter does not split an outage.",
    )
    propose_force_majeure_exclusion: bool = setting(
        "4.9,13.1",
        _ON_OFF,
        True,
        "Whether time of force majeure is proposed as not counting; a person confirms it.",
    )
    propose_maintenance_exclusion: bool = setting(
        "4.6,5.4",
        _ON_OFF,
        True,
        "Whether maintenance with notice is proposed as not counting; a person confirms it.",
    )

    # Liability proposed from the cause; a person decides
    liability_of_suspended: str = setting(
        "8.6,10.1", _LIABILITY, CUSTOMER_SIDE, "Who is proposed to answer for a suspension."
    )
    liability_of_maintenance: str = setting(
        "4.6", _LIABILITY, OPERATOR, "Who is proposed to answer for maintenance with notice."
    )
    liability_of_plant_power: str = setting(
        "5.4",
        _LIABILITY,
        OPERATOR,
        "Who is proposed to answer for a power failure in the network plant.",
    )
    liability_of_area_mains: str = setting(
        "7.2.4", _LIABILITY, CUSTOMER_SIDE, "Who is proposed to answer for a power cut in the area."
    )
    liability_of_no_power: str = setting(
        "7.2.4",
        _LIABILITY,
        CUSTOMER_SIDE,
        "Who is proposed to answer where there was no power at the device.",
    )
    liability_of_access_network: str = setting(
        "5.4",
        _LIABILITY,
        OPERATOR,
        "Who is proposed to answer for a fault in the access network.",
    )
    liability_of_device: str = setting(
        "5.4,7.1.1", _LIABILITY, OPERATOR, "Who is proposed to answer for a fault of the device."
    )
    liability_of_unknown: str = setting(
        "5.4", _LIABILITY, UNDECIDED, "Who is proposed to answer while the cause is unknown."
    )

    # Telephony
    emergency_numbers: tuple[str, ...] = setting(
        "11.3,S",
        Texts("[0-9]{2,15}", "112, 192", needed=("112",)),
        ("112", "192", "193", "194"),
        "Numbers that stay reachable in every state of service.",
    )
    emergency_hold_minutes: int = setting(
        "7.3.7,11.3",
        WholeNumber(60, 1440, "minutes"),
        60,
        "Minutes after an emergency call in which nothing that takes the line down may run.",
    )

    # Debt and other breaches
    suspension_notice_hours: int = setting(
        "10.1",
        WholeNumber(24, 720, "hours"),
        72,
        "Hours between the notice and a suspension, barring or termination for debt or fraud; "
        "the terms demand prior notice and name no length.",
    )
    reconnection_cents: int = setting(
        "8.6",
        WholeNumber(0, 100_000, "cents"),
        0,
        "Price of coming back after a suspension that is proposed; 0 while none is set.",
    )

    # Television
    tvim_by_source_address: bool = setting(
        "7.2.8",
        _ON_OFF,
        True,
        "Whether TVIM is opened by the address a set-top box is seen at; the box closes it "
        "outside the operator's network.",
    )

    def __post_init__(self) -> None:
        if _overlap(
            (self.disruptive_from, self.disruptive_until), (self.peak_from, self.peak_until)
        ):
            raise InvalidSettingError("Disruptive work would be allowed in peak hours [4.5].")
        if _overlap((self.cut_over_from, self.cut_over_until), (self.peak_from, self.peak_until)):
            raise InvalidSettingError("Replacements would be allowed in peak hours [4.5].")


def setting_of(name: str) -> Setting:
    """Raises UnknownSettingError."""
    if name not in SETTINGS:
        raise UnknownSettingError("There is no setting %(setting)r.", setting=name)
    return SETTINGS[name]


def value_text(policy: Policy, name: str) -> str:
    """The value of a setting as it is kept and shown."""
    return setting_of(name).kind.text(getattr(policy, name))


def with_texts(policy: Policy, texts: dict[str, str]) -> Policy:
    """The policy with these values, given as text.

    Raises UnknownSettingError and InvalidSettingError.
    """
    values: dict[str, Any] = {}
    for name, text in texts.items():
        parsed: Value = setting_of(name).kind.parse(text)
        values[name] = parsed
    return replace(policy, **values)


def _overlap(one: tuple[time, time], other: tuple[time, time]) -> bool:
    """Whether two windows of the day share a minute; each may pass midnight."""
    return bool(_minutes(*one) & _minutes(*other))


def _minutes(begin: time, end: time) -> set[int]:
    first = begin.hour * 60 + begin.minute
    length = (end.hour * 60 + end.minute - first) % 1440
    return {(first + minute) % 1440 for minute in range(length)}


SETTINGS: dict[str, Setting] = settings_of(Policy.__dataclass_fields__)
DEFAULTS = Policy()
