"""Runs every shared agent test file on the MicroPython VM as well."""

import pytest

from agent.tests import run_micropython


@pytest.mark.skipif(run_micropython.virtual_machine() is None, reason="no MicroPython VM here")
@pytest.mark.parametrize("path", run_micropython.shared_test_files(), ids=lambda path: path.stem)
def test_the_same_file_passes_on_micropython(path):
    passed, failed, output = run_micropython.run_file(path)
    assert failed == 0, output
    assert passed > 0, f"{path} holds no test function"
