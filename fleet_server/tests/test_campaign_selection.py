"""Every kind of condition of a selection, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from fleet_server.domain.campaign import Why
from fleet_server.services import tables as t
from fleet_server.services.campaign_views import list_items
from fleet_server.tests.campaign_desk import CampaignDesk, whole


@pytest.fixture
def desk(engine: Engine) -> CampaignDesk:
    return CampaignDesk(engine)


CONDITIONS: list[tuple[Any, list[int]]] = [
    ({"field": "model_name", "is": "CM-41"}, [1]),
    ({"field": "model_name", "starts_with": "CM-"}, [0, 1, 2]),
    ({"field": "model_name", "starts_with": "cm-"}, []),
    ({"not": {"field": "model_name", "in": ["CM-41", "STB-40"]}}, [0, 2]),
    ({"field": "node", "is": "K1"}, [0, 1, 2, 3]),
    ({"field": "area", "in": ["K1-S1", "K2"]}, [0, 1, 2, 3]),
    ({"field": "node", "is": "K2"}, []),
    ({"field": "presence", "is": "offline"}, [2]),
    ({"field": "seen_at", "within_days": 1}, [0, 1, 2, 3]),
    ({"field": "received_at", "older_than_days": 299}, [0, 1, 2, 3]),
    ({"field": "received_at", "after": "2027-01-01T00:00:00Z"}, []),
    ({"field": "package", "is": "TOP L"}, [0, 1, 2, 3]),
    ({"field": "contract_state", "is": "active"}, [0, 1, 3]),
    ({"field": "contract_state", "is": "suspended"}, [2]),
    ({"field": "position", "is": "internet"}, [0, 1, 2, 3]),
    ({"field": "warranty", "is": "no_term"}, [0, 1, 2]),
    ({"field": "warranty", "is": "in_term"}, [3]),
    ({"field": "warranty", "in": ["expired", "unknown"]}, []),
    ({"field": "handed_over_on", "before": "2026-06-02"}, [3]),
    ({"field": "software_version", "is": "0.2.0"}, [0]),
    (
        {"any": [{"field": "model_name", "is": "CM-41"}, {"field": "product_class", "is": "STB"}]},
        [1, 3],
    ),
    (
        {"all": [{"field": "state", "is": "installed"}, {"field": "supplier", "is": "SUP"}]},
        [],
    ),
    ({"not": {"field": "supplier", "is": "SUP"}}, [0, 1, 2, 3]),
    ({"field": "stock_place", "is": "WH-1"}, []),
]


def test_every_kind_of_condition_selects(desk: CampaignDesk) -> None:
    units = desk.add_units(3) + desk.add_units(1, "STB", model_name="STB-40")
    desk.set(t.unit, units[1], model_name="CM-41")
    desk.set(t.unit, units[0], software_version="0.2.0")
    desk.presence(units[2], "offline")
    desk.insert(t.contract_service, contract_id=units[2], state="suspended", since_at=desk.now)
    desk.set(t.assignment, units[3], handed_over_on=(desk.now - timedelta(days=228)).date())
    for selection, expected in CONDITIONS:
        campaign = desk.make(whole(admits=(Why.SUSPENDED,)), selection)
        desk.plan(campaign)
        found = sorted(units.index(one) for one in selected(desk, campaign))
        assert found == expected, selection


def selected(desk: CampaignDesk, campaign: int) -> list[int]:
    with desk.engine.connect().execution_options(writes=False) as connection:
        return [one.unit_id for one in list_items(connection, campaign)]
