"""Parts of the agent that are in memory only while they work.

On a board code lies on the heap. What a request, a command or the start needs is loaded for it and
forgotten with the last reference to it; on CPython it simply stays.
"""

import sys

from agent.compat import MICROPYTHON


def part(name: str):
    """The module agent.core.<name>."""
    full = "agent.core." + name
    module = __import__(full, None, None, ("*",))
    if MICROPYTHON:
        del sys.modules[full]
        package = sys.modules["agent.core"]
        if hasattr(package, name):
            delattr(package, name)
    return module
