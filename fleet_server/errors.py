"""What can go wrong in the server as a process, by who must act.

Rules that a caller broke are in `fleet_server/domain/errors.py`.
"""

from __future__ import annotations


class FleetError(Exception):
    """Root of everything this package raises on purpose."""


class OperatorError(FleetError):
    """The operator must fix something; `remedy` is the sentence that says what."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(f"{problem} {remedy}")
        self.problem = problem
        self.remedy = remedy


class PeerError(FleetError):
    """The other end of a connection sent what the protocol does not allow."""


class LinkError(FleetError):
    """The connection to the broker is gone; the process reconnects."""
