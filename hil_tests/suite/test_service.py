"""Into service and back: provisioning, restarts, and what the journal keeps."""

import base64

import pytest
from cryptography import x509

from firmware_tools.errors import DeviceRefusedError
from hil_tests.lab.bench_board import PROVISIONED, BenchBoard
from hil_tests.waiting import wait_until

ONLINE_S = 60


@pytest.mark.needs("spare_identity", "open_console")
def test_the_key_is_made_on_the_board(board: BenchBoard) -> None:
    """The certificate request is for this board, signed by a key it made; a new one each time."""
    keys = []
    for _ in range(2):
        request = x509.load_der_x509_csr(base64.b64decode(board.device.new_key()))
        assert request.is_signature_valid
        (name,) = request.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        assert name.value == board.hello().endpoint_id
        keys.append(request.public_key())
    assert keys[0] != keys[1]


@pytest.mark.needs("spare_identity", "open_console")
def test_a_certificate_for_another_key_is_refused(board: BenchBoard) -> None:
    """The old provisioning stays when the new one does not fit."""
    board.stage_foreign_certificate()
    with pytest.raises(DeviceRefusedError, match="key"):
        board.device.commit()
    assert board.hello().state == PROVISIONED


@pytest.mark.needs("spare_identity", "open_console")
def test_provisioning(board: BenchBoard) -> None:
    """A new key and certificate take effect at once and outlast a restart."""
    assert board.provision().state == PROVISIONED
    assert board.reboot().state == PROVISIONED


@pytest.mark.needs("open_console")
def test_the_journal_outlasts_a_restart(board: BenchBoard) -> None:
    """A restart adds its own events behind those before; none is lost or changed."""
    before = board.events()
    board.reboot()
    after = board.events()
    first = min(after)
    kept = {number: name for number, name in before.items() if number >= first}
    assert {number: after[number] for number in kept} == kept
    added = [name for number, name in sorted(after.items()) if number > max(before, default=0)]
    assert added[0] == "Boot!"
    assert sorted(after) == list(range(first, max(after) + 1))


@pytest.mark.needs("server")
def test_the_server_hears_of_a_restart(board: BenchBoard) -> None:
    """Online by MQTT, away for the restart, online again; every event delivered."""
    wait_until(board.is_online, ONLINE_S, "online at board and server", 0.25)
    last = board.last_sequence()
    board.reboot()
    wait_until(board.is_online, ONLINE_S, "online again at board and server", 0.25)

    def delivered() -> bool:
        new = [row for row in board.report("events") if row.number > last]
        return bool(new) and all(row.verdict == "delivered" for row in new)

    wait_until(delivered, ONLINE_S, "every event confirmed by the server", 0.25)
