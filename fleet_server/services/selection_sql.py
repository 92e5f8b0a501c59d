"""A selection (domain/selection.py) as a condition on `unit`; every value is a bound parameter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    exists,
    false,
    func,
    not_,
    or_,
    select,
)

from fleet_server.domain.errors import UnknownNetworkElementError
from fleet_server.domain.local_time import local_day
from fleet_server.domain.policy import IN_TERM, Policy
from fleet_server.domain.selection import (
    FIELDS,
    Comparison,
    Condition,
    Every,
    InvalidSelectionError,
    Kind,
    Operator,
    Opposite,
    Some,
)
from fleet_server.domain.service_state import ServiceState
from fleet_server.domain.warranty import CoverState, last_covered_day, years_of
from fleet_server.services import tables as t

_PLANT_KINDS = ("node", "amplifier", "street")
_TERMS = ("STB", "CARD")
Test = Callable[[ColumnElement[Any]], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles for one moment and the settings in force."""

    connection: Connection
    policy: Policy
    now: datetime

    def where(self, condition: Condition) -> ColumnElement[bool]:
        """Raises InvalidSelectionError or UnknownNetworkElementError."""
        if isinstance(condition, Every):
            return and_(*(self.where(one) for one in condition.of))
        if isinstance(condition, Some):
            return or_(*(self.where(one) for one in condition.of))
        if isinstance(condition, Opposite):
            return not_(self.where(condition.of))
        return func.coalesce(self._comparison(condition), false())

    def _comparison(self, one: Comparison) -> ColumnElement[bool]:
        if FIELDS[one.field].kind == Kind.PLACE:
            return self._place(one)
        if one.field == "warranty":
            return self._warranty(one)
        test = _test(one, self.now)
        if one.field in _OF_UNIT:
            return test(_OF_UNIT[one.field]())
        return _on_contract(test(_OF_CONTRACT[one.field]))

    def _place(self, one: Comparison) -> ColumnElement[bool]:
        codes = sorted(set(_values(one)))
        kinds = _PLANT_KINDS if one.field == "area" else (one.field,)
        element = t.network_element.c
        found = self.connection.scalars(
            select(element.code).where(element.code.in_(codes), element.kind.in_(kinds))
        ).all()
        missing = sorted(set(codes) - set(found))
        if missing:
            raise UnknownNetworkElementError(
                "There is no %(kind)s %(code)s in the network.", kind=one.field, code=missing[0]
            )
        tree = select(element.id).where(element.code.in_(codes)).cte(recursive=True)
        below = t.network_element.alias()
        tree = tree.union(select(below.c.id).join(tree, below.c.parent_id == tree.c.id))
        return _on_contract(t.contract.c.network_element_id.in_(select(tree.c.id)))

    def _warranty(self, one: Comparison) -> ColumnElement[bool]:
        """By the newest hand-over on record (domain/warranty.py says what it means)."""
        if not self.policy.replacement_starts_own_term:
            raise InvalidSelectionError(
                "warranty: cannot be selected while replacements take over the term of the unit "
                "before (setting replacement_starts_own_term)."
            )
        handed_over_on = _newest_hand_over()
        state: list[tuple[ColumnElement[bool], str]] = []
        kind = t.unit.c.product_class
        state.append((kind.not_in(_TERMS), CoverState.NO_TERM.value))
        state.append((~_was_assigned(), CoverState.NOT_RECEIVED.value))
        unknown = CoverState.IN_TERM if self.policy.receipt_unknown_is == IN_TERM else None
        state.append((handed_over_on.is_(None), (unknown or CoverState.UNKNOWN).value))
        for product_class in _TERMS:
            first = _first_day_in_term(product_class, local_day(self.now), self.policy)
            within = and_(kind == product_class, handed_over_on >= first)
            state.append((within, CoverState.IN_TERM.value))
        found = case(*state, else_=CoverState.EXPIRED.value)
        return found.in_(_values(one))


def _values(one: Comparison) -> tuple[str, ...]:
    return one.value if isinstance(one.value, tuple) else (str(one.value),)


def _test(one: Comparison, now: datetime) -> Test:
    value: Any = one.value
    if one.operator == Operator.STARTS_WITH:
        return lambda column: func.substr(column, 1, len(value)) == value
    if one.operator in (Operator.IS, Operator.IN):
        return lambda column: column.in_(_values(one))
    if one.operator in (Operator.WITHIN_DAYS, Operator.OLDER_THAN_DAYS):
        bound: Any = now - timedelta(days=value)
        if FIELDS[one.field].kind == Kind.DAY:
            bound = local_day(bound)
        if one.operator == Operator.WITHIN_DAYS:
            return lambda column: column >= bound
        return lambda column: column < bound
    if one.operator == Operator.BEFORE:
        return lambda column: column < value
    return lambda column: column > value


def open_positions(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the unit holds a position now, of a contract of which the conditions hold."""
    return exists(
        select(t.assignment.c.id)
        .join(t.service_position, t.service_position.c.id == t.assignment.c.service_position_id)
        .join(t.contract, t.contract.c.id == t.service_position.c.contract_id)
        .where(t.assignment.c.unit_id == t.unit.c.id, t.open_assignment, *conditions)
        .correlate(t.unit)
    )


def contract_state() -> ColumnElement[str]:
    """The state of `contract`; one that is not in the table is active."""
    found = (
        select(t.contract_service.c.state)
        .where(t.contract_service.c.contract_id == t.contract.c.id)
        .correlate(t.contract)
        .scalar_subquery()
    )
    return func.coalesce(found, ServiceState.ACTIVE.value)


def _on_contract(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return open_positions(condition)


def _of_agent(column: str) -> ColumnElement[Any]:
    return (
        select(t.agent.c[column])
        .where(t.agent.c.endpoint_id == t.unit.c.endpoint_id)
        .correlate(t.unit)
        .scalar_subquery()
    )


def _of_presence(column: str) -> ColumnElement[Any]:
    return (
        select(t.presence.c[column])
        .where(t.presence.c.endpoint_id == t.unit.c.endpoint_id)
        .correlate(t.unit)
        .scalar_subquery()
    )


def _of_other(table: Any, key: str) -> ColumnElement[Any]:
    return (
        select(table.c.code).where(table.c.id == t.unit.c[key]).correlate(t.unit).scalar_subquery()
    )


def _software_version() -> ColumnElement[Any]:
    told = func.nullif(_of_agent("software_version"), "")
    return func.coalesce(told, t.unit.c.software_version)


_OF_UNIT: Mapping[str, Callable[[], ColumnElement[Any]]] = {
    **{
        name: (lambda name=name: t.unit.c[name])  # type: ignore[misc]
        for name in (
            "serial_number",
            "product_class",
            "manufacturer_oui",
            "manufacturer",
            "model_name",
            "hardware_version",
            "state",
            "received_at",
        )
    },
    "software_version": _software_version,
    "supplier": lambda: _of_other(t.supplier, "supplier_id"),
    "stock_place": lambda: _of_other(t.place, "place_id"),
    "presence": lambda: func.coalesce(_of_presence("state"), "never"),
    "seen_at": lambda: _of_presence("seen_at"),
}
_OF_CONTRACT: Mapping[str, ColumnElement[Any]] = {
    "contract": t.contract.c.number,
    "position": t.service_position.c.name,
    "package": t.contract.c.package,
    "contract_state": contract_state(),
    "signed_on": t.contract.c.signed_on,
    "handed_over_on": t.assignment.c.handed_over_on,
}


def _was_assigned() -> ColumnElement[bool]:
    return exists(
        select(t.assignment.c.id)
        .where(t.assignment.c.unit_id == t.unit.c.id, t.assignment.c.corrected_at.is_(None))
        .correlate(t.unit)
    )


def _newest_hand_over() -> ColumnElement[Any]:
    return (
        select(t.assignment.c.handed_over_on)
        .where(t.assignment.c.unit_id == t.unit.c.id, t.assignment.c.corrected_at.is_(None))
        .order_by(t.assignment.c.since_at.desc(), t.assignment.c.id.desc())
        .limit(1)
        .correlate(t.unit)
        .scalar_subquery()
    )


def _first_day_in_term(product_class: str, today: date, policy: Policy) -> date:
    """The earliest day of receipt whose term has not ended today."""
    years = years_of(product_class, policy) or 0
    day = today.replace(year=today.year - years, day=min(today.day, 28)) - timedelta(days=5)
    while (last_covered_day(product_class, day, policy) or today) < today:
        day += timedelta(days=1)
    return day
