"""Places in the network: a node 1 with amplifiers 2 and 3, streets 4 and 5; another node 6."""

from __future__ import annotations

import pytest

from fleet_server.domain.place import Topology

TREE = Topology({1: None, 2: 1, 3: 1, 4: 2, 5: 3, 6: None})


def test_an_element_has_a_path_a_top_and_what_hangs_on_it() -> None:
    assert TREE.path(4) == (4, 2, 1)
    assert TREE.top(5) == 1
    assert TREE.below(1) == {1, 2, 3, 4, 5}
    assert TREE.below(2) == {2, 4}


@pytest.mark.parametrize(
    ("contract", "seen", "fits"),
    [
        (4, 4, True),
        (4, 2, True),
        (4, 1, True),
        (1, 5, True),
        (4, 3, False),
        (4, 5, False),
        (4, 6, False),
        (2, 3, False),
    ],
)
def test_places_fit_when_one_lies_below_the_other(contract: int, seen: int, fits: bool) -> None:
    assert TREE.fits(contract, seen) is fits


def test_a_circle_in_the_topology_stops_nobody() -> None:
    circle = Topology({1: 2, 2: 1})
    assert circle.path(1) == (1, 2)
    assert circle.below(1) == {1, 2}
