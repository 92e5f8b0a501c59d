"""Events that must not be lost, kept in one append-only file until the controller has them.

- An event has a sequence: 1, 2, 3 ... within an epoch. What `append` has returned is on flash. It
  leaves only by `acknowledge`, which is on flash too when it returns.
- Every record has a CRC-32. A torn record at the end was never promised and is cut off at open. A
  record that can no longer be read is stepped over: what follows it stays.
- The file never grows past its capacity: when it is full of settled records it is written anew with
  the pending ones alone and put in place of the old one at once ("rotation").
- When pending events fill it, an event of a higher class takes the place of the oldest of a lower
  one (HEALTH, then ORDINARY); where there is none, the new event is dropped. The last eighth is
  kept for RESERVED: power lost and back, a line that cannot reach emergency numbers. Acknowledging
  always works.
- A board that sends its gasp before the record is kept may not get to keep it. Then the sequence
  of both is given up: told like those of lost events, with nothing lost.
- What was lost is counted by class and told by an event of its own, with the sequences that will
  never come. The count survives a power cut; single drops beyond the first may be missing from it.
- The power-loss record has a slot erased beforehand (`storage.slot`): at the signal one small write
  completes it. The next open, or the next use, moves it into the journal.
- The epoch is random and made anew only by `wipe` (or when no journal can be read at all).

In memory: the sequences that are pending, and the last few boots' clocks. Bytes: wire/FORMATS.md.
Opening it is the part journal_open, making room and counting losses the part journal_room.
"""

import struct

from agent.compat import const, crc32, to_hex
from agent.core.parts import part

HEALTH = const(0)  # classes of events, in the order in which they are dropped
ORDINARY = const(1)
RESERVED = const(2)
UNKNOWN = const(3)  # of a lost event that could not be read; beyond it in the tally:
UNREADABLE = const(4)
SEQUENCES = const(5)

MAX_PAYLOAD = const(1024)
CAPACITY_BYTES = const(32768)
JOURNAL_FILE = "journal"
JOURNAL_MAGIC = b"VEJ1"
HEADER = "<4s4sI"  # magic, epoch, last sequence given out; then a CRC
HEADER_BYTES = const(16)
HEAD = "<HBI"  # payload bytes, kind, sequence
FRAME_BYTES = const(11)  # head and CRC
_HEAD_BYTES = const(7)
_READ_BYTES = const(256)
_ROTATE_BYTES = const(4096)
_RESERVE_PART = const(8)  # one part in so many
_DROP_BYTES = const(384)  # room that nothing but the event of a drop may take
_DROP_PART = const(16)  # or one part in so many, if that is less
_MAX_RECORDS = const(256)
_MAX_CLOCKS = const(8)

# The kind of a record: its type, and for events the class, changed by ORDINARY, times 16.
EVENT = const(1)
RESTORED = const(2)  # an event that settles the last power loss
DROP = const(3)  # an event that tells of lost events
ACKNOWLEDGED = const(4)
CLOCK = const(5)
LOSS = const(6)
TALLY = const(7)  # losses not yet told
ORIGIN = const(8)  # the header once more, with what was ever counted
TYPE_BITS = const(15)
CLOCK_BODY = "<qI"  # offset ms, error ms; the sequence field holds the boot count
LOSS_BODY = "<QB"  # up time ms, whether a gasp left; the sequence field holds the boot count
TALLY_BODY = "<IIIII"  # lost: health, ordinary, reserved, unknown; unreadable records; sequences

ORIGIN_BODY = "<4sIIH"  # epoch, power losses restored, of them with a gasp, events that follow

SLOT_MAGIC = b"VEP2"
SLOT_HEAD = "<4s4sHHBI"  # magic, epoch, payload bytes, where its up time is, digits, boot count
SLOT_TAIL = "<IQI"  # sequence, up time ms, CRC
SLOT_TAIL_BYTES = const(16)


def frame(kind, sequence, payload=b""):
    head = struct.pack(HEAD, len(payload), kind, sequence)
    return head + payload + struct.pack("<I", crc32(payload, crc32(head)))


def _check_size(payload):
    if len(payload) > MAX_PAYLOAD:
        raise ValueError("payload too long", len(payload))


def _clock_frame(clock):
    return frame(CLOCK, clock[0], struct.pack(CLOCK_BODY, clock[1], clock[2]))


class Journal:
    """`random(n)` gives n random bytes; `describe_drop(tally)` the payload of a drop's event: until
    it is set, losses wait. A tally lists the lost events by class, records that could not be read,
    and the sequences that will never come, as text ("4-6,9").

    Raises StorageError when the medium fails: what was asked for is then not promised.
    """

    def __init__(self, storage, random, describe_drop=None, capacity=CAPACITY_BYTES) -> None:
        self.storage = storage
        self.random = random
        self.capacity = capacity
        self.describe_drop = describe_drop
        self.losses = self.gasps = 0  # power losses ever restored, and those whose gasp left
        self._slot_ready = self._slot_committed = False
        self.loss_untold = False  # a slot was found that was prepared and never completed
        self.loss_told = False  # a gasp left, or may have, and its record was not kept
        part("journal_open").open_journal(self)

    @property
    def pending_count(self) -> int:
        return len(self.listed)

    def is_pending(self, sequence: int) -> bool:
        return sequence in self.listed

    def append(self, payload: bytes, priority: int = ORDINARY, restores: bool = False) -> int:
        """Keep an event of that class; return its sequence, 0 when there is no room and it was
        dropped. `restores`: it tells of the end of the power loss that `last_loss` names.
        """
        self.settle()
        _check_size(payload)
        if not self.make_room(len(payload) + FRAME_BYTES, priority):
            self.tally[priority] += 1
            total = sum(self.tally[:UNREADABLE])
            if not total & total - 1:  # 1, 2, 4, 8 ...: a flood must not wear out the flash
                self.keep(part("journal_room").tally_frame(self.tally))
            self._tell_drop()
            return 0
        self._tell_drop()
        return self._append_event(RESTORED if restores else EVENT | (priority ^ 1) << 4, payload)

    def acknowledge(self, sequence: int) -> None:
        """The controller has it: it will never be given out again. Unknown ones are ignored."""
        self.settle()
        if sequence not in self.listed:
            return
        self.listed.remove(sequence)
        if sequence == self.drop_sequence:
            self.drop_sequence = 0
        if not self.listed and self.end > _ROTATE_BYTES:
            self.rewrite()
        else:
            self.keep(frame(ACKNOWLEDGED, sequence))
        self._tell_drop()

    def pending(self, after: int = 0):
        """Yield (sequence, payload) of what is not acknowledged, oldest first, read one at a time.

        Appending and acknowledging while it runs is allowed.
        """
        self.settle()
        generation = offset = -1
        while self.listed and self.listed[-1] > after:
            if generation != self.generation:
                generation = self.generation
                offset = HEADER_BYTES
            record = self.next_record(offset)
            if record is None:
                self.rewrite()  # without those that cannot be read any more
                continue
            kind, sequence, payload, offset = record
            if kind & TYPE_BITS <= DROP and sequence > after and sequence in self.listed:
                after = sequence
                yield sequence, payload
        if self._rotten:
            self.rewrite()

    def wipe(self) -> None:
        """Forget every event and clock; a new epoch begins."""
        self._slot_ready = self._slot_committed = False
        self.storage.slot.clear()
        part("journal_open").begin(self)

    def note_clock(self, boot_count: int, offset_ms: int, error_ms: int) -> None:
        """Keep that in this boot, up time + `offset_ms` is Unix time, give or take `error_ms`."""
        self.settle()
        clock = (boot_count, offset_ms, error_ms)
        if clock in self.clocks:
            return
        self.keep_clock(clock)
        self.keep(_clock_frame(clock))

    def clock_of(self, boot_count: int) -> tuple[int, int] | None:
        """(offset ms, error ms) of that boot, or None when its time was never known."""
        for boot, offset_ms, error_ms in self.clocks:
            if boot == boot_count:
                return offset_ms, error_ms
        return None

    # --- the power-loss record ---

    def prepare_loss(self, payload: bytes, boot_count: int, at: int, digits: int) -> bool:
        """Make everything ready for `append_loss`; False when there is no room.

        `payload` has the up time as `digits` decimal digits at offset `at`. Slow: erases flash.
        """
        self.settle()
        _check_size(payload)
        self._slot_ready = False
        if not self.make_room(len(payload) + 3 * FRAME_BYTES, RESERVED):
            return False
        epoch = self.epoch_bytes
        head = struct.pack(SLOT_HEAD, SLOT_MAGIC, epoch, len(payload), at, digits, boot_count)
        self._slot_crc = crc32(payload, crc32(head))
        self._slot_tail = bytearray(SLOT_TAIL_BYTES)
        self.storage.slot.prepare(head + payload)
        self._slot_ready = True
        return True

    @property
    def loss_sequence(self) -> int:
        """What `append_loss` will return."""
        return self.last_sequence + 1 if self._slot_ready else 0

    def append_loss(self, up_time_ms: int) -> int:
        """Complete the prepared record; return its sequence, 0 when none was prepared. Fast."""
        if not self._slot_ready:
            return 0
        tail = memoryview(self._slot_tail)
        struct.pack_into(SLOT_TAIL, tail, 0, self.last_sequence + 1, up_time_ms, 0)
        crc = crc32(tail[: SLOT_TAIL_BYTES - 4], self._slot_crc)
        struct.pack_into("<I", tail, SLOT_TAIL_BYTES - 4, crc)
        self._slot_ready = False
        self.storage.slot.commit(tail)
        self._slot_committed = True
        return self.last_sequence + 1

    def note_gasp(self) -> None:
        """Keep with the record just completed that its gasp left: `last_gasp` tells after boot."""
        if self._slot_committed:
            self.storage.slot.mark()

    def settle(self) -> None:
        """Move a completed power-loss record into the journal proper; give up the sequence of one
        that was told and not kept."""
        if self._slot_committed:
            self._slot_committed = False
            part("journal_open").adopt(self)
        elif self.loss_told:
            self.loss_told = False
            part("journal_open").give_up(self)

    def discard_loss(self) -> None:
        """This boot ends in order: no power loss will come."""
        if self._slot_ready:
            self._slot_ready = False
            self.storage.slot.clear()

    # --- inside, and for the parts ---

    def reset(self, epoch, last):
        self.epoch_bytes = epoch
        self.epoch = to_hex(epoch)
        self.last_sequence = last
        self.last_loss: tuple | None = None  # (boot count, up time ms) not yet told as restored
        self.last_gasp = False  # whether a gasp left for it
        self.listed = []
        self.clocks = []  # (boot count, offset ms, error ms), the latest last
        self.tally = [0, 0, 0, 0, 0, ""]
        self.drop_sequence = 0
        self.generation = 0
        self.end = 0
        self._torn = self._rotten = False

    def record_at(self, offset):
        """(kind, number, payload, offset of the next), or None at the end or where none stands."""
        data = self.storage.read(JOURNAL_FILE, offset, _READ_BYTES)
        if len(data) < FRAME_BYTES:
            return None
        size, kind, number = struct.unpack_from(HEAD, data)
        size += FRAME_BYTES
        if size > MAX_PAYLOAD + FRAME_BYTES or offset + size > self.end:
            return None
        if size > len(data):
            data = self.storage.read(JOURNAL_FILE, offset, size)
        if size > len(data):
            return None
        view = memoryview(data)
        if crc32(view[: size - 4]) != struct.unpack_from("<I", data, size - 4)[0]:
            return None
        return kind, number, bytes(view[_HEAD_BYTES : size - 4]), offset + size

    def next_record(self, offset) -> tuple | None:
        """The record at `offset`, or the first one behind what cannot be read; None at the end."""
        record = self.record_at(offset)
        if record is None and offset + FRAME_BYTES < self.end:
            self._rotten = True
            offset = part("journal_open").next_good(self, offset + 1)
            record = self.record_at(offset) if offset else None
        return record

    def write(self, data):
        if self._torn:  # an earlier write failed half-way: nothing may follow it
            self.rewrite()
        self._torn = True
        self.storage.append(JOURNAL_FILE, data)
        self._torn = False
        self.end += len(data)

    def keep(self, data):
        """Write what memory holds already, and a rotation therefore writes too."""
        if self.end + len(data) > self.capacity:
            self.rewrite()
        else:
            self.write(data)

    def rewrite(self, victims=()):
        """Replace the file by one with the pending records alone, but for the `victims`, a dict of
        sequences with their classes. What cannot be read any more is counted as lost."""
        self._torn = True
        written = 0
        kept = []
        tally = self.tally

        def chunks():
            nonlocal written, tally
            for piece in self.live_frames(kept, victims):
                written += len(piece)
                yield piece
            if len(kept) < len(self.listed):
                tally = part("journal_room").with_lost(self, kept, victims)
            if self._has_tally(tally):
                piece = part("journal_room").tally_frame(tally)
                written += len(piece)
                yield piece

        self.storage.replace(JOURNAL_FILE, chunks())
        self.end = written
        self.listed = kept
        self.tally = tally
        if self.drop_sequence not in kept:
            self.drop_sequence = 0
        self.generation += 1
        self._torn = self._rotten = False

    def live_frames(self, kept, victims=()):
        """What a rotation writes, but for the tally; `kept` gains the sequences of the events."""
        header = struct.pack(HEADER, JOURNAL_MAGIC, self.epoch_bytes, self.last_sequence)
        yield header + struct.pack("<I", crc32(header))
        count = len(self.listed) - len(victims)
        body = struct.pack(ORIGIN_BODY, self.epoch_bytes, self.losses, self.gasps, count)
        yield frame(ORIGIN, self.last_sequence, body)
        for clock in self.clocks:
            yield _clock_frame(clock)
        if self.last_loss:
            boot_count, up_time_ms = self.last_loss
            yield frame(LOSS, boot_count, struct.pack(LOSS_BODY, up_time_ms, self.last_gasp))
        record = self.next_record(HEADER_BYTES) if self.end else None
        while record:
            kind, sequence, payload, offset = record
            if kind & TYPE_BITS <= DROP and sequence in self.listed and sequence not in victims:
                kept.append(sequence)
                if kind == RESTORED:
                    kind = EVENT | (RESERVED ^ 1) << 4
                yield frame(kind, sequence, payload)
            record = self.next_record(offset)

    def make_room(self, need, priority):
        """True when `need` more bytes of one event of this class fit and leave what is kept for
        higher ones; if need be after rotating, or dropping events of lower classes."""
        kept_free = min(_DROP_BYTES, self.capacity // _DROP_PART)
        if priority < RESERVED:
            kept_free = self.capacity // _RESERVE_PART
        elif priority > RESERVED:
            kept_free = 0
        limit = self.capacity - kept_free
        records = _MAX_RECORDS - (_MAX_RECORDS * kept_free + self.capacity - 1) // self.capacity
        if self.end + need <= limit and len(self.listed) < records:
            return True
        return part("journal_room").make_room(self, need, priority, limit, records)

    def _append_event(self, kind, payload):
        self.write(frame(kind, self.last_sequence + 1, payload))
        self.admit(kind, self.last_sequence + 1)
        return self.last_sequence

    def admit(self, kind, sequence):
        self.listed.append(sequence)
        if sequence > self.last_sequence:
            self.last_sequence = sequence
        if kind == RESTORED:
            self.losses += 1
            self.gasps += self.last_gasp
            self.last_loss = None
            self.last_gasp = False
        elif kind == DROP:
            self.drop_sequence = sequence
            self.tally = [0, 0, 0, 0, 0, ""]

    def _tell_drop(self):
        """Journal what was lost, once until that event itself is acknowledged."""
        if self.drop_sequence or not self.describe_drop or not self._has_tally(self.tally):
            return
        payload = self.describe_drop(self.tally)
        if self.make_room(len(payload) + FRAME_BYTES, UNKNOWN):
            self._append_event(DROP, payload)

    def _has_tally(self, tally):
        return tally != [0, 0, 0, 0, 0, ""]

    def keep_clock(self, clock):
        kept = [known for known in self.clocks if known[0] != clock[0]]
        kept.append(clock)
        self.clocks = kept[-_MAX_CLOCKS:]


def fixed_digits(number: int, digits: int) -> bytes:
    """`number` as exactly `digits` decimal digits: zeros before it, or all nines past the end."""
    text = b"%d" % number
    if len(text) > digits:
        return b"9" * digits
    return b"0" * (digits - len(text)) + text
