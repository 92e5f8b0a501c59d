"""What can go wrong on the bench, one class per who must act."""


class BenchError(Exception):
    """Root of the bench's errors."""


class BoardNotRunningError(BenchError):
    """No supervising process answers for this board: the user must start it."""


class BoardStartError(BenchError):
    """A board's supervising process or its machine did not come up."""


class BoardRefusedError(BenchError):
    """The board's supervising process refused an action; its text says why."""


class FlashImageError(BenchError):
    """A flash image cannot be read, or does not hold what it must."""


class ServerStartError(BenchError):
    """The fleet server or one of its processes did not come up; its last words are in the text."""


class LabFileError(BenchError):
    """The lab file cannot be used; its text names the key and says what to write instead."""


class LabDeviceError(BenchError):
    """A relay, power supply or other device of the lab did not do what it was told."""


class EvidenceError(BenchError):
    """A report cannot be signed, or is not what was signed."""
