"""A look at the power-fail pin from inside work that takes long and cannot give way.

Checking a signature, or measuring a long answer, runs to its end before another task does. Such
work calls `breathe` now and then, at points where nothing is half done that a gasp needs: no event
is being journalled, and no packet is half-way on the wire unless send_now() completes it.
"""

_look = [None]


def on_breath(look) -> None:
    """Have `look()` called with each breath; None for nobody."""
    _look[0] = look


def breathe() -> None:
    """Others may look now."""
    look = _look[0]
    if look:
        look()
