"""Answers to what is wrong with a command to a device."""

from __future__ import annotations

from fleet_server.api.answer import Answer
from fleet_server.domain import errors as rules

COMMAND_ERRORS: dict[type[rules.RuleError], Answer] = {
    rules.UnknownCommandError: Answer(
        404, "unknown-command", "No such command", "List the device's commands and compare."
    ),
    rules.CommandEndedError: Answer(
        409,
        "command-ended",
        "The command has ended",
        "Look at its state; what the device did is not undone by calling it back.",
    ),
    rules.CommandKeyTakenError: Answer(
        409,
        "command-key-taken",
        "The key names another command",
        "Queue it under a key of its own.",
    ),
    rules.InvalidCommandError: Answer(
        422,
        "invalid-command",
        "The device would not take this command",
        "Correct what detail names; the device's supported model lists commands and arguments.",
    ),
}
