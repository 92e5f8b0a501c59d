import httpx
import pytest

from firmware_tools.errors import (
    CertificateRefusedError,
    ServerUnreachableError,
    SignInError,
    ToolError,
    UnknownSerialError,
)
from firmware_tools.registry import Registry
from firmware_tools.tests.fakes import FakeFleet, problem


def answering(answer: httpx.Response) -> Registry:
    return Registry("http://fleet.test", "good", httpx.MockTransport(lambda _: answer))


def test_a_signed_in_user_sees_the_unit() -> None:
    fleet = FakeFleet()
    fleet.add()
    with Registry("http://fleet.test/", transport=fleet.transport()) as registry:
        registry.sign_in("technician", "right")
        assert registry.unit("00000004")["status"] == "in_stock"
        assert registry.presence("00000004") == "never"


def test_a_wrong_password_is_a_sign_in_error() -> None:
    with (
        Registry("http://fleet.test", transport=FakeFleet().transport()) as registry,
        pytest.raises(SignInError, match="password is wrong"),
    ):
        registry.sign_in("technician", "guess")


def test_a_token_that_has_run_out_is_a_sign_in_error() -> None:
    with (
        Registry("http://fleet.test", "old", FakeFleet().transport()) as registry,
        pytest.raises(SignInError),
    ):
        registry.unit("00000004")


def test_an_unknown_serial_number_carries_the_servers_advice() -> None:
    with (
        Registry("http://fleet.test", "good", FakeFleet().transport()) as registry,
        pytest.raises(UnknownSerialError) as caught,
    ):
        registry.unit("77")
    assert caught.value.next_step == "what to do about unknown-unit"


def test_a_serial_number_cannot_reach_another_address() -> None:
    seen = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.raw_path)
        return problem(404, "unknown-unit", "no")

    with (
        Registry("http://fleet.test", "good", httpx.MockTransport(handle)) as registry,
        pytest.raises(UnknownSerialError),
    ):
        registry.unit("../session")
    assert seen == [b"/api/v1/units/..%2Fsession"]


def test_a_server_that_is_down_is_said_to_be_unreachable() -> None:
    fleet = FakeFleet()
    fleet.unreachable = True
    with (
        Registry("http://fleet.test", "good", fleet.transport()) as registry,
        pytest.raises(ServerUnreachableError, match=r"http://fleet\.test: no answer"),
    ):
        registry.unit("1")


@pytest.mark.parametrize("address", ["", "fleet", "ftp://fleet.test", "http://[::1"])
def test_an_address_that_is_none_is_said_to_be_unreachable(address: str) -> None:
    with pytest.raises(ServerUnreachableError), Registry(address, "good") as registry:
        registry.unit("1")


def test_an_address_without_its_scheme_is_shown_with_one() -> None:
    with pytest.raises(ServerUnreachableError) as caught:
        Registry("fleet.test:8080")
    assert "such as http://fleet.test:8080." in caught.value.next_step


@pytest.mark.parametrize("content", [b"<html>welcome</html>", b"[]", b"null"])
def test_some_other_server_is_not_taken_for_a_fleet_server(content: bytes) -> None:
    with (
        answering(httpx.Response(200, content=content)) as registry,
        pytest.raises(ServerUnreachableError, match="not a fleet server"),
    ):
        registry.unit("1")


def test_a_refused_certificate_request_is_told_apart() -> None:
    with (
        answering(problem(422, "invalid-csr", "Not this unit's.")) as registry,
        pytest.raises(CertificateRefusedError, match="Not this unit's"),
    ):
        registry.enrol("1", "", "C-1", "voice")


def test_a_problem_nobody_knows_keeps_its_words() -> None:
    with (
        answering(problem(500, "odd", "Something odd.")) as registry,
        pytest.raises(ToolError, match="Something odd"),
    ):
        registry.unit("1")
