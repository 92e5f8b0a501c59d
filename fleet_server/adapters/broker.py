"""Everything that is particular to the broker: mosquitto, its configuration and who may do what.

- Only clients with a certificate of the fleet get in; the certificate's CN is the user name.
- A device may write under its own name and read what is for it, and nothing else.
- mosquitto answers a SUBSCRIBE for a topic the client may not read as if it were granted, and then
  delivers nothing. A revocation list stops new connections only.
- Its memory is a convenience. It is saved as it changes, but a crash may lose the newest of it;
  device and controller keep what is not confirmed end to end.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path

from fleet_server.adapters.broker_link import LONGEST_PACKET, RECEIVE_MAXIMUM, Address
from fleet_server.adapters.certificates import ENGINEER, Pki
from fleet_server.adapters.x509_files import write_private
from fleet_server.config import Config

# The last level of the topics on which devices answer the dispatcher.
COMMAND_ANSWERS = "cmd"
_MAX_QUEUED_MESSAGES = 100_000
_MAX_KEEP_ALIVE_S = 300
_SAVE_AFTER_CHANGES = 1_000


def address(config: Config) -> Address:
    """How processes on this machine reach the broker."""
    return Address(config.bind, config.mqtt_port, "localhost")


def write_configuration(config: Config) -> Path:
    """Write configuration and access rules; gives the file to start mosquitto with."""
    folder = config.state / "broker"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    access = folder / "access.acl"
    write_private(access, access_rules(config.controller_id).encode())
    path = folder / "mosquitto.conf"
    write_private(path, configuration(config, folder, access).encode())
    return path


def command(mosquitto: Path, configuration_path: Path) -> list[str]:
    """The command line that runs the broker in the foreground."""
    return [str(mosquitto), "-c", str(configuration_path)]


def configuration(config: Config, folder: Path, access: Path) -> str:
    """The text of `mosquitto.conf`. Source: mosquitto.conf(5) of 2.0.11."""
    pki = Pki(config.pki)
    lines = (
        "per_listener_settings false",
        "allow_anonymous false",
        f"user {pwd.getpwuid(os.geteuid()).pw_name}",
        f"acl_file {access}",
        "persistence true",
        f"persistence_location {folder}/",
        "autosave_on_changes true",
        f"autosave_interval {_SAVE_AFTER_CHANGES}",
        f"max_inflight_messages {RECEIVE_MAXIMUM}",
        f"max_queued_messages {_MAX_QUEUED_MESSAGES}",
        f"max_packet_size {LONGEST_PACKET}",
        f"max_keepalive {_MAX_KEEP_ALIVE_S}",
        "set_tcp_nodelay true",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "connection_messages false",
        f"listener {config.mqtt_port} {config.bind}",
        f"cafile {pki.trust}",
        f"certfile {pki.certificate('broker')}",
        f"keyfile {pki.key('broker')}",
        f"crlfile {pki.revoked}",
        "require_certificate true",
        "use_identity_as_username true",
        "tls_version tlsv1.2",
    )
    return "".join(line + "\n" for line in lines)


def access_rules(controller_id: str) -> str:
    """Who may read and write which topics; `%u` is the CN of the client's certificate."""
    lines = (
        f"pattern write usp/c/{controller_id}/%u",
        f"pattern write usp/c/{controller_id}/%u/#",
        "pattern read usp/a/%u",
        "pattern read usp/a/%u/#",
        f"user {controller_id}",
        f"topic read usp/c/{controller_id}/+",
        f"topic read usp/c/{controller_id}/+/{COMMAND_ANSWERS}",
        "topic write usp/a/#",
        f"user {ENGINEER}",
        "topic read usp/#",
        "topic write usp/a/#",
    )
    return "".join(line + "\n" for line in lines)
