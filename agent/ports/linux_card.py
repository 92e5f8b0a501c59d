"""A smart card in a reader that pcscd serves: PC/SC on Linux, through pyscard.

A thread waits in the library for the reader to change; the event loop is never held up by it. The
card is shared: a conditional access program may have it as well, and each reading is one
transaction. The reader speaks whatever protocol the card wants, T=1 included.
"""

import asyncio
import threading

try:
    from smartcard import scard
except ImportError:
    scard = None  # pyscard is for boxes that read cards

from agent.errors import CardError, ConfigurationError

_AGAIN_S = 2.0  # until pcscd, or a reader, is looked for again


def check_library():
    """Raises ConfigurationError when pyscard is not installed."""
    if scard is None:
        text = "card_reader is set and pyscard is not installed"
        raise ConfigurationError("card_reader", text, "pip install pyscard, or leave it out")


class PCSCReader:
    """The first reader whose name contains `name`. `present` is None until one was found, False
    while it is gone; `on_change()` is called from the thread whenever it changes."""

    def __init__(self, name, on_change):
        self.reader = ""
        self.present = None
        self._name = name
        self._on_change = on_change
        self._ended = threading.Event()
        self._context = None
        threading.Thread(target=self._watch, name="card-reader", daemon=True).start()

    def open(self):
        """A CardPort for one reading."""
        return PCSCCard(self.reader)

    def close(self):
        self._ended.set()
        if self._context is not None:
            scard.SCardCancel(self._context)

    def _watch(self):
        while not self._ended.is_set():
            code, self._context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
            if code == scard.SCARD_S_SUCCESS:
                self._follow(self._context)
                scard.SCardReleaseContext(self._context)
            if self.present:
                self._tell(False)
            self._ended.wait(_AGAIN_S)

    def _follow(self, context):
        """Follow one reader until it, or pcscd, is gone."""
        code, readers = scard.SCardListReaders(context, [])
        found = [each for each in readers or [] if self._name in each]
        if code != scard.SCARD_S_SUCCESS or not found:
            return
        self.reader = found[0]
        known = scard.SCARD_STATE_UNAWARE
        while not self._ended.is_set():
            wanted = [(self.reader, known)]
            code, states = scard.SCardGetStatusChange(context, scard.INFINITE, wanted)
            if code != scard.SCARD_S_SUCCESS:
                return
            known = states[0][1]
            if known & (scard.SCARD_STATE_UNKNOWN | scard.SCARD_STATE_UNAVAILABLE):
                return
            self._tell(bool(known & scard.SCARD_STATE_PRESENT))

    def _tell(self, present):
        if present != self.present:
            self.present = present
            self._on_change()


class PCSCCard:
    """A CardPort for one reading of the card in a reader. Its calls run in a thread."""

    def __init__(self, reader):
        self._reader = reader
        self._context = self._card = None
        self._protocol = 0

    async def reset(self):
        return await asyncio.to_thread(self._reset)

    async def exchange(self, apdu):
        return await asyncio.to_thread(self._exchange, bytes(apdu))

    def release(self):
        if self._card is not None:
            scard.SCardEndTransaction(self._card, scard.SCARD_LEAVE_CARD)
            scard.SCardDisconnect(self._card, scard.SCARD_LEAVE_CARD)
        if self._context is not None:
            scard.SCardReleaseContext(self._context)
        self._card = self._context = None

    def _reset(self):
        """A card that others use as well is not reset for us: pcscd has its answer to reset."""
        code, self._context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
        _check(code)
        code, self._card, self._protocol = scard.SCardConnect(
            self._context,
            self._reader,
            scard.SCARD_SHARE_SHARED,
            scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1,
        )
        if code != scard.SCARD_S_SUCCESS:
            self._card = None
        _check(code)
        _check(scard.SCardBeginTransaction(self._card))
        code, _, _, _, atr = scard.SCardStatus(self._card)
        _check(code)
        return bytes(atr)

    def _exchange(self, apdu):
        header = (
            scard.SCARD_PCI_T1 if self._protocol == scard.SCARD_PROTOCOL_T1 else scard.SCARD_PCI_T0
        )
        code, response = scard.SCardTransmit(self._card, header, list(apdu))
        _check(code)
        if len(response) == 2 and response[0] == 0x61:
            more = [apdu[0], 0xC0, 0, 0, response[1]]
            code, response = scard.SCardTransmit(self._card, header, more)
            _check(code)
        return bytes(response)


def _check(code):
    """Raises CardError unless the library said that all went well."""
    if code == scard.SCARD_S_SUCCESS:
        return
    gone = code in (
        scard.SCARD_E_NO_SMARTCARD,
        scard.SCARD_W_REMOVED_CARD,
        scard.SCARD_E_READER_UNAVAILABLE,
        scard.SCARD_E_UNKNOWN_READER,
    )
    word = "absent" if gone else "mute"
    raise CardError(word, scard.SCardGetErrorMessage(code))
