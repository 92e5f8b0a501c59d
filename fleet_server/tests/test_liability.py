"""Liability as proposed from cause: a table by hand, with the articles."""

from __future__ import annotations

import pytest

from fleet_server.domain.causes import Cause
from fleet_server.domain.liability import propose
from fleet_server.domain.policy import DEFAULTS, with_texts

# cause, a storm over the place when it began, proposed, articles, following it shortens a credit
TABLE = [
    ("suspended", False, "customer_side", "8.6 10.1", True),
    ("suspended", True, "customer_side", "8.6 10.1", True),
    ("maintenance", False, "operator", "4.6 5.4", True),
    ("maintenance", True, "operator", "4.6 5.4", True),
    ("plant power", False, "operator", "5.4", False),
    ("plant power", True, "force_majeure", "4.9 13.1", True),
    ("area mains", False, "customer_side", "7.2.4", True),
    ("area mains", True, "force_majeure", "4.9 13.1", True),
    ("no power at the device", False, "customer_side", "7.2.4", True),
    ("no power at the device", True, "customer_side", "7.2.4", True),
    ("access network", False, "operator", "5.4", False),
    ("access network", True, "force_majeure", "4.9 13.1", True),
    ("device", False, "operator", "5.4 7.1.1", False),
    ("device", True, "force_majeure", "4.9 13.1", True),
    ("unknown", False, "undecided", "5.4", False),
    ("unknown", True, "undecided", "5.4", False),
]


@pytest.mark.parametrize(("cause", "storm", "liability", "articles", "excludes"), TABLE)
def test_liability_is_proposed_with_its_articles(
    cause: str, storm: bool, liability: str, articles: str, excludes: bool
) -> None:
    found = propose(DEFAULTS, Cause(cause), storm)
    assert (found.liability, found.articles) == (liability, tuple(articles.split()))
    assert found.excludes is excludes


def test_every_cause_has_a_proposal() -> None:
    assert {row[0] for row in TABLE} == {cause.value for cause in Cause}


@pytest.mark.parametrize(
    ("setting", "value", "cause", "storm", "liability", "excludes"),
    [
        ("liability_of_unknown", "operator", "unknown", False, "operator", False),
        ("liability_of_area_mains", "force_majeure", "area mains", False, "force_majeure", True),
        ("propose_maintenance_exclusion", "off", "maintenance", False, "operator", False),
        ("propose_force_majeure_exclusion", "off", "device", True, "force_majeure", False),
    ],
)
def test_who_is_proposed_is_a_setting(
    setting: str, value: str, cause: str, storm: bool, liability: str, excludes: bool
) -> None:
    found = propose(with_texts(DEFAULTS, {setting: value}), Cause(cause), storm)
    assert (found.liability, found.excludes) == (liability, excludes)
