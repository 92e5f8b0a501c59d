"""The same contract holds for the fake, for a folder of this machine and for LittleFS."""

import os

from agent.errors import StorageError
from agent.ports.storage import RawSlot, Storage
from agent.tests.fakes import FakeStorage
from agent.tests.flash import Flash, release, storage_on

_FOLDER = "/tmp/agent-storage-%d"  # noqa: S108  not a secret, and gone after the test


def on_every_storage(check):
    check(FakeStorage())
    folder = _FOLDER % id(check)
    os.mkdir(folder)
    try:
        check(Storage(folder))
    finally:
        for name in os.listdir(folder):
            os.remove(folder + "/" + name)
        os.rmdir(folder)
    check(storage_on(Flash(), new=True))
    release()


def test_a_missing_file_is_a_value():
    def check(storage):
        assert storage.size("none") is None
        assert storage.read("none", 0, 10) == b""
        storage.remove("none")

    on_every_storage(check)


def test_appending_adds_at_the_end_and_reading_stops_there():
    def check(storage):
        storage.replace("log", [b"abc"])
        storage.append("log", b"def")
        assert storage.size("log") == 6
        assert storage.read("log", 2, 3) == b"cde"
        assert storage.read("log", 4, 100) == b"ef"
        assert storage.read("log", 6, 100) == b""

    on_every_storage(check)


def test_replacing_puts_the_new_content_in_place_of_the_old():
    def check(storage):
        storage.replace("blob", [b"old", b" and longer"])
        storage.replace("blob", iter([b"n", b"ew"]))
        assert storage.read("blob", 0, 100) == b"new"
        storage.remove("blob")
        assert storage.size("blob") is None

    on_every_storage(check)


def test_the_new_content_may_be_made_from_the_old():
    def check(storage):
        storage.replace("blob", [b"12345"])

        def chunks():
            yield storage.read("blob", 3, 2)
            yield storage.read("blob", 0, 1)

        storage.replace("blob", chunks())
        assert storage.read("blob", 0, 100) == b"451"

    on_every_storage(check)


class Region:
    """Flash outside a file system, which programs erased bytes only, each page once."""

    def __init__(self):
        self.erase()

    def erase(self):
        self._data = bytearray(b"\xff" * 4096)
        self._written = set()

    def program(self, offset, data):
        pages = set(range(offset // 256, (offset + len(data) + 255) // 256))
        assert not pages & self._written
        self._written |= pages
        self._data[offset : offset + len(data)] = data

    def read(self, offset, size):
        return bytes(self._data[offset : offset + size])


def test_a_slot_keeps_what_was_committed_and_whether_it_was_marked():
    def check(slot):
        for size in (17, 255, 256, 257, 1041):
            for marked in (False, True):
                slot.prepare(b"h" * size)
                slot.commit(memoryview(b"0123456789abcdef"))
                if marked:
                    slot.mark()
                assert slot.read(0, size) == b"h" * size
                assert slot.tail(size) == b"0123456789abcdef"
                assert slot.marked() == marked
        slot.clear()
        assert slot.read(0, 17).strip(b"\xff") == b""

    on_every_storage(lambda storage: check(storage.slot))
    check(RawSlot(Region()))


def test_a_medium_that_fails_is_reported_as_such():
    storage = Storage("/nowhere/at/all")
    for call in (
        lambda: storage.append("a", b"x"),
        lambda: storage.replace("a", [b"x"]),
        lambda: storage.slot.prepare(b"x"),
    ):
        try:
            call()
        except StorageError:
            continue
        raise AssertionError("StorageError was expected")
