"""Device.DeviceInfo.ProcessFaults.: what the agent ended of, as kept by faults.py."""

from agent.core.faults import MAX_FAULTS
from agent.core.parts import part


def rows(device, path):
    """The rows of the object, or of its table."""
    module = part("faults")
    _, count, faults = module.load(device.store)
    if path.endswith("Faults."):
        before = [1 for fault in faults if fault[5] == device.clock.boot_count - 1]
        yield [(), str(count), str(len(before)), str(MAX_FAULTS), None]
        return
    for number, moment, version, reason, trace, _ in faults:
        row = [(number,), "cpe-%d" % number, None, module.location_of(trace)]
        row.extend((device.clock.moment_text(moment), version, reason, trace))
        yield row
