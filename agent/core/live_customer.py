"""What the customer set on the box, as TR-181 has it: Wi-Fi, bridge mode, static address.

Read only: the customer sets it on the box, and a replacement carries it over. A passphrase reads as
empty. Source: TR-181, Device.WiFi., Device.Bridging., Device.IP.Interface.{i}.IPv4Address.
"""

from agent.core.parts import part


def rows(device, path):
    """The rows of one of these objects; none where the box has no such settings."""
    if not device.board.customer:
        return
    try:
        found = part("customer_settings").settings(device)
    except OSError:
        return
    if path.endswith("Bridge.{i}."):
        yield [(1,), None, "true" if found["bridge"] else "false"]
    elif path.endswith("IPv4Address.{i}."):
        address = found["address"]
        if address:
            yield [(1, 1), None, address["ip"], address["mask"], None]
    else:
        yield from _wifi(found["wifi"], path)


def _wifi(networks, path):
    number = 0
    for network in networks:
        number += 1
        if path.endswith("SSID.{i}."):
            yield [(number,), "cpe-%d" % number, None, network["ssid"]]
        elif path.endswith("Security."):
            mode = "WPA2-Personal" if network["passphrase"] else "None"
            yield [(number,), mode, None]
        else:
            yield [(number,), "cpe-%d" % number, None, "Device.WiFi.SSID.%d" % number]
