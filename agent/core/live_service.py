"""Device.X_IPKO-COM_Service.: the state of the service and the allow-list in force."""

from agent.core.events import date_time
from agent.core.parts import part


def rows(device, path):
    """The one row, from what is kept and what filter and network say."""
    service = part("service")
    kept = service.load(device.store)
    if path.endswith("Television."):
        status, reason, network = part("television").status(device, kept)
        yield [(), status, reason, network, kept["networks"]]
        return
    listed = service.load_list(device.store)
    ends = [group[1] for group in listed["hosts"]]
    yield [
        (),
        kept["profile"],
        kept["state"],
        kept["reason"],
        kept["since"],
        str(listed["ver"]),
        date_time(max(ends) * 1000) if ends else None,
        str(len(service.open_hosts(listed["hosts"], service.unix_s(device)))),
        kept["numbers"],
        _filter_status(device.board.filter),
    ]


def _filter_status(guard):
    if not guard:
        return "None"
    return "Error" if guard.failure else "Enforced"
