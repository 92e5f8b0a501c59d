"""A power cut of a voice modem, from the signal to the closed interruption, on real parts.

The board is simulated, its agent, the broker, the server and its page are the real ones.
`make soak` runs 20 cuts in a row, each test run a few.
"""

import random
from collections.abc import Iterator

import pytest

from hil_tests.demo_fleet import VOICEMODEM
from hil_tests.instance import Instance
from hil_tests.power_cut import PowerCut, PowerCutWatch

_SEED = 7
_NO_POWER = "no power at the device"
_LOADED_MACHINE_S = 3.0  # a busy machine starts the board's process late


@pytest.fixture(scope="module")
def watch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PowerCutWatch]:
    state = tmp_path_factory.mktemp("power-cut") / "state"
    with Instance(state, [VOICEMODEM]) as instance:
        yield PowerCutWatch(instance, VOICEMODEM.name)


def check_truth(cut: PowerCut, within_s: float) -> None:
    assert sorted(cut.events) == ["Boot!", "PowerLoss!", "PowerRestored!"]
    assert cut.verdict.cause == _NO_POWER
    check_length(cut, within_s)


def check_length(cut: PowerCut, within_s: float) -> None:
    assert cut.verdict.length_ms is not None
    assert abs(cut.verdict.length_ms / 1000 - cut.bench_length_s) < within_s, cut


@pytest.mark.timeout(180)
def test_a_cut_is_told_while_it_is_dark_and_its_length_is_right(watch: PowerCutWatch) -> None:
    """How fast it is told is measured by the bench and the long campaign, not here."""
    chance = random.Random(_SEED)  # noqa: S311 - repeatable, not secret
    for _ in range(3):
        cut = watch.cut(50, chance.uniform(2, 4), chance.random())
        assert cut.stored_s is not None
        assert cut.to_page_s is not None
        check_truth(cut, within_s=_LOADED_MACHINE_S)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_twenty_cuts_in_a_row_are_told_in_time_and_measured_right(watch: PowerCutWatch) -> None:
    chance = random.Random(_SEED)  # noqa: S311 - repeatable, not secret
    for _ in range(20):
        cut = watch.cut(50, chance.uniform(2, 6), chance.random())
        assert cut.stored_s is not None
        assert cut.stored_s < 0.2
        assert cut.to_page_s is not None
        assert cut.to_page_s < 2.0
        check_truth(cut, within_s=1.0)


@pytest.mark.timeout(180)
def test_without_hold_up_no_gasp_leaves_and_the_boot_tells_the_truth(watch: PowerCutWatch) -> None:
    cut = watch.cut(hold_up_ms=0, dark_s=3)
    assert sorted(cut.events) == ["Boot!", "PowerRestored!"]
    assert cut.stored_s is None
    assert cut.verdict.cause == _NO_POWER
    assert cut.verdict.length_error_ms is not None
    check_length(cut, within_s=cut.verdict.length_error_ms / 1000 + _LOADED_MACHINE_S)
