"""What the agent needs of a smart card's contacts: the card as a whole, or the bare line to it.

A board whose card another program drives (a conditional access library that keeps the card to
itself) has no CardPort: it tells what that program knows by `facts("card")`.
"""


class CardPort:
    """One card slot. One caller at a time; whether a card is in it is `Board.card_present()`."""

    async def reset(self):
        """Cold reset; give the answer to reset, bytes in the direct convention, not yet checked.

        Raises CardError: "mute" when nothing comes in time, "absent" without a card.
        """
        raise NotImplementedError

    async def exchange(self, apdu):
        """The card's response to a short APDU: its data, then SW1 and SW2.

        Raises CardError: "mute", "malformed", "absent", "protocol" when the card speaks none that
        this port does.
        """
        raise NotImplementedError

    def release(self):
        """Let go of the card until the next reset, so that another program may use it."""


class CardLine:
    """The contacts of a slot behind a UART: I/O is one wire, so what is written is heard too.

    `clock_hz` is the clock at the card's CLK, 1 to 5 MHz.
    """

    clock_hz = 3571200
    max_baud = 115200  # a card that offers more is left at the speed it began with

    def activate(self, baud):
        """Power, clock, I/O at `baud` with 8 bits, even parity and 2 stop bits, then RST high."""
        raise NotImplementedError

    def set_speed(self, baud, odd):
        """Go on with this speed, and odd parity for the inverse convention."""
        raise NotImplementedError

    def deactivate(self):
        """RST, CLK and I/O low, then power off."""
        raise NotImplementedError

    def write(self, data):
        """Send all of it; does not wait until it has left."""
        raise NotImplementedError

    def read(self):
        """The next byte heard, a number, or None while there is none."""
        raise NotImplementedError
