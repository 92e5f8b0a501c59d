"""What the endpoint gives to be sent: a Record of known size that is written while it leaves."""

from agent.wire.protobuf import chunks, measure


class Outgoing:
    """One PUBLISH: `topic`, `response_topic`, `size` of the payload, and `chunks()`.

    `asked` is (endpoint id, msg_id) of the request it answers, or None.
    """

    def __init__(self, topic: str, response_topic: str, produce, asked=None) -> None:
        sink = measure(produce)
        self.topic = topic
        self.response_topic = response_topic
        self.size = sink.size
        self.asked = asked
        self._sizes = sink.sizes
        self._produce = produce

    def chunks(self):
        """Yield the payload in pieces of at most 512 bytes; may be called again to send it again.

        Raises StreamError when what is told changed meanwhile.
        """
        return chunks(self._produce, self._sizes, self.size)

    def payload(self) -> bytes:
        """The whole payload, for what is known to be small."""
        return b"".join([bytes(chunk) for chunk in self.chunks()])


def ready(data: bytes):
    """The producer of a Record that is bytes already."""

    def produce(sink):
        sink.buffer.extend(data)
        yield

    return produce
