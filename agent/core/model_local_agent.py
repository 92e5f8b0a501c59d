"""Device.LocalAgent. and Device.MQTT. as provisioning made them: one transport, one broker, and the
primary controller as Controller.1."""

from agent.wire.codes import SOFTWARE_VERSION
from agent.wire.topics import agent_topic, controller_topic

_CONTROLLER = "Device.LocalAgent.Controller.{i}."
_CLIENT = "Device.MQTT.Client.{i}."
_LAB_ROLE = "Device.LocalAgent.ControllerTrust.Role.2"


def endpoint_id_of(board) -> str:
    """The endpoint id of a board."""
    parts = (board.manufacturer_oui, board.product_class, board.serial_number)
    return "ops::" + "-".join(parts)


def bind_local_agent(device, settings) -> None:
    """Enter what is fixed or was provisioned; what a controller wrote is kept."""
    endpoint_id = endpoint_id_of(device.board)
    topic = agent_topic(endpoint_id)
    device.bind(
        "Device.LocalAgent.",
        (),
        EndpointID=endpoint_id,
        SoftwareVersion=SOFTWARE_VERSION,
        UpTime=lambda: str(device.now_ms // 1000),
    )
    device.bind("Device.LocalAgent.MTP.{i}.", (1,))
    device.bind("Device.LocalAgent.MTP.{i}.MQTT.", (1,), ResponseTopicConfigured=topic)
    roles = "Device.LocalAgent.ControllerTrust.Role.{i}."
    device.bind(roles, (1,), Name="Fleet")
    device.bind(roles, (2,), Name="Lab", Alias="cpe-2")
    _bind_client(device, endpoint_id, topic, settings)
    _bind_primary(device, endpoint_id, settings)


def _bind_client(device, endpoint_id, topic, settings):
    device.bind(
        _CLIENT,
        (1,),
        Status=lambda: "Connected" if device.online else "Connecting",
        BrokerAddress=settings.get("broker_host", ""),
        BrokerPort=str(settings.get("broker_port", 8883)),
        ClientID=endpoint_id,
    )
    device.bind(_CLIENT + "Subscription.{i}.", (1,), Topic=topic)


def _bind_primary(device, endpoint_id, settings):
    controller = settings.get("controller", "")
    device.bind(_CONTROLLER, (1,), EndpointID=controller, Enable="true", Alias="cpe-1")
    if device.board.lab:
        device.bind(_CONTROLLER, (1,), AssignedRole=_LAB_ROLE)
    mtp = _CONTROLLER + "MTP.{i}."
    device.bind(mtp, (1, 1), Enable="true", Alias="cpe-1")
    device.bind(mtp + "MQTT.", (1, 1), Topic=controller_topic(controller, endpoint_id))


def broker_settings(device) -> dict:
    """The broker's address as the model has it now, under the names provisioning uses."""
    return {
        "broker_host": device.text("Device.MQTT.Client.1.BrokerAddress"),
        "broker_port": device.text("Device.MQTT.Client.1.BrokerPort"),
    }
