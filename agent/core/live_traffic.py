"""Device.IP.Interface.: the side towards the network, with what the customer sent and received."""


def rows(model, path):
    """The one interface, where the board counts traffic."""
    traffic = model.facts("traffic")
    if traffic is None:
        return
    row = [(1,)]
    if path.endswith("Stats."):
        row.extend((str(traffic["tx_bytes"]), str(traffic["rx_bytes"])))
    else:
        row.extend((None, None, None, None))
    yield row
