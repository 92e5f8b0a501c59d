"""Rows of the model on flash: a blob for each object that is kept.

The blob is a JSON list: the rows, each [instance numbers, {name: text}], and the numbers that were
given to rows, each [numbers of the parent, number].
"""

import json

from agent.errors import StorageError


def load(model, obj: int) -> None:
    """Fill an object's rows with what the store keeps. Raises StorageError."""
    for numbers, values in _kept(model, obj):
        row = model.insert_row(obj, tuple(numbers))
        for slot, parameter, _ in model.parameters(obj):
            row[slot] = values.get(parameter)


def read(model, obj: int) -> list:
    """The rows of an object that are in memory only while they are used; none when the medium
    gave back something else: nothing that guards anything is kept so."""
    rows = []
    try:
        for numbers, values in _kept(model, obj):
            row = model.new_row(obj, tuple(numbers))
            for slot, parameter, _ in model.parameters(obj):
                row[slot] = values.get(parameter)
            rows.append(row)
    except StorageError:
        model.store.remove(model.header(obj, "~"))
    return rows


def save(model, obj: int) -> None:
    """Make an object's rows durable. Raises StorageError."""
    rows = []
    for row in model.rows(obj):
        values = {}
        for slot, name, _ in model.parameters(obj):
            if isinstance(row[slot], str):
                values[name] = row[slot]
        rows.append((row[0], values))
    given = [(key[1], number) for key, number in model.given.items() if key[0] == obj]
    model.store.save(model.header(obj, "=~"), json.dumps([rows, given]).encode())


def _kept(model, obj):
    name = model.header(obj, "=~")
    data = model.store.load(name) if name else None
    if not data:
        return ()
    rows, given = json.loads(data)
    for parent, number in given:
        model.given[(obj, tuple(parent))] = number
    return rows
