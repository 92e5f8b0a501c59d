"""MQTT topic names: the topic proves who sent a Record, because the broker lets a device write
only under its own name.

An agent subscribes `usp/a/<eid>`. What is for the controller goes to `usp/c/<controller>/<eid>`.
"""

_MAX_ENDPOINT_ID = 64


def agent_topic(endpoint_id: str) -> str:
    """The topic on which an agent gets its Records."""
    return "usp/a/" + endpoint_id


def controller_topic(controller_id: str, endpoint_id: str) -> str:
    """The topic on which the controller gets the Records of one agent."""
    return "usp/c/" + controller_id + "/" + endpoint_id


def sender_of(topic: str, controller_id: str) -> str | None:
    """The agent a topic belongs to, or None when it is not a topic of this controller.

    Answers to the `usp` command line carry one more level after the agent.
    """
    prefix = "usp/c/" + controller_id + "/"
    if not topic.startswith(prefix):
        return None
    endpoint_id = topic[len(prefix) :].split("/")[0]
    return endpoint_id if is_endpoint_id(endpoint_id) else None


def is_endpoint_id(text: str) -> bool:
    """Whether the text may be an endpoint id: scheme, authority and instance, no more than fits
    the common name of a certificate, and nothing that has a meaning in a topic filter.

    Source: TR-369 R-ARC.5, R-ARC.6; X.520 ub-common-name.
    """
    parts = text.split(":")
    if len(parts) != 3 or not parts[0] or not 0 < len(parts[2]) <= 50:
        return False
    return len(text) <= _MAX_ENDPOINT_ID and all(_is_id_character(c) for c in parts[1] + parts[2])


def _is_id_character(c: str) -> bool:
    return "0" <= c <= "9" or "a" <= c <= "z" or "A" <= c <= "Z" or c in "-._%"
