"""What lets the customer's own traffic through, or not: a chip, a kernel, or nothing at all.

The device's own connection to its controller and its telephone line's signalling and speech are
never the customer's traffic: no filter may touch them.
"""


class Filter:
    """A filter subclasses this and replaces `put`. `failure` says why the last rules are not in
    force, "" while they are."""

    failure = ""

    def apply(self, rules: dict) -> None:
        """Have the rules take effect as a whole, in place of the last ones.

        `state` is active (everything passes), restricted (`hosts` alone, with the answers to the
        names asked for them) or terminated (nothing passes). `hosts` is a list of names as
        agent.wire.allow_list.covers takes them, `numbers` what may be dialled in the last two
        states, `television` whether television from the network may be opened.
        """
        try:
            self.put(rules)
            self.failure = ""
        except OSError as error:
            self.failure = str(error)

    def put(self, rules: dict) -> None:
        """Take over the rules: all of them or, with an OSError that says why, none."""
        raise NotImplementedError
