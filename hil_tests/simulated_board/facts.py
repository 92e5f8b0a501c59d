"""What the hardware of a simulated board reports when it starts: made-up, plausible values.

Subjects and keys stand in docs/developer/board-facts.md.
"""

from typing import Any

from hil_tests.simulated_board.spec import BoardSpec

_ALL: dict[str, dict[str, Any]] = {
    "cpu": {"usage_percent": 12},
    "ping": {"address": "192.0.2.1", "answer_us": 11400},
    "rails": {"rails": [["core", 1200, 310], ["io", 3290, -1]]},
    "temperatures": {"sensors": [["soc", 51], ["tuner", 44]]},
    "traffic": {"rx_bytes": 0, "tx_bytes": 0},
}
_CHANNELS = 24
_DOCSIS: dict[str, Any] = {
    "status": "Operational",
    "version": "30",
    "downstream": [
        [n + 1, 570_000_000 + 8_000_000 * n, 8_000_000, "QAM256", 25 - n, 385 - n, 10**9, 40 * n, 0]
        for n in range(_CHANNELS)
    ],
    "upstream": [
        [n + 1, 30_800_000 + 6_400_000 * n, 6_400_000, "ATDMA", 440 + 3 * n, 0, 0, "Success"]
        for n in range(4)
    ],
    "resets": 1,
    "lost_syncs": 0,
    "t1_timeouts": 0,
    "t2_timeouts": 0,
    "mac": "02:00:5E:00:53:01",
    "cmts_mac": "02:00:5E:00:53:FF",
    "firmware": "made-up 1.0",
    "ip_provisioning": "DualStack",
    "stats": {
        "bytes_sent": 1_200_000,
        "bytes_received": 48_000_000,
        "packets_sent": 9_000,
        "packets_received": 41_000,
        "errors_sent": 0,
        "errors_received": 2,
        "discards_sent": 0,
        "discards_received": 0,
    },
}
_VOICE: dict[str, Any] = {
    "registration": "Up",
    "fxs": "Up",
    "off_hook": False,
    "call": "Idle",
    "dialled": "",
    "incoming": [3, 2, 1, 0, 240],
    "outgoing": [5, 4, 1, 0, 600],
    "failing_tests": [],
}
BATTERY: dict[str, Any] = {
    "present": True,
    "on_battery": False,
    "charging": False,
    "charge_percent": 100,
    "voltage_mv": 8300,
    "temperature_c": 31,
    "runtime_s": 14400,
    "cycles": 12,
    "replace": False,
}
"""A battery as it is fitted: full. No board has a place for one until `bench battery fit`."""

_OF_CLASS: dict[str, dict[str, dict[str, Any]]] = {
    "MODEM": {"docsis": _DOCSIS},
    "VOICEMODEM": {"docsis": _DOCSIS, "voice": _VOICE},
    "STB": {
        "network": {"address": "10.64.0.30", "provider": "cable.example"},
        "card": {"descrambling": False, "failed": 0, "failed_no_key": 0, "last_emm": 0},
        "tuner": {
            "frequency_khz": 522_000,
            "symbol_rate": 6_900_000,
            "modulation": "QAM256",
            "power": 35,
            "snr": 362,
            "pre_ber": 120,
            "post_ber": 0,
            "locked": True,
        },
        "hdmi": {"resolution": "1920x1080p/50", "display": "TV-EXAMPLE"},
        "stream": {
            "active": True,
            "packets": 0,
            "sync_byte_errors": 0,
            "sync_losses": 0,
            "discontinuities": 0,
            "discontinuities_before_ca": 0,
        },
    },
}


ROUTERS = ("MODEM", "VOICEMODEM")


def _router(spec: BoardSpec) -> dict[str, Any]:
    """What the customer set on a router before anybody looked: a network with a made-up name."""
    network = {"ssid": f"Home {spec.serial_number}", "passphrase": "made-up passphrase"}
    return {"wifi": [network], "bridge": False, "address": None}


def first_facts(spec: BoardSpec) -> dict[str, dict[str, Any]]:
    """The facts of the board's product class, with those the spec changes."""
    facts = {**_ALL, **_OF_CLASS.get(spec.product_class, {})}
    if spec.product_class in ROUTERS:
        facts["settings"] = _router(spec)
    return {
        subject: {**facts.get(subject, {}), **spec.facts.get(subject, {})}
        for subject in sorted({*facts, *spec.facts})
    }
