"""Events that must not be lost, kept in one append-only file until the controller has them.

- An event has a sequence: 1, 2, 3 ... without a gap within an epoch. What `append` has returned is
  on flash. It leaves only by `acknowledge`, which is on flash too when it returns.
- Every record has a CRC-32. A torn record at the end was never promised and is cut off at open.
- The file never grows past its capacity: when it is full of settled records it is written anew with
  the pending ones alone and put in place of the old one at once ("rotation").
- When pending events fill it, further ones are dropped, and the drop is an event of its own. The
  last eighth is kept for power records and drops, and acknowledging always works.
- The power-loss record has a slot, a second file opened and erased beforehand: at the signal one
  small write completes it. The next open, or the next use, moves it into the journal.
- The epoch is random and made anew only by `wipe` (or when no journal can be read at all).

In memory: the sequences that are pending, and the last few boots' clocks. Bytes: wire/FORMATS.md.
"""

import struct

from agent.compat import const, crc32, to_hex

MAX_PAYLOAD = 1024
CAPACITY_BYTES = 32768

_FILE = "journal"
_SLOT_FILE = "journal.power"
_MAGIC = b"VEJ1"
_HEADER = "<4s4sI"  # magic, epoch, last sequence given out
_HEADER_BYTES = const(16)
_HEAD = "<HBI"  # payload bytes, kind, sequence
_HEAD_BYTES = const(7)
_FRAME_BYTES = const(11)  # head and CRC
_READ_BYTES = const(256)
_ROTATE_BYTES = const(4096)
_RESERVE_PART = const(8)  # one part in so many
_DROP_BYTES = const(128)  # room that nothing but the event of a drop may take
_MAX_RECORDS = const(256)
_MAX_CLOCKS = const(8)

_EVENT = const(1)
_RESTORED = const(2)  # an event that settles the last power loss
_DROP = const(3)  # an event that tells of dropped events
_ACKNOWLEDGED = const(4)
_CLOCK = const(5)
_LOSS = const(6)
_CLOCK_BODY = "<qI"  # offset ms, error ms; the sequence field holds the boot count
_LOSS_BODY = "<Q"  # up time ms; the sequence field holds the boot count

_SLOT_MAGIC = b"VEP1"
_SLOT_HEAD = "<4sHHBI"  # magic, payload bytes, where its up time stands, digits, boot count
_SLOT_HEAD_BYTES = const(13)
_SLOT_TAIL = "<IQI"  # sequence, up time ms, CRC
_SLOT_TAIL_BYTES = const(16)


def _frame(kind, sequence, payload=b""):
    head = struct.pack(_HEAD, len(payload), kind, sequence)
    return head + payload + struct.pack("<I", crc32(payload, crc32(head)))


def _check_size(payload):
    if len(payload) > MAX_PAYLOAD:
        raise ValueError("payload too long", len(payload))


def _clock_frame(clock):
    return _frame(_CLOCK, clock[0], struct.pack(_CLOCK_BODY, clock[1], clock[2]))


class Journal:
    """`random(n)` gives n random bytes; `describe_drop(count)` the payload of a drop's event.

    Raises StorageError when the medium fails: what was asked for is then not promised.
    """

    def __init__(self, storage, random, describe_drop=None, capacity=CAPACITY_BYTES) -> None:
        self._storage = storage
        self._random = random
        self._capacity = capacity
        self.describe_drop = describe_drop or (lambda count: b"dropped %d" % count)
        self._slot = None
        self._slot_committed = False
        self._open()

    @property
    def pending_count(self) -> int:
        return len(self._pending)

    def append(self, payload: bytes, reserved: bool = False, restores: bool = False) -> int:
        """Keep an event; return its sequence, or 0 when there is no room and it was dropped.

        `reserved` may use the room kept for power records. `restores`: this event tells of the
        end of the power loss that `last_loss` names.
        """
        self.settle()
        _check_size(payload)
        kept_free = _DROP_BYTES if reserved else self._capacity // _RESERVE_PART
        if not self._make_room(len(payload) + _FRAME_BYTES, kept_free):
            self._dropped += 1
            self._tell_drop()
            return 0
        if self._dropped:
            self._tell_drop()
        return self._append_event(_RESTORED if restores else _EVENT, payload)

    def acknowledge(self, sequence: int) -> None:
        """The controller has it: it will never be given out again. Unknown ones are ignored."""
        self.settle()
        if sequence not in self._pending:
            return
        self._pending.remove(sequence)
        if sequence == self._drop_sequence:
            self._drop_sequence = 0
        full = self._end + _FRAME_BYTES > self._capacity
        if full or (not self._pending and self._end > _ROTATE_BYTES):
            self._rewrite()
        else:
            self._write(_frame(_ACKNOWLEDGED, sequence))
        if self._dropped:
            self._tell_drop()

    def pending(self, after: int = 0):
        """Yield (sequence, payload) of what is not acknowledged, oldest first, read one at a time.

        Appending and acknowledging while it runs is allowed.
        """
        self.settle()
        generation = offset = -1
        while self._pending and self._pending[-1] > after:
            if generation != self._generation:
                generation = self._generation
                offset = _HEADER_BYTES
            record = self._record_at(offset)
            if record is None:
                return
            kind, sequence, payload, offset = record
            if kind <= _DROP and sequence > after and sequence in self._pending:
                after = sequence
                yield sequence, payload

    def recent(self, limit: int):
        """Yield (sequence, payload, whether it waits) of the last events still in the file."""
        self.settle()
        skip = -limit
        for _ in self._events():
            skip += 1
        for sequence, payload in self._events():
            if skip <= 0:
                yield sequence, payload, sequence in self._pending
            skip -= 1

    def _events(self):
        record = self._record_at(_HEADER_BYTES)
        while record:
            if record[0] <= _DROP:
                yield record[1], record[2]
            record = self._record_at(record[3])

    def wipe(self) -> None:
        """Forget every event and clock; a new epoch begins."""
        self._close_slot()
        self._storage.remove(_SLOT_FILE)
        self._begin()

    def note_clock(self, boot_count: int, offset_ms: int, error_ms: int) -> None:
        """Keep that in this boot, up time + `offset_ms` is Unix time, give or take `error_ms`."""
        self.settle()
        clock = (boot_count, offset_ms, error_ms)
        if clock in self.clocks:
            return
        self._keep_clock(clock)
        frame = _clock_frame(clock)
        if self._end + len(frame) > self._capacity:
            self._rewrite()
        else:
            self._write(frame)

    def clock_of(self, boot_count: int) -> tuple[int, int] | None:
        """(offset ms, error ms) of that boot, or None when its time was never known."""
        for boot, offset_ms, error_ms in self.clocks:
            if boot == boot_count:
                return offset_ms, error_ms
        return None

    # --- the power-loss record ---

    def prepare_loss(self, payload: bytes, boot_count: int, at: int, digits: int) -> bool:
        """Make everything ready for `append_loss`; False when there is no room.

        `payload` has the up time as `digits` decimal digits at offset `at`. Prepare again when
        the number of digits changes. Slow: erases flash.
        """
        self.settle()
        _check_size(payload)
        self._close_slot()
        if not self._make_room(len(payload) + 3 * _FRAME_BYTES, _DROP_BYTES):
            return False
        head = struct.pack(_SLOT_HEAD, _SLOT_MAGIC, len(payload), at, digits, boot_count) + payload
        self._slot_crc = crc32(head)
        self._slot_tail = bytearray(_SLOT_TAIL_BYTES)
        self._slot = self._storage.prepare(_SLOT_FILE, head)
        return True

    def append_loss(self, up_time_ms: int) -> int:
        """Complete the prepared record; return its sequence, 0 when none was prepared. Fast."""
        if self._slot is None or self._slot_committed:
            return 0
        tail = memoryview(self._slot_tail)
        struct.pack_into(_SLOT_TAIL, tail, 0, self.last_sequence + 1, up_time_ms, 0)
        crc = crc32(tail[: _SLOT_TAIL_BYTES - 4], self._slot_crc)
        struct.pack_into("<I", tail, _SLOT_TAIL_BYTES - 4, crc)
        self._slot.commit(tail)
        self._slot_committed = True
        return self.last_sequence + 1

    def settle(self) -> None:
        """Move a completed power-loss record into the journal proper."""
        if self._slot_committed:
            self._close_slot()
            self._adopt_slot()

    # --- inside ---

    def _open(self):
        header = self._storage.read(_FILE, 0, _HEADER_BYTES)
        if (
            len(header) < _HEADER_BYTES
            or header[:4] != _MAGIC
            or crc32(header[:12]) != struct.unpack_from("<I", header, 12)[0]
        ):
            self._begin()
        else:
            self._scan(header)
        self._adopt_slot()

    def _begin(self):
        self._reset(self._random(4), 0)
        self._rewrite()

    def _reset(self, epoch, last):
        self._epoch = epoch
        self.epoch = to_hex(epoch)
        self.last_sequence = last
        self.last_loss = None  # (boot count, up time ms) not yet told as restored
        self._pending = []
        self.clocks = []  # (boot count, offset ms, error ms), the latest last
        self._dropped = 0
        self._drop_sequence = 0
        self._generation = 0
        self._end = 0
        self._torn = False

    def _scan(self, header):
        _, epoch, last = struct.unpack_from(_HEADER, header)
        self._reset(epoch, last)
        offset = _HEADER_BYTES
        record = self._record_at(offset)
        while record:
            kind, number, payload, offset = record
            if kind <= _DROP:
                self._admit(kind, number)
            elif kind == _ACKNOWLEDGED:
                if number in self._pending:
                    self._pending.remove(number)
                if number == self._drop_sequence:
                    self._drop_sequence = 0
            elif kind == _CLOCK:
                offset_ms, error_ms = struct.unpack(_CLOCK_BODY, payload)
                self._keep_clock((number, offset_ms, error_ms))
            elif kind == _LOSS:
                self.last_loss = (number, struct.unpack(_LOSS_BODY, payload)[0])
            record = self._record_at(offset)
        self._end = offset
        if self._storage.size(_FILE) != offset:
            self._rewrite()

    def _record_at(self, offset):
        """(kind, number, payload, offset of the next), or None at the end or a torn record."""
        data = self._storage.read(_FILE, offset, _READ_BYTES)
        if len(data) < _FRAME_BYTES:
            return None
        size, kind, number = struct.unpack_from(_HEAD, data)
        size += _FRAME_BYTES
        if size > MAX_PAYLOAD + _FRAME_BYTES:
            return None
        if size > len(data):
            data = self._storage.read(_FILE, offset, size)
        if size > len(data):
            return None
        view = memoryview(data)
        if crc32(view[: size - 4]) != struct.unpack_from("<I", data, size - 4)[0]:
            return None
        return kind, number, bytes(view[_HEAD_BYTES : size - 4]), offset + size

    def _write(self, data):
        if self._torn:  # an earlier write failed half-way: nothing may follow it
            self._rewrite()
        self._torn = True
        self._storage.append(_FILE, data)
        self._torn = False
        self._end += len(data)

    def _rewrite(self):
        """Replace the file by one with the pending records alone."""
        self._torn = True
        written = _HEADER_BYTES

        def chunks():
            nonlocal written
            header = struct.pack(_HEADER, _MAGIC, self._epoch, self.last_sequence)
            yield header + struct.pack("<I", crc32(header))
            for frame in self._live_frames():
                written += len(frame)
                yield frame

        self._storage.replace(_FILE, chunks())
        self._end = written
        self._generation += 1
        self._torn = False

    def _live_frames(self):
        for clock in self.clocks:
            yield _clock_frame(clock)
        if self.last_loss:
            boot_count, up_time_ms = self.last_loss
            yield _frame(_LOSS, boot_count, struct.pack(_LOSS_BODY, up_time_ms))
        record = self._record_at(_HEADER_BYTES) if self._end else None
        while record and record[3] <= self._end:
            kind, sequence, payload, offset = record
            if kind <= _DROP and sequence in self._pending:
                yield _frame(_EVENT if kind == _RESTORED else kind, sequence, payload)
            record = self._record_at(offset)

    def _make_room(self, need, kept_free):
        """True when `need` more bytes of one event fit and leave `kept_free` bytes, and as large
        a part of the records, to those who may still take them; if need be after rotating."""
        limit = self._capacity - kept_free
        records = _MAX_RECORDS - (_MAX_RECORDS * kept_free + self._capacity - 1) // self._capacity
        if len(self._pending) >= records:
            return False
        if self._end + need <= limit:
            return True
        live = _HEADER_BYTES
        for frame in self._live_frames():
            live += len(frame)
        if live + need > limit:
            return False
        self._rewrite()
        return True

    def _append_event(self, kind, payload):
        self._write(_frame(kind, self.last_sequence + 1, payload))
        self._admit(kind, self.last_sequence + 1)
        return self.last_sequence

    def _admit(self, kind, sequence):
        self._pending.append(sequence)
        if sequence > self.last_sequence:
            self.last_sequence = sequence
        if kind == _RESTORED:
            self.last_loss = None
        elif kind == _DROP:
            self._drop_sequence = sequence

    def _tell_drop(self):
        """Journal that events were dropped, once until that event itself is acknowledged."""
        if self._drop_sequence:
            return
        payload = self.describe_drop(self._dropped)
        if self._make_room(len(payload) + _FRAME_BYTES, 0):
            self._append_event(_DROP, payload)
            self._dropped = 0

    def _keep_clock(self, clock):
        kept = [known for known in self.clocks if known[0] != clock[0]]
        kept.append(clock)
        self.clocks = kept[-_MAX_CLOCKS:]

    def _close_slot(self):
        slot, self._slot = self._slot, None
        self._slot_committed = False
        if slot:
            slot.close()

    def _adopt_slot(self):
        data = self._storage.read(_SLOT_FILE, 0, _SLOT_HEAD_BYTES + MAX_PAYLOAD + _SLOT_TAIL_BYTES)
        if not data:
            return
        sequence, boot_count, up_time_ms, payload = _read_slot(data)
        if sequence == self.last_sequence + 1:
            loss = _frame(_LOSS, boot_count, struct.pack(_LOSS_BODY, up_time_ms))
            self._write(loss + _frame(_EVENT, sequence, payload))
            self.last_loss = (boot_count, up_time_ms)
            self._admit(_EVENT, sequence)
        self._storage.remove(_SLOT_FILE)


def _read_slot(data):
    """(sequence, boot count, up time ms, payload); sequence 0 when it was never completed."""
    nothing = (0, 0, 0, b"")
    if len(data) < _SLOT_HEAD_BYTES + _SLOT_TAIL_BYTES:
        return nothing
    magic, size, at, digits, boot_count = struct.unpack_from(_SLOT_HEAD, data)
    end = _SLOT_HEAD_BYTES + size
    if magic != _SLOT_MAGIC or len(data) != end + _SLOT_TAIL_BYTES:
        return nothing
    sequence, up_time_ms, crc = struct.unpack_from(_SLOT_TAIL, data, end)
    if crc32(memoryview(data)[:-4]) != crc:
        return nothing
    payload = bytearray(data[_SLOT_HEAD_BYTES:end])
    if digits:
        text = fixed_digits(up_time_ms, digits)
        payload[at : at + digits] = text
    return sequence, boot_count, up_time_ms, bytes(payload)


def fixed_digits(number: int, digits: int) -> bytes:
    """`number` as exactly `digits` decimal digits: zeros before it, or all nines past the end."""
    text = b"%d" % number
    if len(text) > digits:
        return b"9" * digits
    return b"0" * (digits - len(text)) + text
