"""A made-up registry of any size, written straight into a database with the server's schema.

Every fourth unit is a modem, a voice modem, a set-top box and the smart card paired with it: four
units make one contract. Serial numbers are B1000001 and on. The same SQL runs on both databases.
"""

from datetime import UTC, datetime

from sqlalchemy import Connection, Engine, create_engine, text

# The fill of 0001 is days ago; the rest is spread over five years, so that verdicts differ.
_DAY_MS = 86_400_000
_OLDEST_DAYS = 1_800
_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :size) SELECT "
_CLASS = "CASE i % 4 WHEN 1 THEN 'MODEM' WHEN 2 THEN 'VOICEMODEM' WHEN 3 THEN 'STB' ELSE 'CARD' END"
_SERIAL = "'B' || CAST(1000000 + i AS VARCHAR(12))"
_SINCE = f"CAST(:now_ms AS BIGINT) - (1 + (i * 1597) % {_OLDEST_DAYS}) * CAST({_DAY_MS} AS BIGINT)"
_MODEL_ID = "CASE i % 4 WHEN 0 THEN 4 ELSE i % 4 END"

_STATEMENTS = (
    "INSERT INTO model (id, manufacturer_oui, product_class, model_name, manufacturer, "
    "approval_reference) "
    + _NUMBERS.replace(":size", "4")
    + f"i, '00256D', {_CLASS}, 'Example ' || i, 'Example Devices', 'EXAMPLE' FROM n",
    "INSERT INTO unit (id, serial_number, endpoint_id, manufacturer_oui, product_class, "
    "manufacturer, model_name, lab, blacklisted, received_at, model_id, state) "
    + _NUMBERS
    + f"i, {_SERIAL}, CASE WHEN i % 4 = 0 THEN NULL ELSE 'ops::00256D-' || {_CLASS} || '-' || "
    f"{_SERIAL} END, '00256D', {_CLASS}, 'Example Devices', 'Example', FALSE, FALSE, "
    f"{_SINCE}, {_MODEL_ID}, 'installed' FROM n",
    "INSERT INTO unit_mac (mac_address, unit_id, interface) "
    + _NUMBERS
    + "'M' || CAST(i AS VARCHAR(12)), i, 'cable' FROM n WHERE i % 4 <> 0",
    "INSERT INTO contract (id, number, created_at, package) "
    + _NUMBERS.replace(":size", ":contracts")
    + "i, 'C-' || CAST(i AS VARCHAR(12)), CAST(:now_ms AS BIGINT), 'TOP L' FROM n",
    "INSERT INTO service_position (id, contract_id, name, product_classes) "
    + _NUMBERS
    + "i, (i + 3) / 4, CASE i % 4 WHEN 1 THEN 'internet' WHEN 2 THEN 'voice' WHEN 3 THEN 'tv-1' "
    f"ELSE 'card-1' END, {_CLASS} FROM n",
    "INSERT INTO assignment (id, unit_id, service_position_id, since_at, handed_over_on, "
    "value_cents, recorded_at) "
    + _NUMBERS
    + f"i, i, i, {_SINCE}, CASE i % 3 WHEN 0 THEN date('2023-02-28') WHEN 1 THEN "
    f"date('2026-06-01') ELSE NULL END, 5000, {_SINCE} FROM n",
    "INSERT INTO pairing (id, card_unit_id, box_unit_id, since_at) "
    + _NUMBERS.replace(":size", ":contracts")
    + "i, i * 4, i * 4 - 1, CAST(:now_ms AS BIGINT) FROM n",
)


def fill(url: str, size: int) -> None:
    """Write `size` units, a multiple of four, and all that hangs on them, into an empty schema."""
    engine = create_engine(url)
    with engine.begin() as connection:
        for statement in _STATEMENTS:
            _run(connection, statement, size)
    _tidy(engine)
    engine.dispose()


def serial_number(number: int) -> str:
    """Of unit `number`, 1 to the size of the registry."""
    return f"B{1_000_000 + number}"


def _run(connection: Connection, statement: str, size: int) -> None:
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    given = {"size": size, "contracts": size // 4, "now_ms": now_ms}
    connection.execute(
        text(statement), {name: value for name, value in given.items() if f":{name}" in statement}
    )


def _tidy(engine: Engine) -> None:
    """What a database does by itself in time: statistics, and for PostgreSQL the visibility map."""
    command = "VACUUM ANALYZE" if engine.dialect.name == "postgresql" else "ANALYZE"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(command))
