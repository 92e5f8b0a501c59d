"""The filter of a Linux device with a real kernel between a customer and an internet."""

import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.errors import StorageError
from agent.ports import linux_dns
from agent.tests.service_bench_cpython import agent_started, agent_that_restricts
from hil_tests.customer_network import (
    HOSTS,
    CustomerNetwork,
    answer_to,
    what_is_missing,
)

SCHOOL, NEW_SCHOOL, OTHER = HOSTS[:3]
SCHOOL_V6, OTHER_V6 = HOSTS[3:]
REFUSED, SERVER_FAILURE = 5, 2
MISSING = what_is_missing()

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CustomerNetwork]:
    with CustomerNetwork(tmp_path_factory.mktemp("device")) as network:
        yield network


@pytest.fixture
def network(shared: CustomerNetwork) -> CustomerNetwork:
    """Everything open, and the zone as it is at first."""
    assert shared.device.apply("active") == ""
    shared.zone = {
        "mesimi.example": [("A", 30, SCHOOL), ("AAAA", 30, SCHOOL_V6)],
        "video.school.example": [("CNAME", 30, "edge.cdn.example")],
        "edge.cdn.example": [("A", 30, NEW_SCHOOL)],
        "other.example": [("A", 30, OTHER), ("AAAA", 30, OTHER_V6)],
    }
    shared.truncated = set()
    shared.forge = lambda query: []
    shared.asked = []
    shared.delay_s = 0
    return shared


def restrict(network: CustomerNetwork, *hosts: str) -> None:
    assert network.device.apply("restricted", *(hosts or ("mesimi.example",))) == ""


def test_an_active_customer_reaches_everything(network: CustomerNetwork) -> None:
    assert network.visits("mesimi.example") and network.visits("other.example")
    assert network.reaches(OTHER_V6)


def test_a_restricted_customer_reaches_the_lists_hosts_and_no_other(
    network: CustomerNetwork,
) -> None:
    restrict(network)
    assert not network.reaches(SCHOOL), "nobody has asked for it yet"
    assert network.visits("mesimi.example")
    assert network.visits("mesimi.example", "AAAA")
    assert network.resolve("other.example") == (REFUSED, [])
    assert not network.reaches(OTHER)
    assert not network.reaches(OTHER_V6)
    assert "other.example" not in network.asked


def test_no_name_server_but_the_operators_is_asked(network: CustomerNetwork) -> None:
    restrict(network)
    assert network.resolve("mesimi.example", server="192.0.2.8") == (0, [SCHOOL])
    assert network.resolve("other.example", server="192.0.2.8", tcp=True) == (REFUSED, [])
    assert network.resolve("mesimi.example", server="2001:db8:f::99") == (0, [SCHOOL])


def test_aliases_are_followed_to_where_they_lead(network: CustomerNetwork) -> None:
    restrict(network, "*.school.example")
    assert network.visits("video.school.example")
    assert network.resolve("edge.cdn.example") == (REFUSED, [])
    assert network.resolve("school.example") == (REFUSED, [])


def test_a_new_address_is_reachable_as_soon_as_it_is_answered(network: CustomerNetwork) -> None:
    restrict(network)
    assert network.visits("mesimi.example")
    network.zone["mesimi.example"] = [("A", 30, NEW_SCHOOL)]
    assert not network.reaches(NEW_SCHOOL)
    assert network.visits("mesimi.example")


def test_a_truncated_answer_is_asked_for_again_by_connection(network: CustomerNetwork) -> None:
    network.truncated = {"mesimi.example"}
    restrict(network)
    assert network.resolve("mesimi.example") == (0, [])
    assert not network.reaches(SCHOOL)
    assert network.resolve("mesimi.example", tcp=True) == (0, [SCHOOL])
    assert network.reaches(SCHOOL)


def test_forged_answers_open_nothing(network: CustomerNetwork) -> None:
    def forged(query: bytes) -> list[bytes]:
        wrong = struct.pack(">H", struct.unpack(">H", query[:2])[0] ^ 1) + query[2:]
        other = query.replace(b"mesimi", b"mesime")
        records = [("mesimi.example", "A", 30, OTHER)]
        return [answer_to(wrong, records), answer_to(other, records), b"", query, b"\xff" * 40]

    network.forge = forged
    restrict(network)
    assert network.resolve("mesimi.example") == (0, [SCHOOL])
    assert network.reaches(SCHOOL) and not network.reaches(OTHER)
    network.forge = lambda query: forged(query) * 4
    assert network.resolve("mesimi.example")[0] == SERVER_FAILURE


def test_an_answer_that_comes_late_opens_nothing(
    network: CustomerNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linux_dns, "_WAIT_S", 0.1)
    network.delay_s = 0.3
    restrict(network)
    assert network.resolve("mesimi.example")[0] == SERVER_FAILURE
    time.sleep(0.4)
    assert not network.reaches(SCHOOL)
    network.delay_s = 0
    assert network.visits("mesimi.example")


def test_an_answer_cannot_open_the_devices_own_machines(network: CustomerNetwork) -> None:
    network.zone["mesimi.example"] = [("A", 30, "127.0.0.1"), ("A", 30, "224.0.0.1")]
    restrict(network)
    assert network.resolve("mesimi.example")[0] == 0
    assert "127.0.0.1" not in network.ruleset() and "224.0.0.1" not in network.ruleset()


def test_a_state_judges_connections_that_stand(network: CustomerNetwork) -> None:
    to_school, to_other = network.connect(SCHOOL), network.connect(OTHER)
    assert to_school and to_other
    restrict(network)
    assert to_other.is_cut(), "what was allowed before the state changed goes on"
    assert network.resolve("mesimi.example") == (0, [SCHOOL])
    assert to_school.works(), "the host is on the list: its connection lives"
    assert network.device.apply("active") == ""
    assert network.reaches(OTHER)
    to_other.close()
    to_school.close()


def test_a_new_list_keeps_what_stays_and_cuts_what_goes(network: CustomerNetwork) -> None:
    restrict(network, "mesimi.example", "*.school.example")
    assert network.visits("mesimi.example") and network.visits("video.school.example")
    stays, goes = network.connect(SCHOOL), network.connect(NEW_SCHOOL)
    assert stays and goes
    restrict(network, "mesimi.example")
    assert stays.works() and network.reaches(SCHOOL)
    assert goes.is_cut() and not network.reaches(NEW_SCHOOL)
    stays.close()
    goes.close()


def test_a_connection_outlives_the_answer_it_was_made_by(network: CustomerNetwork) -> None:
    restrict(network)
    assert network.visits("mesimi.example")
    flow = network.connect(SCHOOL)
    assert flow
    network.close_address(SCHOOL)
    assert not network.reaches(SCHOOL)
    assert flow.works()
    flow.close()


def test_terminated_lets_nothing_through(network: CustomerNetwork) -> None:
    restrict(network)
    assert network.visits("mesimi.example")
    flow = network.connect(SCHOOL)
    assert flow
    assert network.device.apply("terminated") == ""
    assert flow.is_cut() and not network.reaches(SCHOOL) and not network.reaches(SCHOOL_V6)
    assert network.resolve("mesimi.example") == (REFUSED, [])
    flow.close()


def test_the_devices_own_connections_stand_in_every_state(network: CustomerNetwork) -> None:
    flow = network.connect(OTHER, role="device")
    assert flow
    for state in ("restricted", "terminated", "active"):
        assert network.device.apply(state) == ""
        assert flow.works(), state
        assert network.reaches(OTHER, role="device"), state
    flow.close()


def test_traffic_that_flows_is_cut_and_let_through_with_the_state(
    network: CustomerNetwork,
) -> None:
    for _ in range(2):
        flow = network.connect(OTHER)
        assert flow and flow.works()
        restrict(network)
        assert flow.is_cut()
        flow.close()
        assert not network.reaches(OTHER)
        assert network.device.apply("active") == ""
        assert network.reaches(OTHER)


def test_a_machine_that_starts_holds_back_before_its_agent_runs(
    network: CustomerNetwork, tmp_path: Path
) -> None:
    restrict(network)
    assert network.visits("mesimi.example")
    network.start_machine_anew()
    assert not network.reaches(OTHER) and not network.reaches(SCHOOL)
    assert network.device.apply("active") == ""
    network.start_machine_anew()
    assert network.reaches(OTHER)


def test_rules_the_kernel_refuses_leave_the_last_ones(network: CustomerNetwork) -> None:
    restrict(network)
    assert network.visits("mesimi.example")
    interfaces = network.device.filter._interfaces
    network.device.filter._interfaces = ['no"such']
    try:
        assert network.device.apply("restricted", "other.example") != ""
    finally:
        network.device.filter._interfaces = interfaces
    assert network.reaches(SCHOOL) and not network.reaches(OTHER)
    network.zone["mesimi.example"] = [("A", 30, NEW_SCHOOL)]
    assert network.visits("mesimi.example"), "the last list is followed on"
    assert network.resolve("other.example") == (REFUSED, [])


def test_an_authorised_command_reaches_the_kernel_and_a_start_does_too(
    network: CustomerNetwork,
) -> None:
    guard = network.device.filter
    medium = network.device.call(lambda: agent_that_restricts(guard, ["mesimi.example"]))
    assert network.visits("mesimi.example") and not network.reaches(OTHER)
    assert network.device.apply("active") == ""
    assert network.reaches(OTHER)
    network.device.call(lambda: agent_started(guard, medium))
    assert network.visits("mesimi.example") and not network.reaches(OTHER)


def test_what_fails_after_the_kernel_leaves_nothing_open(
    network: CustomerNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    guard = network.device.filter
    monkeypatch.setattr(guard, "_interfaces", ["lan0", "missing0"])
    assert "No such device" in network.device.apply("restricted", "mesimi.example")
    assert not network.reaches(OTHER)
    assert network.device.apply("active") == ""
    monkeypatch.undo()

    def full(name: str, chunks: object) -> None:
        raise StorageError("full")

    monkeypatch.setattr(guard._storage, "replace", full)
    assert "cannot be kept" in network.device.apply("restricted", "mesimi.example")
    assert not network.reaches(OTHER) and network.visits("mesimi.example")
    monkeypatch.undo()
    assert network.device.apply("restricted", "mesimi.example") == ""
