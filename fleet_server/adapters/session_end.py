"""Ends the live session of a device: the broker gives a session to whoever names it last.

A revocation list stops new connections only, so a fenced unit would stay connected. The controller
connects once with the unit's Client Identifier, which throws the unit out, and leaves no session
behind. Source: MQTT 5.0, 3.1.4-3 and 3.1.2.11.2.
"""

from __future__ import annotations

import queue

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from fleet_server.adapters.broker_link import Address
from fleet_server.adapters.certificates import Pki
from fleet_server.adapters.usp_client import client_tls
from fleet_server.errors import LinkError

_TIMEOUT_S = 10.0


def end_session(address: Address, pki: Pki, client_id: str) -> None:
    """Throw out whoever holds the session of this Client Identifier; nobody may.

    Raises LinkError when the broker cannot be reached or does not answer.
    """
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id, protocol=paho.MQTTv5)
    client.tls_set_context(client_tls(pki))
    answers: queue.Queue[bool] = queue.Queue()

    def on_connect(
        _client: object, _data: object, _flags: object, code: ReasonCode, _: object
    ) -> None:
        answers.put(not code.is_failure)

    client.on_connect = on_connect
    expiry = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    expiry.SessionExpiryInterval = 0
    try:
        client.connect(address.server_name, address.port, clean_start=True, properties=expiry)
    except OSError as error:
        raise LinkError(f"The broker cannot be reached: {error}.") from error
    client.loop_start()
    try:
        if not answers.get(timeout=_TIMEOUT_S):
            raise LinkError("The broker refuses the engineer's certificate.")
    except queue.Empty:
        raise LinkError("The broker does not answer.") from None
    finally:
        client.disconnect()
        client.loop_stop()
