"""One simulated board, live: its machine, serial port, hardware bus, uplink and power switch."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from agent.wire import codes
from hil_tests.errors import BoardRefusedError
from hil_tests.simulated_board import flash_image
from hil_tests.simulated_board.card_slot import CardSlot
from hil_tests.simulated_board.customer import Customer
from hil_tests.simulated_board.facts import BATTERY, first_facts
from hil_tests.simulated_board.hardware_bus import HardwareBus
from hil_tests.simulated_board.machine import Machine
from hil_tests.simulated_board.records import ActionLog, ConsoleLog
from hil_tests.simulated_board.serial_port import SerialPort
from hil_tests.simulated_board.spec import BoardFolder, BoardSpec
from hil_tests.simulated_board.time_server import TimeServer
from hil_tests.simulated_board.uplink import Uplink
from hil_tests.waveforms import write_wave

_RESPAWN_S = 0.2
_RESPAWN_AFTER_CRASH_S = 1.0


class BoardSupervisor:
    """Acts on one board; every action is written down with the bench's time.

    A machine that ends by itself is started again: with exit code 0 as after a commanded restart,
    with any other as after a crash. Actions that are not possible raise BoardRefusedError.
    """

    def __init__(self, spec: BoardSpec, folder: BoardFolder) -> None:
        self.spec = spec
        self.folder = folder
        self._actions = ActionLog(folder.actions_log)
        self._console_log = ConsoleLog(folder.console_log)
        self._machine = Machine(spec, folder, self._say)
        self._port = SerialPort(folder, spec.vanishing_port, self._machine.type)
        self._uplink = Uplink()
        self._customer = Customer()
        takers: dict[str, Callable[[Any], None]] = {
            "rules": self._customer.take,
            "settings": self._take_settings,
            "show": self._take_show,
        }
        self._bus = HardwareBus(self._pins, self._flash_cut, takers)
        self._time_server = TimeServer(lambda: self._uplink.state == "plugged")
        self._ports = {"bus_port": 0, "uplink_port": 0, "card_port": 0, "time_port": 0}
        self._power_gone = asyncio.Event()
        self._power_gone.set()
        self._reset_cause = codes.RESET_POWER_ON
        self._flash_cut_at = spec.cut_at_flash_operation
        self._supply_mv = spec.supply_nominal_mv
        self._card = spec.card_inserted
        self._slot = CardSlot(spec.card_kind, spec.serial_number, bool(spec.card_inserted))
        self._facts = first_facts(spec)
        self._shown: str | None = None
        self._line_held = False
        self._boots = 0
        self._life: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Flash the agent where it is new, open the ports, switch the board on."""
        self._prepare_storage()
        if self.folder.router.exists():
            self._facts["settings"] = json.loads(self.folder.router.read_text("utf-8"))
        self._ports = {"bus_port": await self._bus.open(), "uplink_port": await self._uplink.open()}
        self._ports["time_port"] = await self._time_server.open()
        self._ports["card_port"] = 0 if self._card is None else await self._slot.open()
        await self._switch_on(codes.RESET_POWER_ON)

    async def close(self) -> None:
        """Take everything down; the board's state stays on disk."""
        await self._switch_off()
        self._uplink.close()
        await self._bus.close()
        await self._slot.close()
        self._time_server.close()
        await self._port.close()
        self._actions.note("end")
        self._actions.close()
        self._console_log.close()

    @property
    def _powered(self) -> bool:
        return not self._power_gone.is_set()

    def state(self) -> dict[str, Any]:
        return {
            "name": self.spec.name,
            "endpoint_id": self.spec.endpoint_id,
            "product_class": self.spec.product_class,
            "serial_number": self.spec.serial_number,
            "runtime": self._machine.runtime,
            "heap_bytes": self.spec.heap_bytes,
            "powered": self._powered,
            "pid": self._machine.pid,
            "boots": self._boots,
            "network": self._uplink.state,
            "bytes_from_board": self._uplink.bytes_from_board,
            "bytes_to_board": self._uplink.bytes_to_board,
            "supply_mv": self._supply_mv,
            "card": self._card,
            "card_kind": None if self._card is None else self._slot.kind,
            "time_questions": self._time_server.asked,
            "facts": self._facts,
            "rules": self._customer.rules,
            "shown": self._shown,
            "serial_port": str(self._port.path.absolute()),
        }

    async def power_cut(self, hold_up_ms: float) -> dict[str, Any]:
        if not self._powered:
            raise BoardRefusedError("is off already; restore its power first")
        if self._battery_takes_over():
            self.set_facts("battery", {"on_battery": True, "charging": False})
            return self._actions.note("power_cut", carried=True, killed_at=None)
        signalled_at = None
        if hold_up_ms > 0:
            signalled_at = await self._signal(hold_up_ms)
        self._uplink.darken()
        dark_at = time.time()
        self._machine.kill()
        killed_at = time.time()
        await self._switch_off()
        return self._actions.note(
            "power_cut",
            carried=False,
            hold_up_ms=hold_up_ms,
            signalled_at=signalled_at,
            dark_at=dark_at,
            killed_at=killed_at,
            heard_at=self._uplink.first_heard_at() if signalled_at else None,
        )

    async def power_signal(self, for_ms: float) -> dict[str, Any]:
        """The power-fail signal alone: power is back before the board goes dark."""
        if not self._powered:
            raise BoardRefusedError("is off; restore its power first")
        signalled_us = time.monotonic_ns() // 1000
        signalled_at = await self._signal(for_ms)
        return self._actions.note(
            "power_signal",
            signalled_at=signalled_at,
            signalled_us=signalled_us,
            heard_at=self._uplink.first_heard_at(),
        )

    async def _signal(self, for_ms: float) -> float:
        self._uplink.listen()
        signalled_at = time.time()
        self._bus.tell("powerfail")
        await asyncio.sleep(for_ms / 1000)
        return signalled_at

    async def power_restore(self) -> dict[str, Any]:
        on_battery = self._facts.get("battery", {}).get("on_battery", False)
        if self._powered and not on_battery:
            raise BoardRefusedError("has power already")
        if on_battery:
            self.set_facts("battery", {"on_battery": False})
        if self._powered:
            return self._actions.note("power_restore", restored_at=time.time())
        restored = self._actions.note("power_restore", restored_at=time.time())
        await self._switch_on(codes.RESET_POWER_ON)
        return restored

    async def reset(self) -> dict[str, Any]:
        if not self._powered:
            raise BoardRefusedError("is off; restore its power first")
        await self._switch_off()
        pressed = self._actions.note("reset")
        await self._switch_on(codes.RESET_BUTTON)
        return pressed

    async def supply(self, volts: float, for_ms: float | None) -> dict[str, Any]:
        began_at = time.time()
        self._set_supply(round(volts * 1000))
        if for_ms is not None:
            await asyncio.sleep(for_ms / 1000)
            self._set_supply(self.spec.supply_nominal_mv)
        return self._actions.note("supply", volts=volts, began_at=began_at, ended_at=time.time())

    def wave(self, kind: str, percent: float, for_ms: float, seed: int) -> dict[str, Any]:
        if not self.spec.sampler:
            raise BoardRefusedError("has no sampler; use `bench supply`")
        if not self._powered:
            raise BoardRefusedError("is off; restore its power first")
        path = self.folder.path / "wave.bin"
        event = write_wave(path, self.spec.sampler, kind, percent, for_ms, seed)
        self._bus.tell(f"wave {path.resolve()}")
        return self._actions.note(
            "wave", kind=kind, magnitude_mv=event.magnitude_mv, lasts_ms=event.lasts_s * 1000
        )

    def card(self, inserted: bool, kind: str | None, number: str) -> dict[str, Any]:
        self._need_reader()
        if inserted:
            self._slot.insert(kind, number)
        else:
            self._slot.remove()
        self._card = inserted
        self._bus.tell("card in" if inserted else "card out")
        return self._actions.note("card", inserted=inserted, kind=self._slot.kind)

    def refresh_card(self) -> dict[str, Any]:
        self._need_reader()
        last_emm = self._slot.refresh()
        if self._card:
            self.set_facts("card", {"last_emm": last_emm})
        return self._actions.note("refresh_card", last_emm=last_emm)

    def set_facts(self, subject: str, values: Mapping[str, Any]) -> dict[str, Any]:
        if subject not in self._facts:
            known = ", ".join(sorted(self._facts)) or "nothing"
            raise BoardRefusedError(f"knows nothing of {subject!r}; it has {known}")
        self._facts[subject] = {**self._facts[subject], **values}
        if subject == "settings":
            self._keep_settings()
        self._bus.tell(f"fact {subject} {_compact(self._facts[subject])}")
        return self._actions.note("set_facts", subject=subject, values=dict(values))

    def _take_settings(self, settings: dict[str, Any]) -> None:
        """The agent wrote into the router's memory, which keeps it without power."""
        self._facts["settings"] = settings
        self._keep_settings()
        self._bus.tell(f"fact settings {_compact(settings)}")

    def _keep_settings(self) -> None:
        self.folder.router.write_text(_compact(self._facts["settings"]), "utf-8")

    def _take_show(self, told: tuple[bool, str]) -> None:
        """The display; and the telephone processor, which registers the line of a unit that
        serves."""
        serves, self._shown = told
        if "voice" in self._facts and self._line_held == serves:
            self._line_held = not serves
            self.set_facts("voice", {"registration": "Up" if serves else "Disabled"})

    def visit(self, name: str, address: str) -> dict[str, Any]:
        """The customer asks for a name; without one goes straight to the address."""
        customer = self._customer
        reached = customer.visit(name, address) if name else customer.reach(address)
        return self._actions.note("visit", host=name, address=address, reached=reached)

    def battery(self, fitted: bool) -> dict[str, Any]:
        if "voice" not in self._facts:
            raise BoardRefusedError("has no place for a battery; only a voice modem has")
        self._facts.setdefault("battery", BATTERY)
        self.set_facts("battery", BATTERY if fitted else {"present": False, "on_battery": False})
        return self._actions.note("battery", fitted=fitted)

    def _battery_takes_over(self) -> bool:
        """Whether a cut of the mains leaves the board alive; a second cut is the battery's end."""
        battery = self._facts.get("battery", {"present": False})
        if not battery["present"] or battery["on_battery"]:
            return False
        return bool(battery["charge_percent"] > 0)

    def dial(self, number: str) -> dict[str, Any]:
        """The customer dials; what was dialled is not written down."""
        return {"action": "dial", "allowed": self._customer.dial(number)}

    async def network(self, mode: str) -> dict[str, Any]:
        if mode == "plug":
            await self._uplink.plug()
        elif mode == "unplug":
            await self._uplink.unplug()
        elif mode == "refuse":
            self._uplink.refuse()
        else:
            raise BoardRefusedError(f"network knows plug, unplug and refuse, not {mode!r}")
        return self._actions.note("network", mode=mode)

    def time_server(self, mode: str, offset_ms: int) -> dict[str, Any]:
        self._time_server.behave(mode, offset_ms)
        return self._actions.note("time_server", mode=mode, offset_ms=offset_ms)

    def _need_reader(self) -> None:
        if self._card is None:
            raise BoardRefusedError("has no card reader; only a set-top box has")

    def _prepare_storage(self) -> None:
        if self._machine.runtime == "cpython":
            self.folder.files.mkdir(exist_ok=True)
            return
        flash_image.write_machine_code(self.folder.machine_code)
        build = flash_image.agent_for(self.spec.agent_main)
        image = self.folder.flash_image
        if self.spec.rom:
            is_new = flash_image.flash_rom(self.folder.rom_image, image, build)
        else:
            is_new = flash_image.flash_agent(image, build)
        if is_new:
            self._actions.note("flash", mpy_bytes=build.mpy_bytes, digest=build.digest)

    async def _switch_on(self, reset_cause: int) -> None:
        if self._life is not None:
            await self._life
        self._power_gone.clear()
        self._reset_cause = reset_cause
        await self._boot()
        self._life = asyncio.create_task(self._live())

    async def _switch_off(self) -> None:
        self._power_gone.set()
        self._customer.lose_power()
        self._shown = None
        self._machine.kill()
        if self._life is not None:
            await self._life
            self._life = None

    async def _live(self) -> None:
        """Run the machine, again and again, for as long as there is power."""
        while True:
            code = await self._machine.run_to_end()
            self._console_log.end_line()
            await self._port.vanish()
            if self._powered:
                await self._ended_by_itself(code)
            if not self._powered:
                return
            await self._boot()

    async def _boot(self) -> None:
        self._boots += 1
        self._shown = None
        self._customer.lose_power()
        await self._machine.start(self._settings())
        await self._port.appear()
        self._flash_cut_at = 0
        cause = codes.RESET_NAMES[self._reset_cause]
        self._actions.note("boot", reset_cause=cause, boots=self._boots)

    async def _ended_by_itself(self, code: int) -> None:
        self._actions.note("machine_ended", exit_code=code)
        if code == 0:
            self._reset_cause = codes.RESET_COMMANDED
            self._say(b"MPY: soft reboot\r\n")
            await self._pause(_RESPAWN_S)
        else:
            self._reset_cause = codes.RESET_CRASH
            self._say(b"The agent ended with exit code %d; starting again.\r\n" % code)
            await self._pause(_RESPAWN_AFTER_CRASH_S)

    async def _pause(self, duration_s: float) -> None:
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._power_gone.wait(), duration_s)

    def _settings(self) -> dict[str, Any]:
        return {
            **self._ports,
            "reset_cause": self._reset_cause,
            "supply_mv": self._supply_mv,
            "sampler": self.spec.sampler,
            "card": self._card,
            "facts": {subject: _compact(fact) for subject, fact in self._facts.items()},
            "cut_at_flash_operation": self._flash_cut_at,
        }

    def _pins(self) -> list[str]:
        lines = [f"supply {self._supply_mv}"]
        if self._card is not None:
            lines.append("card in" if self._card else "card out")
        for subject, fact in self._facts.items():  # it may have changed while the machine started
            lines.append(f"fact {subject} {_compact(fact)}")
        return lines

    def _set_supply(self, millivolts: int) -> None:
        self._supply_mv = millivolts
        self._bus.tell(f"supply {millivolts}")

    def _flash_cut(self) -> None:
        """The flash was told to lose power in an operation: cut it, without any signal."""
        self._power_gone.set()
        self._uplink.darken()
        self._machine.kill()
        self._actions.note("flash_cut")

    def _say(self, data: bytes) -> None:
        self._console_log.write(data)
        self._port.write(data)


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
