"""Elements of the network by the codes that people use."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, select

from fleet_server.domain.errors import UnknownNetworkElementError
from fleet_server.services import tables as t
from fleet_server.services.chunks import chunks


def element_of(connection: Connection, code: str) -> int:
    """The key of the element with this code. Raises UnknownNetworkElementError."""
    found = connection.scalar(
        select(t.network_element.c.id).where(t.network_element.c.code == code.strip())
    )
    if found is None:
        raise UnknownNetworkElementError("There is no network element %(element)r.", element=code)
    return int(found)


def codes_of(connection: Connection, elements: Iterable[int]) -> dict[int, str]:
    found: dict[int, str] = {}
    for some in chunks(elements):
        query = select(t.network_element.c.id, t.network_element.c.code).where(
            t.network_element.c.id.in_(some)
        )
        found.update({row.id: row.code for row in connection.execute(query)})
    return found
