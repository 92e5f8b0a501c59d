"""Only equipment approved under the regulator's standards goes to a customer [7.1.8]."""

from __future__ import annotations

from fleet_server.domain.errors import RefusedError


class UnapprovedModelError(RefusedError):
    """The unit's model has no approval reference on record, or its model is not on record."""


def check_approved(serial: str, model_name: str, approval_reference: str | None) -> None:
    """`approval_reference` is that of the unit's model, None when no model is on record.

    Raises UnapprovedModelError.
    """
    if approval_reference is None:
        raise UnapprovedModelError(
            "Unit %(unit)s has no model on record, so no approval is known [7.1.8].", unit=serial
        )
    if not approval_reference.strip():
        raise UnapprovedModelError(
            "Model %(model)s of unit %(unit)s has no approval reference [7.1.8].",
            model=model_name,
            unit=serial,
        )
