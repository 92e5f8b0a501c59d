"""What the customer set on the box: the router's own memory, not the agent's."""


class Customer:
    """Settings in the form of agent.core.customer_settings."""

    def settings(self) -> dict:
        """What is set now; the agent does not change it."""
        raise NotImplementedError

    def put(self, settings: dict) -> None:
        """Have them take effect, durable when it returns. Raises OSError."""
        raise NotImplementedError
