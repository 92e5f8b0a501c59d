"""The settings: what is in force by default, and what they may be set to.

The tables are written from the subscription terms, not from the code.
"""

from __future__ import annotations

import re
from datetime import time

import pytest

from fleet_server.domain.errors import InvalidSettingError, UnknownSettingError
from fleet_server.domain.policy import (
    DEFAULTS,
    SETTINGS,
    setting_of,
    value_text,
    with_texts,
)

ARTICLE = re.compile(r"S|-|[0-9]{1,2}(\.[0-9]{1,2}){1,3}")

# (article, setting, value in force by default)
READINGS = [
    ("3.3", "installation_days", "5"),
    ("3.3", "installation_binding_services", "internet"),
    ("4.5", "disruptive_from", "01:00"),
    ("4.5", "disruptive_until", "06:00"),
    ("4.5", "peak_from", "20:00"),
    ("4.5", "peak_until", "00:00"),
    ("4.5", "speed_tests_in_peak_hours", "on"),
    ("-", "onboarding_per_second", "100"),
    ("-", "commands_per_second", "100"),
    ("-", "reconnections_per_second", "200"),
    ("7.1.7", "swap_notice_hours", "72"),
    ("7.1.7", "faulty_swap_needs_consent", "on"),
    ("4.6", "campaign_four_eyes", "on"),
    ("4.6", "campaign_contact_days", "30"),
    ("7.1.7", "campaign_visits_a_day", "8"),
    ("7.1.7", "swap_four_eyes", "on"),
    ("4.5", "cut_over_from", "01:00"),
    ("4.5", "cut_over_until", "05:00"),
    ("7.1.7", "swap_answer_minutes", "10"),
    ("7.1.7", "swap_wait_days", "14"),
    ("7.1.1", "fence_wait_days", "365"),
    ("7.2.2", "warranty_years_stb", "1"),
    ("7.2.2", "warranty_years_card", "4"),
    ("7.2.2", "warranty_last_day", "same_day"),
    ("7.2.2", "warranty_leap_day", "february_28"),
    ("7.2.2", "replacement_starts_own_term", "on"),
    ("7.2.2", "receipt_unknown_is", "unknown"),
    ("7.2.2", "warranty_counts", "defect"),
    ("7.2.2", "repeat_failure_days", "90"),
    ("7.2.4", "evidence_days", "30"),
    ("7.2.5", "electrical_damage_is", "inspect"),
    ("7.2.5", "propose_void", "off"),
    ("7.1.1", "return_days", "5"),
    ("7.1.1", "return_day_of_month", "5"),
    ("9.9", "return_clock_starts", "later"),
    ("7.1.1", "return_rule_modem", "days_and_day_of_month"),
    ("7.2.1", "return_rule_stb", "days_and_day_of_month"),
    ("7.2.1", "return_rule_card", "days_and_day_of_month"),
    ("7.3.2", "return_rule_voice_modem", "days"),
    ("7.1.1", "propose_unreturned_modem", "on"),
    ("7.2.6", "propose_unreturned_stb", "on"),
    ("7.2.6", "propose_unreturned_card", "on"),
    ("7.3.2", "propose_unreturned_voice_modem", "off"),
    ("7.1.5", "blacklist_stolen_at_once", "on"),
    ("7.1.5", "propose_theft_charge_stb_and_card", "off"),
    ("5.2", "defect_answer_days", "5"),
    ("5.3", "compensation_request_days", "30"),
    ("5.3", "credit_without_request", "on"),
    ("5.4", "credit_day_hours", "24"),
    ("5.4", "credit_days_per_day", "2"),
    ("5.4", "credit_join_minutes", "60"),
    ("13.1", "propose_force_majeure_exclusion", "on"),
    ("4.6", "propose_maintenance_exclusion", "on"),
    ("8.6", "liability_of_suspended", "customer_side"),
    ("4.6", "liability_of_maintenance", "operator"),
    ("5.4", "liability_of_plant_power", "operator"),
    ("7.2.4", "liability_of_area_mains", "customer_side"),
    ("7.2.4", "liability_of_no_power", "customer_side"),
    ("5.4", "liability_of_access_network", "operator"),
    ("7.1.1", "liability_of_device", "operator"),
    ("5.4", "liability_of_unknown", "undecided"),
    ("11.3", "emergency_numbers", "112,192,193,194"),
    ("11.3", "emergency_hold_minutes", "60"),
    ("7.2.8", "tvim_by_source_address", "on"),
]

# (setting, value that the terms or plain sense do not allow)
REFUSED = [
    ("installation_days", "6"),
    ("installation_days", "0"),
    ("installation_days", "five"),
    ("installation_days", "-1"),
    ("installation_days", ""),
    ("installation_days", "\N{ARABIC-INDIC DIGIT FIVE}"),
    ("installation_binding_services", "voice"),
    ("installation_binding_services", "internet,internet"),
    ("installation_binding_services", ""),
    ("disruptive_from", "24:00"),
    ("disruptive_from", "1:00"),
    ("disruptive_until", "22:00"),
    ("peak_from", "05:59"),
    ("swap_notice_hours", "71"),
    ("warranty_years_card", "3"),
    ("warranty_last_day", "never"),
    ("return_days", "4"),
    ("defect_answer_days", "6"),
    ("compensation_request_days", "29"),
    ("credit_day_hours", "25"),
    ("credit_days_per_day", "1"),
    ("propose_void", "yes"),
    ("liability_of_unknown", "customer"),
    ("emergency_numbers", "192,193"),
    ("emergency_numbers", "112,police"),
    ("emergency_hold_minutes", "59"),
]


@pytest.mark.parametrize(("article", "name", "default"), READINGS)
def test_the_default_is_the_reading_of_the_terms(article: str, name: str, default: str) -> None:
    assert value_text(DEFAULTS, name) == default
    assert article in setting_of(name).articles


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_says_article_range_and_effect_and_its_default_is_allowed(name: str) -> None:
    found = SETTINGS[name]
    assert all(ARTICLE.fullmatch(article) for article in found.articles)
    assert found.effect.endswith(".")
    assert found.kind.allowed
    assert found.kind.parse(found.default_text) == found.default


@pytest.mark.parametrize(("name", "text"), REFUSED)
def test_a_value_outside_its_range_is_refused(name: str, text: str) -> None:
    with pytest.raises(InvalidSettingError):
        with_texts(DEFAULTS, {name: text})


def test_a_changed_value_is_typed_and_the_others_stay() -> None:
    changed = with_texts(DEFAULTS, {"disruptive_from": "02:30", "emergency_numbers": "112, 194"})
    assert changed.disruptive_from == time(2, 30)
    assert changed.emergency_numbers == ("112", "194")
    assert value_text(changed, "emergency_numbers") == "112,194"
    assert changed.return_days == 5


def test_a_window_that_ends_where_peak_hours_begin_is_allowed() -> None:
    assert with_texts(DEFAULTS, {"disruptive_until": "20:00"}).disruptive_until == time(20)


def test_an_unknown_setting_is_named() -> None:
    with pytest.raises(UnknownSettingError, match="interest_rate"):
        with_texts(DEFAULTS, {"interest_rate": "1"})
