"""Parts of the agent that are in memory only while they work.

On a board code lies on the heap. What a request, a command or the start needs is loaded for it and
forgotten with the last reference to it; on CPython it simply stays.
"""

import gc
import sys

from agent.compat import MICROPYTHON


def part(name: str):
    """The module agent.core.<name>, or agent.<name> if it has a dot, loaded for this use only."""
    if MICROPYTHON:
        gc.collect()  # code goes into the lowest holes, and leaves no new ones
    full = ("agent." if "." in name else "agent.core.") + name
    module = __import__(full, None, None, ("*",))
    forget(full)
    return module


def forget(*names: str) -> None:
    """Let go of modules by full name; whoever holds something of one keeps that one alive."""
    if not MICROPYTHON:
        return
    for full in names:
        if full in sys.modules:
            del sys.modules[full]
            package, name = full.rsplit(".", 1)
            if hasattr(sys.modules[package], name):
                delattr(sys.modules[package], name)
