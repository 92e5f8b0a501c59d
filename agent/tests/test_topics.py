from agent.wire.topics import agent_topic, controller_topic, is_endpoint_id, sender_of

AGENT = "ops::00256D-STB-0123456789"
CONTROLLER = "fqdn::fleet.example.org"


def test_topics_name_the_agent():
    assert agent_topic(AGENT) == "usp/a/" + AGENT
    assert controller_topic(CONTROLLER, AGENT) == "usp/c/" + CONTROLLER + "/" + AGENT


def test_the_topic_tells_the_sender_also_below_it():
    topic = controller_topic(CONTROLLER, AGENT)
    assert sender_of(topic, CONTROLLER) == AGENT
    assert sender_of(topic + "/cli-1", CONTROLLER) == AGENT


def test_a_topic_of_someone_else_tells_nothing():
    assert sender_of("usp/c/fqdn::other/" + AGENT, CONTROLLER) is None
    assert sender_of("usp/a/" + AGENT, CONTROLLER) is None
    assert sender_of("usp/c/" + CONTROLLER + "/", CONTROLLER) is None


def test_an_endpoint_id_has_three_parts_and_no_wildcards():
    assert is_endpoint_id(AGENT) and is_endpoint_id("oui:00256D:fleet-1")
    for text in ("", "ops:x", "ops::", "::x", "ops::a+b", "ops::a/b", "ops::#", "ops::" + "x" * 51):
        assert not is_endpoint_id(text), text
