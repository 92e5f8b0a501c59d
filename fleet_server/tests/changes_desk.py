"""A console whose replacements and campaigns really go on, with played units and made-up people.

Ana and Besa are of fleet operations; each role has its first account too. It is night, when
disruptive work is allowed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, select

from fleet_server.domain.command import Answered, Sent
from fleet_server.domain.roles import Role
from fleet_server.services import campaign_engine, command_store
from fleet_server.services import tables as t
from fleet_server.services.account_admin import create_account
from fleet_server.services.accounts import create_first_accounts
from fleet_server.services.audit import Actor
from fleet_server.services.fleet_actions import FleetActions
from fleet_server.services.policy import read_policy
from fleet_server.tests.campaign_desk import CampaignDesk
from fleet_server.tests.console_site import Browser, Site, quick_hasher
from fleet_server.tests.swap_bench import SwapBench, prepare_bench

# 02:00 local time.
NIGHT = datetime(2027, 1, 15, 1, 0, tzinfo=UTC)
_OF_A_ROLE = "made-up-password-of-a-role"
PASSWORDS = {"ana": "made-up-password-of-ana", "besa": "made-up-password-of-besa"}


def prepare_changes(engine: Engine) -> None:
    """The bench's registry and everybody's accounts."""
    prepare_bench(engine)
    hasher = quick_hasher()
    with engine.begin() as connection:
        create_first_accounts(connection, hasher, lambda: _OF_A_ROLE, NIGHT)
        for name, password in PASSWORDS.items():
            actor = Actor.system("test")
            create_account(connection, hasher, name, Role.FLEET_OPS, password, actor, NIGHT)


class ChangesDesk:
    """`site` serves the pages; `bench` carries replacements on, `turn()` campaigns."""

    def __init__(self, folder: Path, engine: Engine, people: Engine) -> None:
        self.bench = SwapBench(folder, engine, people)
        self.bench.desk.now = NIGHT
        self.site = Site(folder, engine, people)
        self.site.now = NIGHT
        self.site.passwords |= dict.fromkeys(Role, _OF_A_ROLE)
        self.campaigns = CampaignDesk(engine)

    def later(self, **length: float) -> None:
        """Every clock goes on."""
        self.bench.later(**length)
        self.site.now = self.campaigns.now = self.bench.now

    def person(self, name: str, language: str = "en") -> Browser:
        """Somebody at another desk, without a window."""
        browser = self.site.browser(language)
        answer = browser.submit("/sign-in", username=name, password=PASSWORDS[name])
        assert answer.status_code == 303, answer.text
        return browser

    def turn(self) -> None:
        """One turn of the engine of campaigns, with the real actions."""
        with self.site.context.fleet.writing() as connection:
            campaign_engine.step(connection, FleetActions(), read_policy(connection), self.site.now)

    def devices_answer(self, most: int) -> int:
        """So many devices at most do what they were told; gives how many did."""
        with self.site.context.fleet.writing() as connection:
            rows = connection.execute(
                select(t.command)
                .where(t.command.c.finished_at.is_(None))
                .order_by(t.command.c.id)
                .limit(most)
            ).all()
            for row in rows:
                command_store.apply(connection, row, [Sent(), Answered()], self.site.now)
        return len(rows)
