"""An ESP32 as a board (ESP32-WROOM-32, 4 MB flash). Wiring: docs/developer/board-wiring.md.

Never run on a real board; checked against the stubs of MicroPython 1.29 for this chip.

A reset by machine.reset() cannot be told from one by the button or a panic (all are HARD_RESET): a
mark in the memory of the RTC, which outlives resets but not the power, tells it. A brown-out reset
reads as power on. Source: MicroPython, ports/esp32/modmachine.c, mp_machine_reset_cause.
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

_SUPPLY_ADC = 34  # ADC1: ADC2 does not work beside Wi-Fi
_POWER_FAIL = 35
_CONSOLE = (1, 115200, 17, 16)  # UART, baud, TX, RX
_CARD_UART = (2, 25, 26)  # UART, TX, RX
_CARD_CLOCK, _CARD_RESET, _CARD_POWER, _CARD_SWITCH = 27, 32, 33, 4
_PHY = (23, 18, 0)  # LAN8720: MDC, MDIO, address
_WATCHDOG_MS = 30000
_TICK_MS = 5000
_MARK = b"agent restarts"
_CAUSES = {
    machine.PWRON_RESET: codes.RESET_POWER_ON,
    machine.WDT_RESET: codes.RESET_WATCHDOG,
    machine.SOFT_RESET: codes.RESET_COMMANDED,
}


def start(run):
    """Build the board and run its agent by agent.main.run; called by /main.py."""
    factory = read_factory()
    board = make_board(factory)
    timeout = machine.WDT(timeout=_WATCHDOG_MS)
    watchdog = Watchdog(timeout.feed)
    timer = machine.Timer(0)
    timer.init(period=_TICK_MS, mode=machine.Timer.PERIODIC, callback=watchdog.tick)
    try:
        asyncio.run(run_board(run, board, watchdog))
    finally:
        machine.reset()


def make_board(factory):
    """The board with its pins."""
    memory = machine.RTC()
    marked = memory.memory() == _MARK
    memory.memory(b"")

    def reset():
        memory.memory(_MARK)
        machine.reset()

    microvolts = None
    if "supply" in factory:
        microvolts = machine.ADC(machine.Pin(_SUPPLY_ADC), atten=machine.ADC.ATTN_11DB).read_uv
    number, baud, tx, rx = _CONSOLE
    uart = machine.UART(number, baudrate=baud, tx=tx, rx=rx, rxbuf=4096, txbuf=4096, timeout=0)
    cause = cause_of(machine.reset_cause(), _CAUSES, marked)
    interface = _interface(factory["network"])
    board = Microcontroller(factory, cause, microvolts, uart, interface, reset)
    board.rtc = memory
    pin = machine.Pin(_POWER_FAIL, machine.Pin.IN)  # 34 to 39 have no pull-up of their own
    board.watch_power(pin, machine.Pin.IRQ_FALLING, asyncio.ThreadSafeFlag())
    if board.product_class == "STB":
        switch = machine.Pin(_CARD_SWITCH, machine.Pin.IN, machine.Pin.PULL_UP)
        both = machine.Pin.IRQ_FALLING | machine.Pin.IRQ_RISING
        board.watch_card(switch, both, asyncio.ThreadSafeFlag(), _card_line)
    return board


def _interface(settings):
    if settings["kind"] == "wlan":
        return connect_wlan(network.WLAN(network.STA_IF), settings)
    mdc, mdio, address = _PHY
    wiring = {"mdc": machine.Pin(mdc), "mdio": machine.Pin(mdio), "phy_addr": address}
    wiring.update(power=None, phy_type=network.PHY_LAN8720)
    lan = network.LAN(**wiring)
    lan.active(True)
    return lan


def _card_line():
    number, tx, rx = _CARD_UART
    return PinCardLine(
        machine.UART(number, baudrate=9600, tx=tx, rx=rx),
        machine.PWM(machine.Pin(_CARD_CLOCK), freq=3571200, duty_u16=0),
        machine.Pin(_CARD_POWER, machine.Pin.OUT, value=0),
        machine.Pin(_CARD_RESET, machine.Pin.OUT, value=0),
    )
