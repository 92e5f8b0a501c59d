"""After a backup was restored: what it says was under way may have been done, or undone, long ago.

So nothing that is done to customers goes on by itself: a person looks at what is so by now, and
resumes it or calls it off. Commands are called back; those that bring a unit into line with the
registry go on, as the registry does.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select

from fleet_server.domain.campaign import Pause, State
from fleet_server.services import campaigns, commands, outbox, swap_settings, swap_store
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor
from fleet_server.services.chunks import chunks

ACTOR = Actor.system("restore")


def make_safe(connection: Connection, now: datetime) -> None:
    """Of a database that is a backup: ids are new from here on; campaigns and swaps stand still."""
    outbox.restored(connection, now)
    running = select(t.campaign).where(t.campaign.c.state == State.RUNNING)
    for row in connection.execute(running.order_by(t.campaign.c.id)).all():
        campaigns.stand_still(connection, ACTOR, row, Pause.RESTORED, now)
    for key in connection.scalars(select(t.swap.c.ask_key).where(t.swap.c.ask_key != "")).all():
        swap_settings.forget_in_command(connection, key)
    swap_store.hold_all(connection, now)
    waiting = select(t.command.c.command_key).where(
        t.command.c.finished_at.is_(None), t.command.c.outbox_id.is_(None)
    )
    for keys in chunks(connection.scalars(waiting)):
        commands.withdraw(connection, keys, now)
