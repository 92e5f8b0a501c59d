"""Device.Services.STBService.: tuner, HDMI, conditional access and the stream of a set-top box.

One of each. DVB-C has no object of its own in TR-135: the front end carries X_IPKO-COM_DVBC, with
power in tenths of dBmV, SNR in tenths of dB, and bit errors in 10^9 bits.
"""

from agent.wire.stream import stream_fault

# Where a path ends: (subject of the facts, keys in the order of the table).
_OBJECTS = (
    (
        "X_IPKO-COM_DVBC.",
        "tuner",
        "locked,frequency_khz,symbol_rate,modulation,power,snr,pre_ber,post_ber",
    ),
    ("DisplayDevice.", "hdmi", "?display,display"),
    ("HDMI.{i}.", "hdmi", "-,-,-,-,resolution"),
    (
        "MPEG2TSStats.",
        "stream",
        "packets,sync_byte_errors,sync_losses,discontinuities,discontinuities_before_ca",
    ),
    ("MainStream.{i}.", "stream", "-,-,!active"),
    ("FrontEnd.{i}.", "tuner", "-,-,-,-"),
)


# What is there once in the one service: (end of its path, parameters, all of them defaults).
_SINGLE = (("STBService.{i}.", 2), ("Components.", 3), ("ServiceMonitoring.", 1))


def rows(device, path):
    """One row, where the hardware knows of such a thing."""
    for end, count in _SINGLE:
        if path.endswith(end):
            row = [(1,)]
            row.extend([None] * count)
            yield row
            return
    row = [(1, 1)]
    if path.endswith("CA.{i}."):
        if device.board.card_present() is not None:
            row.extend((None, None, None, None, None))
            yield row
        return
    for end, subject, keys in _OBJECTS:
        if path.endswith(end):
            facts = device.facts(subject)
            if facts is not None:
                row.extend([_text(facts, key) for key in keys.split(",")])
                if end == "MPEG2TSStats.":
                    row.append(_fault(facts))
                yield row
            return


def _fault(facts):
    """What the counts since the start of the box say."""
    total = facts["discontinuities"]
    before = facts["discontinuities_before_ca"]
    return stream_fault(facts["packets"], total, before, facts["sync_losses"])


def _text(facts, key):
    if key == "-":
        return None
    if key[0] == "?":
        return "Present" if facts.get(key[1:]) else "None"
    if key[0] == "!":
        return "Enabled" if facts.get(key[1:]) else "Disabled"
    value = facts.get(key)
    if value is True or value is False:
        return "true" if value else "false"
    return None if value is None else str(value)
