"""The words for how a command to a device stands."""

from __future__ import annotations


def _(message: str) -> str:
    return message


COMMAND_WORDS: dict[str, dict[str, str]] = {
    "command_state": {
        "queued": _("waits for its turn"),
        "sent": _("sent, no answer yet"),
        "accepted": _("under way on the device"),
        "done": _("done"),
        "failed": _("failed"),
        "expired": _("expired, never carried out"),
        "cancelled": _("cancelled, never carried out"),
    },
    "command_moment": {
        "queued": _("Queued"),
        "sent": _("Sent"),
        "accepted": _("Accepted by the device"),
        "done": _("Done"),
        "failed": _("Failed"),
        "expired": _("Expired"),
        "cancelled": _("Cancelled"),
    },
    # What a cancellation can do, by where the command stands.
    "command_recall": {
        "at_once": _("It has not left yet: cancelling takes effect at once."),
        "overtake": _(
            "It may have left: cancelling asks the device to take nothing older any more;"
            " the device then says whether it was in time."
        ),
        "stop": _("The device has begun: cancelling asks it to stop, which not every command can."),
        "asked": _("It was called back; whether in time the device says once it is connected."),
        "past_recall": _("Past recall: the device has it already, or it cannot be called back."),
        "ended": _("It has ended; there is nothing to cancel."),
    },
    "command_refusal": {
        "ended": _("The command had ended before; compare with what stands here."),
        "invalid": _(
            "The command is not possible like this: a path such as Device.Reboot(), arguments as"
            " NAME=VALUE, one a line."
        ),
        "reserved": _(
            "This command is not given by hand: order a swap, or decide on the service, so that"
            " registry and network follow."
        ),
        "unknown_device": _("There is no such device; take its endpoint from the device list."),
    },
}
