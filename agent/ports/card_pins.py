"""The contacts of a card slot on a microcontroller: a UART, a PWM for the clock, three pins.

Everything is handed in, so that one source serves every port of MicroPython. TX and RX are tied to
the card's I/O, TX through an open-drain stage or a diode: ISO/IEC 7816-3, clause 5.
"""

from agent.compat import const, ticks_diff, ticks_ms
from agent.ports.card import CardLine

_STEADY_MS = const(2)  # the clock must run for 400 cycles, 0.1 ms, before RST goes high


class PinCardLine(CardLine):
    """`uart` is a machine.UART, `clock` a machine.PWM, `power` and `reset` are output pins."""

    def __init__(self, uart, clock, power, reset, clock_hz=3571200) -> None:
        self._uart = uart
        self._clock = clock
        self._power = power
        self._reset = reset
        self.clock_hz = clock_hz
        self._one = bytearray(1)

    def activate(self, baud):
        self._reset.value(0)
        self._power.value(1)
        self.set_speed(baud, False)
        self._clock.freq(self.clock_hz)
        self._clock.duty_u16(32768)
        began_ms = ticks_ms()
        while ticks_diff(ticks_ms(), began_ms) < _STEADY_MS or self.read() is not None:
            continue  # and forget what the contacts said while they were switched on
        self._reset.value(1)

    def set_speed(self, baud, odd):
        self._uart.init(baudrate=baud, bits=8, parity=1 if odd else 0, stop=2)

    def deactivate(self):
        self._reset.value(0)
        self._clock.duty_u16(0)
        self._power.value(0)

    def write(self, data):
        self._uart.write(data)

    def read(self):
        return self._one[0] if self._uart.readinto(self._one, 1) else None
