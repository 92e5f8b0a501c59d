"""Models of equipment, and whether the regulator approved them [7.1.8]."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from fleet_server.domain.approval import check_approved
from fleet_server.domain.errors import ConflictError, InvalidError, NotFoundError
from fleet_server.services import audit
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor, Entry


class UnknownModelError(NotFoundError):
    """No such model is on record."""


@dataclass(frozen=True, slots=True)
class Model:
    """One model; `approval_reference` is empty while it is not approved."""

    id: int
    manufacturer_oui: str
    product_class: str
    model_name: str
    manufacturer: str
    approval_reference: str
    hardware_revisions: tuple[str, ...]
    sensors: tuple[str, ...]
    supplier_warranty_months: int | None

    @property
    def approved(self) -> bool:
        return bool(self.approval_reference)


def list_models(connection: Connection, after: int, limit: int) -> list[Model]:
    """Models with a number above `after`, in the order of their numbers."""
    found = connection.execute(
        select(t.model).where(t.model.c.id > after).order_by(t.model.c.id).limit(limit)
    )
    return [_model(row) for row in found]


def read_model(connection: Connection, model_id: int) -> Model:
    """Raises UnknownModelError."""
    row = connection.execute(select(t.model).where(t.model.c.id == model_id)).first()
    if row is None:
        raise UnknownModelError("There is no model %(model)s.", model=model_id)
    return _model(row)


def record_approval(
    connection: Connection,
    actor: Actor,
    model_id: int,
    approval_reference: str,
    reason: str,
    now: datetime,
) -> None:
    """Record the regulator's approval of a model, or with an empty reference its end.

    Units in service stay; no further one goes onto a contract without it. Raises
    UnknownModelError, InvalidError without a reason, ConflictError when nothing would change.
    """
    model = read_model(connection, model_id)
    reference = approval_reference.strip()
    if not reason.strip():
        raise InvalidError("Say why the approval changes.")
    if reference == model.approval_reference:
        raise ConflictError(
            "Model %(model)s has this approval reference already.", model=model.model_name
        )
    connection.execute(
        update(t.model).where(t.model.c.id == model_id).values(approval_reference=reference)
    )
    detail = {"from": model.approval_reference, "to": reference, "article": "7.1.8"}
    entry = Entry("model_approval_changed", f"model:{model_id}", detail)
    audit.append(connection, actor, [entry], now, reason.strip())


def require_approved(connection: Connection, unit: Row[Any]) -> None:
    """Raises UnapprovedModelError when the unit's model may not go to a customer [7.1.8]."""
    reference = connection.scalar(
        select(t.model.c.approval_reference).where(t.model.c.id == unit.model_id)
    )
    check_approved(unit.serial_number, unit.model_name, reference)


def _model(row: Row[Any]) -> Model:
    return Model(
        id=row.id,
        manufacturer_oui=row.manufacturer_oui,
        product_class=row.product_class,
        model_name=row.model_name,
        manufacturer=row.manufacturer,
        approval_reference=row.approval_reference,
        hardware_revisions=tuple(json.loads(row.hardware_revisions)),
        sensors=tuple(json.loads(row.sensors)),
        supplier_warranty_months=row.supplier_warranty_months,
    )
