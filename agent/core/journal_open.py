"""Opens a journal: reads what is pending, steps over what cannot be read, and counts it as lost.

Which sequences are lost follows from those that are left. Behind the header's last sequence they
run without a gap; up to it only the pending ones stand in the file, in order, so a hole may name
some that were acknowledged long ago: who has them knows better.
A whole record at the end whose CRC is wrong may have been promised and its event delivered, so its
sequence is given up: given to another event it would make the controller drop that as a repeat. One
that is cut short, or was never filled in, was not promised.
"""

import struct

from agent.compat import const, crc32
from agent.core.journal import (
    ACKNOWLEDGED,
    CLOCK,
    CLOCK_BODY,
    DROP,
    EVENT,
    FRAME_BYTES,
    HEAD,
    HEADER,
    HEADER_BYTES,
    JOURNAL_FILE,
    JOURNAL_MAGIC,
    LOSS,
    LOSS_BODY,
    MAX_PAYLOAD,
    ORIGIN,
    ORIGIN_BODY,
    RESERVED,
    SEQUENCES,
    SLOT_HEAD,
    SLOT_MAGIC,
    SLOT_TAIL,
    TALLY,
    TALLY_BODY,
    TYPE_BITS,
    UNKNOWN,
    UNREADABLE,
    fixed_digits,
    frame,
)
from agent.core.parts import part
from agent.errors import StorageError

_WINDOW_BYTES = const(512)
_HEAD_BYTES = const(7)
_LEAST_EVENT_BYTES = const(64)  # with its frame: no event is shorter
_SLOT_HEAD_BYTES = const(17)
_SIZES = {ACKNOWLEDGED: 0, CLOCK: 12, LOSS: 9, ORIGIN: 14}


def open_journal(journal) -> None:
    """Make `journal` what its file and its slot say."""
    size = journal.storage.size(JOURNAL_FILE)
    header = journal.storage.read(JOURNAL_FILE, 0, HEADER_BYTES)
    if (
        len(header) == HEADER_BYTES
        and header[:4] == JOURNAL_MAGIC
        and crc32(header[:12]) == struct.unpack_from("<I", header, 12)[0]
    ):
        _, epoch, last = struct.unpack_from(HEADER, header)
        _scan(journal, epoch, last, size, 0)
    else:
        journal.end = size or 0
        origin = journal.record_at(HEADER_BYTES)
        if origin and origin[0] == ORIGIN:
            _scan(journal, origin[2][:4], origin[1], size, 1)
        else:
            begin(journal, size is not None)
    adopt(journal)


def begin(journal, unreadable: bool = False) -> None:
    """A new epoch, with nothing in it; `unreadable`: there was another one."""
    journal.reset(journal.random(4), 0)
    journal.tally[UNREADABLE] = int(unreadable)
    journal.rewrite()


def _scan(journal, epoch, last, size, unreadable):
    journal.reset(epoch, last)
    journal.end = size
    found = _Losses(last)
    offset = HEADER_BYTES
    while offset < size:
        record = journal.record_at(offset)
        if record is None:
            following = next_good(journal, offset + 1)
            heads = _heads(journal, offset, following or size)
            if not following and (heads == [] or _is_torn(journal, offset, size)):
                break
            found.rot(heads, (following or size) - offset)
            unreadable += 1
            offset = following or size
        else:
            _take(journal, record, found)
            offset = record[3]
    slot = _slot(journal)
    found.close(journal, slot[0] if slot else 0)
    if found.found or unreadable:
        _count(journal, found, unreadable)
    if offset != size or unreadable:
        journal.end = offset
        journal.rewrite()


def _take(journal, record, found):
    kind, number, payload, _ = record
    what = kind & TYPE_BITS
    if what <= DROP:
        found.event(number)
        journal.admit(kind, number)
    elif what == ACKNOWLEDGED:
        journal.last_sequence = max(journal.last_sequence, number)
        if number in journal.listed:
            journal.listed.remove(number)
        else:
            found.settled.append(number)
        if number == journal.drop_sequence:
            journal.drop_sequence = 0
    elif what == CLOCK:
        offset_ms, error_ms = struct.unpack(CLOCK_BODY, payload)
        journal.keep_clock((number, offset_ms, error_ms))
    elif what == ORIGIN and len(payload) == _SIZES[ORIGIN]:
        _, journal.losses, journal.gasps, found.held = struct.unpack(ORIGIN_BODY, payload)
    elif what == LOSS:
        journal.last_loss = (number, struct.unpack_from("<Q", payload)[0])
        journal.last_gasp = len(payload) > 8 and payload[8] == 1
    elif what == TALLY:
        journal.tally = list(struct.unpack_from(TALLY_BODY, payload))
        journal.tally.append(payload[20:].decode())


class _Losses:
    """Works out the lost sequences from the events that are left; `last` is the header's."""

    def __init__(self, last):
        self.found = []  # (first, last, class, at most so many)
        self.settled = []  # acknowledged, but not seen: such a hole is no loss
        self.held = last  # so many events of up to `last` stood in the file when it was written
        self._last = last
        self._seen = 0
        self._heads = []  # (class, sequence) of unreadable events whose heads made sense
        self._bytes = 0  # of those whose heads did not

    def rot(self, heads, size):
        """Something of `size` bytes cannot be read; `heads` are its events, None when unknown."""
        if heads is None:
            self._bytes += size
        else:
            self._heads += heads

    def event(self, sequence):
        """This is the next event that can be read."""
        self._hole(sequence - 1)
        self._seen = sequence
        if sequence <= self._last:
            self.held -= 1

    def close(self, journal, slot_sequence):
        """The end is reached; the power-loss record, if any, has the sequence after the last."""
        highest = max(journal.last_sequence, slot_sequence - 1)
        if slot_sequence <= highest:
            highest += len([e for e in self._heads if not self._seen < e[1] <= highest])
            if self._bytes:
                highest += self._bytes // _LEAST_EVENT_BYTES + 1
        self._hole(highest)
        if self.held <= 0:  # all of them are here
            self.found = [entry for entry in self.found if entry[0] > self._last]
        journal.last_sequence = highest

    def _hole(self, end):
        """Events between the last one seen and `end` are missing, if any is."""
        first = self._seen + 1
        known = {}
        for priority, sequence in self._heads:
            if first <= sequence <= end:
                known[sequence] = priority
            else:
                self._bytes += _LEAST_EVENT_BYTES  # its head cannot be right
        if self._bytes and first <= min(end, self._last):
            most = self._bytes // _LEAST_EVENT_BYTES or 1
            self.found.append((first, min(end, self._last), UNKNOWN, most))
        for sequence in range(first, end + 1) if end > self._last else sorted(known):
            if sequence > self._last or (sequence in known and not self._bytes):
                self.found.append((sequence, sequence, known.get(sequence, UNKNOWN), 1))
        self._heads = []
        self._bytes = 0


def _count(journal, found, unreadable):
    ranges = []
    for first, last, priority, most in found.found:
        if first < last or first not in found.settled:
            ranges.append((first, last))
            journal.tally[priority] += min(last - first + 1, most)
    journal.tally[UNREADABLE] += unreadable
    journal.tally[SEQUENCES] = part("journal_room").joined(journal.tally[SEQUENCES], ranges)


def next_good(journal, offset) -> int:
    """Where the first record stands that can be read, from `offset` on; 0 when there is none."""
    while offset + FRAME_BYTES <= journal.end:
        window = journal.storage.read(JOURNAL_FILE, offset, _WINDOW_BYTES)
        for at in range(len(window) - _HEAD_BYTES + 1):
            size, kind, _ = struct.unpack_from(HEAD, window, at)
            if size <= MAX_PAYLOAD and 0 < kind & TYPE_BITS <= ORIGIN and kind < 0x40:
                if journal.record_at(offset + at):
                    return offset + at
        if len(window) < _WINDOW_BYTES:
            return 0
        offset += len(window) - _HEAD_BYTES + 1
    return 0


def _head(journal, offset):
    """(bytes with frame, kind, number) that the head at `offset` claims, None when it is none."""
    data = journal.storage.read(JOURNAL_FILE, offset, _HEAD_BYTES)
    if len(data) < _HEAD_BYTES:
        return None
    size, kind, number = struct.unpack(HEAD, data)
    if size > MAX_PAYLOAD or not 0 < kind & TYPE_BITS <= ORIGIN or kind >= 0x40:
        return None
    if DROP < kind and size != _SIZES.get(kind, size):
        return None
    return size + FRAME_BYTES, kind, number


def _heads(journal, offset, end):
    """(class, sequence) of the events between, by their heads; None unless they fill it exactly."""
    events = []
    while offset < end:
        head = _head(journal, offset)
        if head is None:
            return None
        if head[1] & TYPE_BITS <= DROP:
            events.append((part("journal_room").class_of(head[1]), head[2]))
        offset += head[0]
    return events if offset == end else None


def _is_torn(journal, offset, size):
    """Whether the last bytes are a write that did not come to its end, so nothing was promised."""
    rest = size - offset
    if rest < FRAME_BYTES:
        return True
    head = _head(journal, offset)
    if head and head[0] > rest:
        return head[1] & TYPE_BITS > DROP or head[2] == journal.last_sequence + 1
    data = journal.storage.read(JOURNAL_FILE, offset, rest)
    return not data.strip(b"\0") or not data.strip(b"\xff")


def give_up(journal) -> None:
    """Nothing gets the next sequence, which a gasp may have left with."""
    sequence = journal.last_sequence + 1
    room = part("journal_room")
    journal.tally[SEQUENCES] = room.joined(journal.tally[SEQUENCES], [(sequence, sequence)])
    journal.keep(room.tally_frame(journal.tally))
    journal.last_sequence = sequence
    journal.keep(frame(ACKNOWLEDGED, sequence))


def adopt(journal) -> None:
    """Move a completed power-loss record from the slot into the journal, and clear the slot."""
    slot = _slot(journal)
    if slot is None:
        journal.loss_untold = _slot_head(journal) is not None
        return
    sequence, boot_count, up_time_ms, payload, gasp = slot
    if sequence == journal.last_sequence + 1:
        body = struct.pack(LOSS_BODY, up_time_ms, gasp)
        journal.make_room(len(payload) + 3 * FRAME_BYTES, RESERVED)
        kind = EVENT | (RESERVED ^ 1) << 4
        journal.write(frame(LOSS, boot_count, body) + frame(kind, sequence, payload))
        journal.last_loss = (boot_count, up_time_ms)
        journal.last_gasp = gasp
        journal.admit(kind, sequence)
    journal.storage.slot.clear()


def _slot_head(journal):
    """What a prepared slot begins with, None where there is none of this epoch."""
    head = journal.storage.slot.read(0, _SLOT_HEAD_BYTES)
    if len(head) < _SLOT_HEAD_BYTES:
        return None
    magic, epoch, size = struct.unpack_from(SLOT_HEAD, head)[:3]
    if magic != SLOT_MAGIC or epoch != journal.epoch_bytes or size > MAX_PAYLOAD:
        return None
    return head


def _slot(journal):
    """(sequence, boot count, up time ms, payload, gasp left) of a completed power-loss record."""
    slot = journal.storage.slot
    head = _slot_head(journal)
    if head is None:
        return None
    size, at, digits, boot_count = struct.unpack(SLOT_HEAD, head)[2:]
    payload = bytearray(slot.read(_SLOT_HEAD_BYTES, size))
    try:
        tail = slot.tail(_SLOT_HEAD_BYTES + size)
    except StorageError:
        return None
    if len(tail) < 16:
        return None
    sequence, up_time_ms, crc = struct.unpack_from(SLOT_TAIL, tail)
    if crc32(tail[:12], crc32(payload, crc32(head))) != crc:
        return None
    if digits:
        payload[at : at + digits] = fixed_digits(up_time_ms, digits)
    return sequence, boot_count, up_time_ms, bytes(payload), slot.marked()
