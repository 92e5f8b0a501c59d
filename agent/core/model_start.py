"""The start of a model: what is fixed or was provisioned is entered, and this boot in its history.

Loaded once, at the start. What a controller wrote and is kept comes from the store, before.
"""

import json
from array import array

from agent.compat import const
from agent.core import model_device as live
from agent.core.model_table import check_of, opened_text
from agent.core.parts import part
from agent.errors import StorageError
from agent.wire.codes import (
    MAINS,
    POWER,
    RESET_BROWN_OUT,
    RESET_COMMANDED,
    RESET_POWER_ON,
    RESET_REASONS,
    RESET_WATCHDOG,
    SOFTWARE_VERSION,
    SOURCE_UNKNOWN,
)
from agent.wire.topics import agent_topic, controller_topic

_CHUNK_BYTES = const(512)
_REBOOTS = "Device.DeviceInfo.Reboots."
_DEVICE_INFO = "Device.DeviceInfo."
_CONTROLLER = "Device.LocalAgent.Controller.{i}."
_CLIENT = "Device.MQTT.Client.{i}."
_LAB_ROLE = "Device.LocalAgent.ControllerTrust.Role.2"


def index(product_class: str):
    """Where the objects of a product class stand in the text: the arguments of a Table."""
    text = opened_text()
    text.seek(0)
    starts, sizes, checks = array("H"), array("H"), array("H")
    at = 0
    lines = text.read(_CHUNK_BYTES)
    while lines:
        size = lines.find(b"\n\n") + 2
        if size < 2:
            lines += text.read(_CHUNK_BYTES)
            continue
        path, *words = str(lines[: lines.find(b"\n")], "utf-8").split(" ")
        only = [word[1:].split("|") for word in words if word[0] == "?"]
        if not only or product_class in only[0]:
            starts.append(at)
            sizes.append(size)
            checks.append(check_of(path.encode()))
        at += size
        lines = lines[size:] or text.read(_CHUNK_BYTES)
    return starts, sizes, checks


def load(model) -> None:
    """Make the rows of single objects, and fill them all with what the store keeps."""
    for obj in model.objects:
        model.tables.append(None if model.header(obj, "@~") else [])
        if model.tables[obj] is not None and "{i}" not in model.path(obj):
            model.tables[obj].append(model.new_row(obj, ()))
    rows = part("model_rows")
    for obj in model.objects:
        if model.tables[obj] is not None:
            rows.load(model, obj)
    model.dirty = []
    _drop_orphans(model)
    model.save()
    model.rest()


def _drop_orphans(model):
    """Rows whose parent row is gone: power failed while several blobs were saved."""
    for parent in model.objects:
        path = model.path(parent)
        if path.endswith("{i}.") and not model.header(parent, "@"):
            there = [row[0] for row in model.rows(parent)]
            depth = path.count("{i}")
            for child in model.under(path):
                if model.header(child, "@"):
                    continue
                kept = [row for row in model.rows(child) if row[0][:depth] in there]
                if len(kept) != len(model.rows(child)):
                    model.tables[child] = kept
                    model.dirty.append(child)


def forget(model) -> None:
    """Factory reset: remove what is kept, but for the history of boots and what the operator
    knows of the warranty. Restart afterwards."""
    for obj in model.objects:
        name = model.header(obj, "=~")
        if name and name != "warranty" and not name.startswith("reboot"):
            model.store.remove(name)
    model.dirty = []


def fill(device, settings) -> None:
    """Make the model whole."""
    _bind_device_info(device)
    _bind_state(device)
    _bind_local_agent(device, settings)
    _enter_boot(device)


def _bind_device_info(device):
    board = device.board
    _bind(
        device,
        _DEVICE_INFO,
        (),
        Manufacturer=board.manufacturer,
        ManufacturerOUI=board.manufacturer_oui,
        ModelName=board.model_name,
        ProductClass=board.product_class,
        SerialNumber=board.serial_number,
        HardwareVersion=board.hardware_version,
        UpTime=live.UP_TIME,
        X_IPKO_COM_Lab="true" if board.lab else "false",
    )
    _bind(device, _REBOOTS, (), BootCount=live.BOOT_COUNT)


def _bind_state(device):
    _bind(device, "Device.BulkData.", (), Status=live.BULK_STATUS)
    device.time_row = _bind(
        device,
        "Device.Time.",
        (),
        Status=live.TIME_STATUS,
        CurrentLocalTime=live.CURRENT_TIME,
        X_IPKO_COM_Source=live.TIME_SOURCE,
        X_IPKO_COM_Error=live.TIME_ERROR,
        X_IPKO_COM_Trusted=live.TIME_TRUSTED,
    )
    _bind(device, "Device.Time.Client.{i}.", (1,), Status=live.TIME_CLIENT_STATUS)
    sensors = list(device.board.sensors)
    if device.board.sampler:
        sensors.append(device.board.sampler.kind)
    device.power_row = _bind(
        device,
        POWER,
        (),
        Source=MAINS if sensors else SOURCE_UNKNOWN,
        SupplyVoltage=live.SUPPLY_VOLTAGE,
        SupplyNominal=str(device.board.supply_nominal_mv) if sensors else "0",
        PowerLossCount=live.POWER_LOSSES,
        GaspCount=live.GASPS,
        Sensors=",".join(sensors),
    )
    warranty = {"UnitDaysLeft": live.WARRANTY, "CardDaysLeft": live.WARRANTY + 1}
    _bind(device, "Device.X_IPKO-COM_Warranty.", (), **warranty)
    _bind(device, "Device.UserInterface.", (), WarrantyDate=live.WARRANTY + 2)


def _enter_boot(device):
    obj = device.find(_REBOOTS)
    totals = device.rows(obj)[0]
    code = device.board.reset_cause()
    updated = _note_version(device, obj, totals)
    names = ["CurrentVersionBootCount"]
    if code in (RESET_POWER_ON, RESET_BROWN_OUT):
        names.append("ColdBootCount")
    else:
        names.append("WarmBootCount")
    if code == RESET_WATCHDOG:
        names.append("WatchdogBootCount")
    if code == RESET_BROWN_OUT:
        power, row = device.find(POWER), device.power_row
        count = str(int(device.get(power, row, "BrownOutCount")) + 1)
        device.put(power, row, "BrownOutCount", count)
    for name in names:
        device.put(obj, totals, name, str(int(device.get(obj, totals, name)) + 1))
    _add_boot(device, int(device.get(obj, totals, "MaxRebootEntries")), code, updated)


def _note_version(device, obj, totals):
    info = device.find(_DEVICE_INFO)
    row = device.rows(info)[0]
    known = device.get(info, row, "SoftwareVersion")
    device.put(info, row, "SoftwareVersion", SOFTWARE_VERSION)
    if known in ("", SOFTWARE_VERSION):
        return "false"
    device.put(obj, totals, "CurrentVersionBootCount", "0")
    return "true"


def _add_boot(device, limit, code, updated):
    boot = device.find(live.REBOOT)
    cause, reason, device.command_key = _take_intent(device, code)
    while 0 < limit <= len(device.rows(boot)):
        device.delete_row(boot, device.rows(boot)[0])
    device.boot_row = row = device.add_row(boot, ())
    values = {"Cause": cause, "Reason": reason, "FirmwareUpdated": updated}
    for name, value in values.items():
        device.put(boot, row, name, value)
    part("values").fill_keys(device, boot, row)


def _take_intent(device, code):
    """(Cause, Reason, CommandKey) of this boot; a Reboot() left word before it acted."""
    intent = None
    try:
        intent = device.store.load("intent")
    except StorageError:
        device.store.remove("intent")
    if intent:
        device.store.remove("intent")
        if code == RESET_COMMANDED:
            return json.loads(intent)
    return "LocalReboot", RESET_REASONS[code], ""


def _bind_local_agent(device, settings) -> None:
    """Enter what is fixed or was provisioned; what a controller wrote is kept."""
    endpoint_id = live.endpoint_id_of(device.board)
    topic = agent_topic(endpoint_id)
    _bind(
        device,
        "Device.LocalAgent.",
        (),
        EndpointID=endpoint_id,
        SoftwareVersion=SOFTWARE_VERSION,
        UpTime=live.UP_TIME,
        X_IPKO_COM_CommandCounter=live.COMMAND_COUNTER,
        X_IPKO_COM_CommandKey=live.COMMAND_KEY,
    )
    _bind(device, "Device.LocalAgent.MTP.{i}.", (1,))
    _bind(device, "Device.LocalAgent.MTP.{i}.MQTT.", (1,), ResponseTopicConfigured=topic)
    roles = "Device.LocalAgent.ControllerTrust.Role.{i}."
    _bind(device, roles, (1,), Name="Fleet")
    _bind(device, roles, (2,), Name="Lab", Alias="cpe-2")
    _bind_client(device, endpoint_id, topic, settings)
    _bind_primary(device, endpoint_id, settings)


def _bind_client(device, endpoint_id, topic, settings):
    _bind(
        device,
        _CLIENT,
        (1,),
        Status=live.CLIENT_STATUS,
        BrokerAddress=settings.get("broker_host", ""),
        BrokerPort=str(settings.get("broker_port", 8883)),
        ClientID=endpoint_id,
    )
    _bind(device, _CLIENT + "Subscription.{i}.", (1,), Topic=topic)


def _bind_primary(device, endpoint_id, settings):
    controller = settings.get("controller", "")
    _bind(device, _CONTROLLER, (1,), EndpointID=controller, Enable="true", Alias="cpe-1")
    if device.board.lab:
        _bind(device, _CONTROLLER, (1,), AssignedRole=_LAB_ROLE)
    mtp = _CONTROLLER + "MTP.{i}."
    _bind(device, mtp, (1, 1), Enable="true", Alias="cpe-1")
    _bind(device, mtp + "MQTT.", (1, 1), Topic=controller_topic(controller, endpoint_id))


def _bind(model, path: str, numbers: tuple, **values) -> list:
    """Set slots, to texts or numbers for `live`, as every start does anew; return the row.

    A name is written with _ for the hyphen, which no keyword can have.
    """
    obj = model.find(path)
    row = model.insert_row(obj, numbers)
    for name, value in values.items():
        row[model.entry(obj, name.replace("X_IPKO_", "X_IPKO-"))[0]] = value
    return row
