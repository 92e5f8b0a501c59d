"""An RP2040 with Wi-Fi as a board (Raspberry Pi Pico W). Wiring: docs/developer/board-wiring.md.

Never run on a real board; checked against the stubs of MicroPython 1.29 for this chip.

machine.reset() goes through the watchdog, so it cannot be told from the watchdog's own reset: a
mark in its first scratch register, which outlives resets but not the power, tells it. The RUN
button and a brown-out read as power on. Source: RP2040 datasheet, 4.7.6, SCRATCH0.
"""

import asyncio

import machine
import network

from agent.ports.card_pins import PinCardLine
from agent.ports.microcontroller import (
    Microcontroller,
    Watchdog,
    cause_of,
    connect_wlan,
    read_factory,
    run_board,
)
from agent.wire import codes

_SUPPLY_ADC = 26  # ADC0
_POWER_FAIL = 15
_CONSOLE = (0, 115200, 0, 1)  # UART, baud, TX, RX
_CARD_UART = (1, 4, 5)  # UART, TX, RX
_CARD_CLOCK, _CARD_RESET, _CARD_POWER, _CARD_SWITCH = 6, 7, 8, 9
_REFERENCE_UV = 3300000  # ADC_AVDD of a Pico, taken from its 3.3 V regulator
_WATCHDOG_MS = 8000  # the hardware's longest is 8,388
_TICK_MS = 2000
_SCRATCH0 = 0x4005800C
_MARK = 0x41474E54
_CAUSES = {
    machine.PWRON_RESET: codes.RESET_POWER_ON,
    machine.WDT_RESET: codes.RESET_WATCHDOG,
}


def start(run):
    """Build the board and run its agent by agent.main.run; called by /main.py."""
    factory = read_factory()
    board = make_board(factory)
    timeout = machine.WDT(timeout=_WATCHDOG_MS)
    watchdog = Watchdog(timeout.feed)
    timer = machine.Timer(-1)
    timer.init(period=_TICK_MS, mode=machine.Timer.PERIODIC, callback=watchdog.tick)
    try:
        asyncio.run(run_board(run, board, watchdog))
    finally:
        machine.reset()


def make_board(factory):
    """The board with its pins."""
    marked = machine.mem32[_SCRATCH0] == _MARK
    machine.mem32[_SCRATCH0] = 0

    def reset():
        machine.mem32[_SCRATCH0] = _MARK
        machine.reset()

    microvolts = _microvolts() if "supply" in factory else None
    number, baud, tx, rx = _CONSOLE
    uart = machine.UART(
        number,
        baudrate=baud,
        tx=machine.Pin(tx),
        rx=machine.Pin(rx),
        rxbuf=4096,
        txbuf=4096,
        timeout=0,
    )
    cause = cause_of(machine.reset_cause(), _CAUSES, marked)
    interface = connect_wlan(network.WLAN(network.STA_IF), factory["network"])
    board = Microcontroller(factory, cause, microvolts, uart, interface, reset)
    board.rtc = machine.RTC()
    pin = machine.Pin(_POWER_FAIL, machine.Pin.IN, machine.Pin.PULL_UP)
    board.watch_power(pin, machine.Pin.IRQ_FALLING, asyncio.ThreadSafeFlag())
    if board.product_class == "STB":
        switch = machine.Pin(_CARD_SWITCH, machine.Pin.IN, machine.Pin.PULL_UP)
        both = machine.Pin.IRQ_FALLING | machine.Pin.IRQ_RISING
        board.watch_card(switch, both, asyncio.ThreadSafeFlag(), _card_line)
    return board


def _microvolts():
    adc = machine.ADC(machine.Pin(_SUPPLY_ADC))
    return lambda: adc.read_u16() * _REFERENCE_UV // 65535


def _card_line():
    number, tx, rx = _CARD_UART
    return PinCardLine(
        machine.UART(number, baudrate=9600, tx=machine.Pin(tx), rx=machine.Pin(rx)),
        machine.PWM(machine.Pin(_CARD_CLOCK), freq=3571200, duty_u16=0),
        machine.Pin(_CARD_POWER, machine.Pin.OUT, value=0),
        machine.Pin(_CARD_RESET, machine.Pin.OUT, value=0),
    )
