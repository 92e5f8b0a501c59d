"""A power cut at every operation of everything the agent keeps, and what must hold afterwards.

A subject has `prepare(storage)`, done before, `work(storage)`, which the cut interrupts, and
`faults(storage)`, a list of texts after power is back. What `work` was told to be durable must be
there; what was under way is there or not, nothing in between; and the agent starts.
The media are LittleFS on flash (flash.py) and a Linux disk (disk.py).
"""

import gc

from agent.compat import MICROPYTHON
from agent.core.authorisation import Authority, last_accepted
from agent.core.journal import Journal
from agent.core.parts import part
from agent.core.provisioning import PROVISIONED, Provisioning
from agent.core.store import Store
from agent.errors import AgentError
from agent.tests import disk, power_cuts
from agent.tests.fakes import FakeBoard, FakeFilter, FakeRandom
from agent.tests.flash import MODES, Flash, release, storage_on
from agent.tests.signing import COMMAND_POINT
from agent.tests.usp_bench import Bench, Failed
from agent.wire import authorisation as wire

EID = "ops::00256D-MODEM-00000001"
COMMAND = "Device.Reboot()"
_SUBSCRIPTION = "Device.LocalAgent.Subscription."
POWER = "Device.X_IPKO-COM_Power."


class FlashMedium:
    """LittleFS on a NOR flash."""

    modes = MODES

    def __init__(self, image=None):
        self._flash = Flash(bytearray(image)) if image else Flash()
        self.storage = storage_on(self._flash, new=not image)

    def arm(self, after, mode):
        self._flash.cut_after = after
        self._flash.mode = mode

    def cut(self):
        """What the power left, None when it never went."""
        self.close()
        return self._flash.data if self._flash.dead else None

    def image(self):
        self.close()
        return bytes(self._flash.data)

    def close(self):
        if MICROPYTHON:  # else it is closed while memory is collected, which may not allocate
            try:
                self.storage.slot.close()
            except AgentError:
                pass
        release()


class DiskMedium:
    """Files of a Linux machine."""

    modes = disk.MODES
    storage_class = disk.DiskStorage

    def __init__(self, image=None):
        self._disk = disk.Disk(image or {})
        self.storage = self.storage_class(self._disk)

    def arm(self, after, mode):
        self._disk.cut_after = after
        self._disk.mode = mode

    def cut(self):
        return self._disk.after_cut() if self._disk.dead else None

    def close(self):
        """Nothing: files are closed by themselves."""

    def image(self):
        return {name: bytes(node.data) for name, node in self._disk.names.items()}


class EagerMedium(DiskMedium):
    storage_class = disk.EagerStorage


class JournalSubject:
    """Append, rotation, power-loss record, clocks, acknowledgements, and a blob beside."""

    journal_class = Journal

    def __init__(self):
        self._ledger = power_cuts.Ledger()

    def prepare(self, storage):
        """Nothing: the first operation is one that is cut."""

    def work(self, storage):
        power_cuts.work(storage, self._ledger, self.journal_class)

    def faults(self, storage):
        return power_cuts.faults(storage, self._ledger)


class BrokenJournalSubject(JournalSubject):
    journal_class = power_cuts.BrokenJournal


class WipeSubject:
    """All of the old epoch or nothing of a new one."""

    def __init__(self):
        self._wiped = False

    def prepare(self, storage):
        journal = Journal(storage, FakeRandom())
        for number in range(5):
            journal.append(b"%d" % number * 40)
        journal.prepare_loss(b"lost at 000", 1, 8, 3)

    def work(self, storage):
        journal = Journal(storage, FakeRandom(2))
        journal.wipe()
        self._wiped = True

    def faults(self, storage):
        journal = Journal(storage, FakeRandom(3))
        old = Journal(DiskMedium().storage, FakeRandom()).epoch
        left = [sequence for sequence, _ in journal.pending()]
        found = [] if sum(journal.tally[:5]) == 0 else ["it tells of a loss: %s" % journal.tally]
        if left != ([1, 2, 3, 4, 5] if journal.epoch == old else []):
            found.append("half wiped: %s" % left)
        if self._wiped and journal.epoch == old:
            found.append("not wiped")
        return found


def _values(number):
    values = {"Enable": "true", "ID": "s%d" % number}
    values.update({"NotifType": "Event", "ReferenceList": "Device.Boot!"})
    values["Persistent"] = "true"
    return values


class ConfigurationSubject:
    """Rows that a controller adds, sets and deletes."""

    def __init__(self):
        self._there = {}  # path: the values it may have
        self._gone = []

    def prepare(self, storage):
        Bench(storage)

    def work(self, storage):
        bench = Bench(storage)
        for number in range(3):
            answer = bench.add(_SUBSCRIPTION, _values(number))
            if isinstance(answer, Failed):
                return
            path = answer.one(1).one(2).one(2).text(1)
            self._there[path] = ["Device.Boot!"]
        path = sorted(self._there)[0]
        self._there[path].append(POWER)
        if isinstance(bench.set(path, {"ReferenceList": POWER}), Failed):
            return
        self._there[path] = [POWER]
        if not isinstance(bench.delete(path), Failed):
            self._gone.append(path)
            del self._there[path]

    def faults(self, storage):
        bench = Bench(storage)
        found = []
        for path, values in self._there.items():
            rows = bench.get(path)[path]
            value = rows[path]["ReferenceList"] if isinstance(rows, dict) and path in rows else None
            if value not in values and not (value is None and len(values) == 2):
                found.append("%s is %s" % (path, value))
        for path in self._gone:
            if isinstance(bench.get(path)[path], dict) and bench.get(path)[path]:
                found.append("%s came back" % path)
        return found


class _Authority(Authority):
    """Takes every signature: what is tried is the counter."""

    def _is_signed(self, signed, signature):
        return True


class _NoClock:
    def trusted_unix_ms(self):
        return None


class CounterSubject:
    """A command runs once."""

    def __init__(self):
        self._accepted = [1]

    def prepare(self, storage):
        self._check(storage, 1)

    def work(self, storage):
        for counter in (2, 3, 4):
            self._check(storage, counter)
            self._accepted.append(counter)

    def faults(self, storage):
        found = []
        for counter in self._accepted:
            try:
                self._check(storage, counter)
                found.append("%d was accepted twice" % counter)
            except AgentError:
                continue
        counter, key = last_accepted(Store(storage))
        if key != "k%d" % counter or counter < max(self._accepted):
            found.append("the last command is %d %s" % (counter, key))
        self._check(storage, 5)
        return found

    def _check(self, storage, counter):
        key = "k%d" % counter
        signed = wire.signing_input(EID, COMMAND, key, {}, counter, 1, 2)
        made = _Authority(Store(storage), EID, COMMAND_POINT, _NoClock())
        made.check(wire.token_text(signed, bytes(64)), COMMAND, key, {})


class BootSubject:
    """Starts, their counters, and the power losses between them."""

    def __init__(self):
        self._boots = self._cold = 0

    def prepare(self, storage):
        self._start(Bench(storage))
        self._start(Bench(storage))[1].power_failing()

    def work(self, storage):
        bench = Bench(storage)
        self._boots = bench.clock.boot_count
        self._cold = self._count(bench, "ColdBootCount")
        self._start(bench)
        bench.poll(2500)

    def faults(self, storage):
        bench = self._start(Bench(storage))[0]
        bench.poll(2500)
        found = []
        boots, cold = bench.clock.boot_count, self._count(bench, "ColdBootCount")
        if not boots > max(self._boots, 2):
            found.append("boot %d comes twice" % boots)
        if not max(self._cold, 2) < cold <= boots:
            found.append("%d cold starts of %d, %d before" % (cold, boots, self._cold))
        events = [b"PowerRestored!" in record for _, record in bench.journal.pending()].count(True)
        counted = int(bench.value(POWER + "PowerLossCount"))
        if counted != events:
            found.append("%d losses counted, %d told" % (counted, events))
        return found

    def _count(self, bench, name):
        return int(bench.value("Device.DeviceInfo.Reboots." + name))

    def _start(self, bench):
        from agent.tests.test_power import started

        return started(bench, subscribe=False)


class ProvisioningSubject:
    """The commit of a board that gets a new certificate for a new key, and another broker."""

    def __init__(self):
        self._hosts = ["old.example"]

    def prepare(self, storage):
        from agent.tests.test_provisioning import install, staged_key

        made = Provisioning(Store(storage), EID)
        made.new_key(FakeRandom())
        install(made, staged_key(storage), broker_host="old.example")
        made.commit()

    def work(self, storage):
        made = Provisioning(Store(storage), EID)
        for host in ("new.example", "newer.example"):
            self._hosts.append(host)
            made.configure({"broker_host": host})
            self._hosts = [host]

    def faults(self, storage):
        made = Provisioning(Store(storage), EID)
        host = made.settings().get("broker_host")
        found = [] if host in self._hosts else ["the broker is %s" % host]
        if made.state != PROVISIONED or not made.private_key_der() or not made.get("certificate"):
            found.append("half provisioned")
        return found


class FirstCommitSubject:
    """The commit that puts a blank board into service."""

    def __init__(self):
        self._states = ["keyed"]

    def prepare(self, storage):
        Provisioning(Store(storage), EID).new_key(FakeRandom())

    def work(self, storage):
        from agent.tests.test_provisioning import install, staged_key

        made = Provisioning(Store(storage), EID)
        install(made, staged_key(storage))
        self._states.append(PROVISIONED)
        made.commit()
        self._states = [PROVISIONED]

    def faults(self, storage):
        made = Provisioning(Store(storage), EID)
        found = [] if made.state in self._states else ["it is %s" % made.state]
        if made.state == PROVISIONED and len(made.settings()) != 4:
            found.append("half provisioned")
        return found


class AllowListSubject:
    """The list of a restricted unit: the old or the new one, emergency numbers in any case."""

    def __init__(self):
        self._versions = [1]

    def prepare(self, storage):
        from agent.tests.test_service import document, make, run

        bench = make(storage=storage)
        run(bench, "SetAllowList()", Document=document(1))
        run(bench, "SetState()", State="restricted")
        bench.poll(2500)

    def work(self, storage):
        from agent.tests.test_service import document, run

        bench = Bench(storage)
        self._versions.append(2)
        answer = run(bench, "SetAllowList()", Document=document(2, numbers=["0800555"]))
        if isinstance(answer, dict):
            self._versions = [2]

    def faults(self, storage):
        from agent.tests.test_service import make, may_dial, state

        bench = make(storage=storage)
        found = []
        if state(bench) != "restricted" or may_dial(bench, "038123456"):
            found.append("open")
        if not may_dial(bench, "112"):
            found.append("112 is barred")
        numbers = ["080011222", "0800555"]
        allowed = [version for version in (1, 2) if may_dial(bench, numbers[version - 1])]
        if len(allowed) != 1 or allowed[0] not in self._versions:
            found.append("the list is %s" % allowed)
        return found


class ReplacementSubject:
    """A spare unit is adopted, held and taken back: it is what it was or what it will be, and
    serves only then."""

    _STEPS = (("Adopt()", "adopted"), ("Fence()", "held"), ("Rollback()", "active"))

    def __init__(self):
        self._parts = ["spare"]

    def prepare(self, storage):
        self._unit(storage)

    def work(self, storage):
        bench = self._unit(storage)
        for command, after in self._STEPS:
            self._parts.append(after)
            args = {"Swap": "swap-1", "Profile": "TOP M"}
            if command != "Adopt()":
                del args["Profile"]
            result = bench.operate("Device.X_IPKO-COM_Replacement." + command, args)[0]
            if result.has(4):
                return
            self._parts = [after]

    def faults(self, storage):
        bench = self._unit(storage)
        which = bench.value("Device.X_IPKO-COM_Replacement.Part")
        found = [] if which in self._parts else ["it is %s, not %s" % (which, self._parts)]
        serves = bench.board.filter.rules["state"] == "active"
        if serves != (which in ("adopted", "active")):
            found.append("%s, and its filter is %s" % (which, bench.board.filter.rules["state"]))
        if which == "adopted" and bench.value("Device.X_IPKO-COM_Service.Profile") != "TOP M":
            found.append("adopted without a profile")
        return found

    def _unit(self, storage):
        board = FakeBoard(cause=1)
        board.filter = FakeFilter()
        part("replacement").start(board, Store(storage), "spare")
        bench = Bench(storage, board)
        part("service").apply(bench.model)
        return bench


SUBJECTS = (
    JournalSubject,
    WipeSubject,
    ConfigurationSubject,
    CounterSubject,
    BootSubject,
    ProvisioningSubject,
    FirstCommitSubject,
    AllowListSubject,
    ReplacementSubject,
)


def campaign(medium_class, subject_class, step=1, first=0):
    """Cut at each `step`-th operation in each mode; (cuts, faults as texts)."""
    medium = medium_class()
    subject_class().prepare(medium.storage)
    image = medium.image()
    cuts = 0
    found = []
    for mode in medium_class.modes:
        after = first
        while True:
            subject = subject_class()
            medium = medium_class(image)
            medium.arm(after, mode)
            try:
                subject.work(medium.storage)
            except AgentError:
                pass
            left = medium.cut()
            if left is None:
                break
            cuts += 1
            again = medium
            name = "%s %s cut %d: " % (subject_class.__name__, mode, after)
            try:
                again = medium_class(left)
                found += [name + text for text in subject.faults(again.storage)]
            except Exception as error:  # noqa: BLE001  whatever it is: the image does not start
                found.append(name + "does not start: %r" % error)
            finally:
                again.close()
            after += step
            gc.collect()
    release()
    return cuts, found


def main(step, names=()):
    """The whole campaign on both media; prints what it did."""
    cuts = 0
    faults = []
    for medium_class in (FlashMedium, DiskMedium):
        for subject_class in SUBJECTS:
            if names and subject_class.__name__ not in names:
                continue
            done, found = campaign(medium_class, subject_class, step)
            cuts += done
            faults += found
            print(medium_class.__name__, subject_class.__name__, done, len(found))  # noqa: T201
            for text in found[:5]:
                print("  ", text)  # noqa: T201
    print("CUTS", cuts, len(faults))  # noqa: T201
