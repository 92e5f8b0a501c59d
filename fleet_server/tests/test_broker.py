"""What the real broker lets a device do. A refused SUBSCRIBE may look granted: delivery counts."""

from __future__ import annotations

import queue
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from cryptography import x509
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from agent.wire.mqtt import NEVER_EXPIRES
from fleet_server.adapters import broker
from fleet_server.adapters.certificates import (
    Pki,
    make_client,
    make_pki,
    session_client_id,
    write_revocations,
)
from fleet_server.adapters.session_end import end_session
from fleet_server.adapters.x509_files import (
    new_key,
    read_certificate,
    write_certificate,
    write_key,
)
from fleet_server.tests.installation import Installation
from fleet_server.tests.played_agent import PlayedAgent

MODEM = "ops::00256D-MODEM-00000001"
STB = "ops::00256D-STB-00000003"
QUIET_S = 0.5
ANSWER_S = 10.0


class Probe:
    """A bare client; `received` holds what the broker delivered to it."""

    def __init__(
        self,
        installation: Installation,
        certificate: tuple[Path, Path] | None,
        client_id: str = "",
    ) -> None:
        self.received: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._admitted: queue.Queue[bool] = queue.Queue()
        self._subscribed: queue.Queue[None] = queue.Queue()
        self._port = installation.config.mqtt_port
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv5)
        context = ssl.create_default_context(cafile=str(installation.pki.root))
        if certificate is not None:
            context.load_cert_chain(*certificate)
        self._client.tls_set_context(context)
        self._client.on_connect = lambda _c, _d, _f, code, _p: self._admitted.put(
            not code.is_failure
        )
        self._client.on_disconnect = lambda *_: self._admitted.put(False)
        self._client.on_subscribe = lambda *_: self._subscribed.put(None)
        self._client.on_message = lambda _c, _d, m: self.received.put((m.topic, bytes(m.payload)))

    def admitted(self, session_expiry_s: int = 0) -> bool:
        """Whether the broker lets this client in."""
        session = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho
        session.SessionExpiryInterval = session_expiry_s
        try:
            self._client.connect(
                "localhost", self._port, clean_start=not session_expiry_s, properties=session
            )
        except (OSError, ssl.SSLError):
            return False
        self._client.loop_start()
        try:
            return self._admitted.get(timeout=ANSWER_S)
        except queue.Empty:
            return False

    def ended(self) -> bool:
        """Whether the broker ends this client's connection."""
        try:
            return not self._admitted.get(timeout=ANSWER_S)
        except queue.Empty:
            return False

    def subscribe(self, topic_filter: str) -> None:
        self._client.subscribe(topic_filter, qos=1)
        self._subscribed.get(timeout=ANSWER_S)

    def publish(self, topic: str, payload: bytes) -> None:
        self._client.publish(topic, payload, qos=1).wait_for_publish(ANSWER_S)

    def next(self, timeout_s: float = ANSWER_S) -> tuple[str, bytes] | None:
        try:
            return self.received.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def probe(installation: Installation) -> Callable[[str], Probe]:
    def make(common_name: str) -> Probe:
        made = Probe(installation, installation.client_certificate(common_name))
        assert made.admitted()
        return made

    installation.start_broker()
    return make


def controller(installation: Installation) -> Probe:
    pki = installation.pki
    made = Probe(installation, (pki.certificate("controller"), pki.key("controller")))
    assert made.admitted()
    return made


def test_a_client_without_a_certificate_is_kept_out(installation: Installation) -> None:
    installation.start_broker()
    assert not Probe(installation, None).admitted()


def test_a_certificate_of_an_unknown_ca_is_kept_out(
    installation: Installation, tmp_path: Path
) -> None:
    installation.start_broker()
    now = datetime.now(UTC)
    stranger = Pki(tmp_path / "stranger")
    make_pki(stranger, "localhost", "fqdn::stranger.test", now)
    certificate = make_client(stranger, tmp_path / "modem", MODEM, now)
    assert not Probe(installation, certificate).admitted()


def test_an_expired_certificate_is_kept_out(installation: Installation, tmp_path: Path) -> None:
    installation.start_broker()
    long_ago = datetime.now(UTC) - timedelta(days=30 * 366)
    certificate = make_client(installation.pki, tmp_path / "modem", MODEM, long_ago)
    assert not Probe(installation, certificate).admitted()


def test_a_revoked_certificate_is_kept_out(installation: Installation) -> None:
    certificate, key = installation.client_certificate(MODEM)
    serial_number = f"{read_certificate(certificate).serial_number:x}"
    write_revocations(installation.pki, [serial_number], datetime.now(UTC))
    installation.start_broker()
    assert not Probe(installation, (certificate, key)).admitted()
    assert Probe(installation, installation.client_certificate(STB)).admitted()


def test_a_fenced_unit_is_thrown_out_and_cannot_come_back(installation: Installation) -> None:
    certificate, key = installation.client_certificate(MODEM)
    installation.start_broker()
    unit = Probe(installation, (certificate, key), MODEM)
    assert unit.admitted()
    other = Probe(installation, installation.client_certificate(STB), STB)
    assert other.admitted()
    serial_number = f"{read_certificate(certificate).serial_number:x}"
    write_revocations(installation.pki, [serial_number], datetime.now(UTC))
    installation.reload_broker()
    unit.subscribe(f"usp/a/{MODEM}")  # a revocation list alone leaves it connected
    end_session(broker.address(installation.config), installation.pki, MODEM)
    assert unit.ended()
    unit.close()
    assert not Probe(installation, (certificate, key), MODEM).admitted()
    other.subscribe(f"usp/a/{STB}")


def test_a_broker_that_reads_its_list_anew_outlives_the_sessions_of_who_is_away(
    installation: Installation,
) -> None:
    """mosquitto 2.0.11 dies of sessions that would have expired some day."""
    installation.start_broker()
    names = [f"ops::00256D-MODEM-{number:08}" for number in range(8)]
    for _ in range(3):
        for name in names:
            unit = Probe(installation, installation.client_certificate(name), name)
            assert unit.admitted(NEVER_EXPIRES)
            unit.close()
        write_revocations(installation.pki, [], datetime.now(UTC))
        installation.reload_broker()
        for name in names[::2]:
            end_session(broker.address(installation.config), installation.pki, name)
    assert installation.broker_process is not None
    installation.broker_process.terminate()
    assert installation.broker_process.wait(ANSWER_S) == 0


def test_a_certificate_with_another_key_is_kept_out(
    installation: Installation, tmp_path: Path
) -> None:
    installation.start_broker()
    certificate, _ = installation.client_certificate(MODEM)
    write_certificate(tmp_path / "modem.pem", read_certificate(certificate))
    write_key(tmp_path / "modem.key", new_key())
    with pytest.raises(ssl.SSLError):
        Probe(installation, (tmp_path / "modem.pem", tmp_path / "modem.key"))


def test_a_device_writes_under_its_own_name(
    installation: Installation, probe: Callable[[str], Probe]
) -> None:
    device, server = probe(MODEM), controller(installation)
    server.subscribe("usp/c/fqdn::fleet.test/+")
    device.publish(f"usp/c/fqdn::fleet.test/{MODEM}", b"mine")
    assert server.next() == (f"usp/c/fqdn::fleet.test/{MODEM}", b"mine")


def test_a_device_with_anothers_certificate_cannot_write_as_itself(
    installation: Installation, probe: Callable[[str], Probe]
) -> None:
    device, server = probe(STB), controller(installation)
    server.subscribe("usp/c/fqdn::fleet.test/+")
    device.publish(f"usp/c/fqdn::fleet.test/{MODEM}", b"forged")
    device.publish(f"usp/c/fqdn::fleet.test/{STB}", b"own")
    assert server.next() == (f"usp/c/fqdn::fleet.test/{STB}", b"own")
    assert server.next(QUIET_S) is None


def test_a_device_cannot_command_another(
    installation: Installation, probe: Callable[[str], Probe]
) -> None:
    target, attacker = probe(MODEM), probe(STB)
    target.subscribe(f"usp/a/{MODEM}")
    attacker.publish(f"usp/a/{MODEM}", b"forged")
    assert target.next(QUIET_S) is None
    server = controller(installation)
    server.publish(f"usp/a/{MODEM}", b"real")
    assert target.next() == (f"usp/a/{MODEM}", b"real")


@pytest.mark.parametrize("topic_filter", [f"usp/a/{MODEM}", "usp/a/+", "usp/#", "#"])
def test_a_device_reads_nothing_that_is_for_another(
    topic_filter: str, installation: Installation, probe: Callable[[str], Probe]
) -> None:
    spy, server = probe(STB), controller(installation)
    spy.subscribe(topic_filter)
    server.publish(f"usp/a/{MODEM}", b"secret")
    if topic_filter != f"usp/a/{MODEM}":
        server.publish(f"usp/a/{STB}", b"own")
        assert spy.next() == (f"usp/a/{STB}", b"own")
    assert spy.next(QUIET_S) is None


def test_a_device_does_not_hear_what_others_tell_the_controller(
    probe: Callable[[str], Probe],
) -> None:
    spy, device = probe(STB), probe(MODEM)
    spy.subscribe(f"usp/c/fqdn::fleet.test/{MODEM}")
    device.publish(f"usp/c/fqdn::fleet.test/{MODEM}", b"private")
    assert spy.next(QUIET_S) is None


@pytest.mark.parametrize("client_id", ["fqdn::fleet.test", "controller", "engineer"])
def test_a_device_cannot_take_over_the_controllers_session(
    client_id: str, installation: Installation, play: Callable[[str], PlayedAgent]
) -> None:
    installation.start_broker()
    installation.start_controller()
    thief = Probe(installation, installation.client_certificate(STB), client_id)
    assert thief.admitted()
    agent = play(MODEM)
    agent.start()
    agent.journal_event("j-0a1b2c3d-1", agent.event("j-0a1b2c3d-1", "Device.", "Boot!", {}))
    agent.settle(ANSWER_S)
    assert "closed the connection" not in installation.log.read_text()
    thief.close()


def test_the_controller_keeps_its_client_identifier(installation: Installation) -> None:
    assert session_client_id(installation.pki) == session_client_id(installation.pki)
    assert installation.config.controller_id not in session_client_id(installation.pki)


def test_tls_below_1_2_and_listening_beyond_loopback_are_not_on_offer(
    installation: Installation,
) -> None:
    text = broker.write_configuration(installation.config).read_text()
    assert "tls_version tlsv1.2\n" in text
    assert f"listener {installation.config.mqtt_port} 127.0.0.1\n" in text
    assert "require_certificate true\n" in text
    assert "allow_anonymous false\n" in text


def test_the_brokers_certificate_names_where_it_is_reached(installation: Installation) -> None:
    certificate = read_certificate(installation.pki.certificate("broker"))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["127.0.0.1"]
