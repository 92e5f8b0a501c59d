"""What a request changes beside what it names, and who asked for it."""

CONTROLLER = "Device.LocalAgent.Controller.{i}."
SUBSCRIPTION = "Device.LocalAgent.Subscription.{i}."


class Asker:
    """Who asks and what came of it. `number` is the instance of the controller's row; `locked`:
    what can harm must come wrapped and authorised; `now` a dateTime. After the work, `created` and
    `deleted` have (object, row) and object paths, `changed` the objects that were written."""

    def __init__(self, number: int, locked: bool, now: str) -> None:
        self.number = number
        self.locked = locked
        self.now = now
        self.created = []
        self.deleted = []
        self.changed = []


def remove_row(model, obj, row, asker):
    """Delete one row; a controller takes its subscriptions with it. Source: TP-469 1.78."""
    path = model.instance_path(obj, row)
    if model.row(obj, row[0]) is not row:
        return
    asker.deleted.append(path)
    model.delete_row(obj, row)
    if model.path(obj) == CONTROLLER:
        subscriptions = model.find(SUBSCRIPTION)
        for found in list(model.rows(subscriptions)):
            if model.get(subscriptions, found, "Recipient") == path[:-1]:
                remove_row(model, subscriptions, found, asker)
