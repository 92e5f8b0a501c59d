"""The same contract holds for the fake, for a folder of this machine and for LittleFS."""

import os

from agent.errors import StorageError
from agent.ports.storage import Storage
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


def test_a_prepared_file_is_whole_once_committed():
    def check(storage):
        for size in (0, 10, 127, 129, 1000):
            slot = storage.prepare("slot", b"h" * size)
            slot.commit(memoryview(b"tail"))
            assert storage.read("slot", 0, 2000) == b"h" * size + b"tail"
            slot.close()
        assert storage.size("slot") == 1004

    on_every_storage(check)


def test_a_medium_that_fails_is_reported_as_such():
    storage = Storage("/nowhere/at/all")
    for call in (
        lambda: storage.append("a", b"x"),
        lambda: storage.replace("a", [b"x"]),
        lambda: storage.prepare("a", b"x"),
    ):
        try:
            call()
        except StorageError:
            continue
        raise AssertionError("StorageError was expected")
