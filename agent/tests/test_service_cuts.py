"""State and allow-list on a real LittleFS whose flash loses power at each program and erase."""

import gc

from agent.tests.flash import Flash, release, storage_on
from agent.tests.test_service import SCHOOL, document, make, may_dial, run, state

NEW = document(2, hosts=[(1, 2000000000, ["new.example"])], numbers=["0800555"])


def restricted_image():
    """The flash of a unit that is restricted, with list 1 in force."""
    flash = Flash()
    storage_on(flash, new=True)
    release()
    bench = make(storage=storage_on(flash))
    run(bench, "SetAllowList()", Document=document(1))
    run(bench, "SetState()", State="restricted")
    bench.poll(2500)
    release()
    return bytes(flash.data)


def cut_short(image, after, work, spoil):
    """The flash after the work, dead when the power went before it was done."""
    flash = Flash(bytearray(image))
    storage = storage_on(flash)
    bench = make(storage=storage)
    if spoil:
        spoil(storage)
    flash.cut_after = after
    work(bench)
    release()
    return flash


def looked_at(work, check, spoil=None):
    image = restricted_image()
    cuts = after = 0
    while True:
        flash = cut_short(image, after, work, spoil)
        if not flash.dead:
            return cuts
        check(make(storage=storage_on(flash.power_up())))
        release()
        gc.collect()
        cuts += 1
        after += 1


def test_a_list_is_the_old_or_the_new_one_whatever_flash_operation_the_power_cuts():
    def work(bench):
        run(bench, "SetAllowList()", Document=NEW)

    def check(bench):
        rules = bench.board.filter.rules
        assert state(bench) == "restricted"
        assert (rules["hosts"], rules["numbers"][4:]) in (
            (SCHOOL[2], ["080011222"]),
            (["new.example"], ["0800555"]),
        )
        assert may_dial(bench, "112") and not may_dial(bench, "038123456")

    assert looked_at(work, check) >= 5


def test_the_cuts_find_a_storage_that_removes_before_it_writes():
    def spoil(storage):
        replace = storage.replace

        def broken(name, chunks):
            storage.remove(name)
            replace(name, chunks)

        storage.replace = broken

    def work(bench):
        run(bench, "SetState()", State="terminated")

    opened = []

    def check(bench):
        opened.append(state(bench) == "active")

    looked_at(work, check, spoil)
    assert True in opened


def test_a_state_is_the_old_or_the_new_one_whatever_flash_operation_the_power_cuts():
    def work(bench):
        run(bench, "SetState()", State="terminated")

    def check(bench):
        assert state(bench) in ("restricted", "terminated")
        assert bench.board.filter.rules["state"] == state(bench)
        assert may_dial(bench, "112") and not may_dial(bench, "038123456")

    assert looked_at(work, check) >= 5
