"""The self test: storage gives back what it was given, and there is memory to work with."""

import gc

from agent.compat import const, memory_bytes
from agent.errors import StorageError

_FREE_BYTES = const(4096)
_BLOB = "self_test"


def faults(store, random):
    """Yield step by step None, or (what failed, how)."""
    word = random(8)
    try:
        store.save(_BLOB, word)
        yield None
        if store.load(_BLOB) != word:
            yield "storage", "wrong data"
        store.remove(_BLOB)
    except StorageError:
        yield "storage", "failed"
    yield None
    gc.collect()
    if memory_bytes()[1] < _FREE_BYTES:
        yield "memory", "short"
