from agent.core.store import MAX_BYTES, Store
from agent.errors import StorageError
from agent.tests.fakes import FakeStorage, PowerCut


def refused(function, *args):
    try:
        function(*args)
    except StorageError:
        return True
    return False


def test_what_was_saved_comes_back_after_a_restart():
    storage = FakeStorage()
    Store(storage).save("key", b"\x00secret")
    Store(storage).save("empty", b"")
    again = Store(storage.power_up())
    assert again.load("key") == b"\x00secret"
    assert again.load("empty") == b""
    assert again.load("other") is None


def test_a_removed_value_is_gone():
    store = Store(FakeStorage())
    store.save("key", b"x")
    store.remove("key")
    store.remove("key")
    assert store.load("key") is None


def test_a_damaged_value_is_refused_not_taken_as_absent():
    storage = FakeStorage()
    store = Store(storage)
    store.save("counter", b"12345")
    good = storage.files["counter.blob"]
    for bit in range(len(good) * 8):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        storage.files["counter.blob"] = bytes(bad)
        assert refused(store.load, "counter")
    storage.files["counter.blob"] = good[:3]
    assert refused(store.load, "counter")


def test_too_large_a_value_is_refused():
    store = Store(FakeStorage())
    store.save("big", bytes(MAX_BYTES))
    assert store.load("big") == bytes(MAX_BYTES)
    assert refused(store.save, "big", bytes(MAX_BYTES + 1))


def test_a_cut_at_any_operation_leaves_the_old_value_or_the_new_one():
    for torn in (0, 4, 8):
        for cut in range(6):
            storage = FakeStorage()
            store = Store(storage)
            store.save("setting", b"old value")
            storage.cut_after = cut
            storage.torn = torn
            done = True
            try:
                store.save("setting", b"the new value")
            except PowerCut:
                done = False
            found = Store(storage.power_up()).load("setting")
            assert found == b"the new value" or (found == b"old value" and not done)
