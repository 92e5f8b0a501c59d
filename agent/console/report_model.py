"""Reports that are parameters of the model, read as a controller would."""

from agent.wire.levels import BAD, GOOD


def parameters(agent, wanted):
    """Yield the rows (key, 0, value, verdict) of `wanted`: (key, path, the good value or "").

    What the device does not have, or does not know yet, is left out.
    """
    if agent.model is None:
        return
    for key, path, good in wanted:
        value = agent.model.text("Device." + path)
        if value:
            verdict = (GOOD if value == good else BAD) if good else ""
            yield key, 0, value, verdict
