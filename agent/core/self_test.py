"""The self test: storage gives back what it was given, and there is memory to work with."""

import gc

from agent.compat import const, memory_bytes
from agent.errors import StorageError

_FREE_BYTES = const(4096)


def faults(store, random, blob: str):
    """Yield step by step None, or (what failed, how). `blob` is what is kept for a moment: whoever
    tests has a name of its own, because another may be half-way through."""
    word = random(8)
    try:
        store.save(blob, word)
        yield None
        if store.load(blob) != word:
            yield "storage", "wrong data"
        store.remove(blob)
    except StorageError:
        yield "storage", "failed"
    yield None
    gc.collect()
    if memory_bytes()[1] < _FREE_BYTES:
        yield "memory", "short"
