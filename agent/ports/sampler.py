"""How a board hands over samples of its supply.

A timer or the converter's own clock fills one buffer by DMA (or in an interrupt) while the agent
works on the other. Nothing is worked out in the interrupt: it changes the buffers and sets a flag,
on MicroPython an `asyncio.ThreadSafeFlag`, that `read_into` waits for.

Peaks: a transient of some microseconds passes between two samples. A board that has a peak
detector (a diode and a capacitor for each polarity, bandwidth 100 kHz or more, held for the length
of a block and then discharged) says so in `holds_peaks` and sets `high` and `low` with each block.
"""


class Sampler:
    """One converter. Attributes are fixed, but for `high` and `low`; a count is one step of it."""

    kind = "mains"  # "mains": 230 V, both half-waves; "rail": the direct voltage behind an adapter
    nominal_mv = 230000  # root mean square on the mains
    mv_per_count = 500  # on the mains 12 bits reach +-1,023 V then, the largest swell and more
    rate_hz = 3200  # 64 samples in a nominal cycle: 50 harmonics need more, dips do not
    block = 32  # samples in a block: 10 ms
    holds_peaks = False
    high = 0  # the highest and the lowest instant of the block read last, counts of the same scale,
    low = 0  # beyond the converter's range as well; only where `holds_peaks`

    level_mv = None  # set by the agent once it works: () -> what the supply measures now

    async def read_into(self, block):
        """Fill `block`, an array("h") of `block` counts, zero near 0 V; wait until it is full.

        Returns how many samples were lost before its first one because nobody read in time.
        """
        raise NotImplementedError
