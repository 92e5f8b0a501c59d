"""The console in English."""

TEXTS = {
    "help": (
        "status    how the device is\n"
        "levels    signal levels, each with pass or fail\n"
        "events    what happened last\n"
        "test      the device tests itself\n"
        "language  %s\n"
        "help      these words\n"
        "For everything else use firmware-tools."
    ),
    "language": "Language: %s. There are: %s.",
    "unknown": "Unknown word. Type help.",
    "closed": "This unit is in service. Open it with a token from the fleet server first.",
    "nothing": "nothing to show",
    "pass": "pass",
    "fail": "FAIL",
    "waiting": "not delivered yet",
    "delivered": "",
    "endpoint_id": "Device",
    "state": "State",
    "blank": "blank, not in service",
    "keyed": "has a key, waits for its certificate",
    "provisioned": "in service",
    "link": "Connection",
    "down": "none",
    "connecting": "connecting",
    "online": "online",
    "since_s": "since, seconds",
    "error": "Last error",
    "journal_pending": "Events not delivered yet",
    "clock": "Clock",
    "supply_v": "Supply, V",
    "cable_status": "Cable",
    "downstream": "Downstream",
    "downstream_power_dbmv": "dBmV",
    "downstream_snr_db": "dB SNR",
    "upstream": "Upstream",
    "upstream_power_dbmv": "dBmV",
    "storage": "Storage",
    "memory": "Memory",
    "Boot!": "started",
    "PowerLoss!": "power failed",
    "PowerRestored!": "power came back",
    "Dip!": "supply dipped",
    "Swell!": "supply too high",
    "Transient!": "surge",
}
