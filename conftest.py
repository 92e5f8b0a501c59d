"""What holds for every test of the project."""

import gc

import hypothesis  # noqa: F401 - looks for who refers to what, which must not be frozen yet
import pytest


@pytest.fixture(autouse=True, scope="module")
def _small_heap() -> None:
    """Spare the collections that agent and tests ask for what was there before the module.

    A worker holds millions of objects in the end; each of thousands of collections would look
    through all of them.
    """
    gc.collect()
    gc.freeze()
