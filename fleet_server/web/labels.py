"""The words for the codes of the database and of the wire.

`_` only marks a message for the catalogs; `label` translates it. A code that is not listed is
shown as it is: a vendor's device may report what nobody here has heard of.
"""

from __future__ import annotations

from gettext import NullTranslations

from fleet_server.domain.roles import Role
from fleet_server.web.labels_campaign import CAMPAIGN_WORDS
from fleet_server.web.labels_command import COMMAND_WORDS
from fleet_server.web.labels_people import PEOPLE_WORDS
from fleet_server.web.labels_registry import REGISTRY_WORDS
from fleet_server.web.labels_repair import REPAIR_WORDS
from fleet_server.web.labels_service import SERVICE_WORDS
from fleet_server.web.labels_steps import STEP_WORDS
from fleet_server.web.labels_swap import SWAP_WORDS


def _(message: str) -> str:
    return message


PRODUCT_CLASSES = {
    "MODEM": _("Modem"),
    "VOICEMODEM": _("Voice modem"),
    "STB": _("Set-top box"),
    "CARD": _("Smart card"),
}
PRESENCE_STATES = {
    "online": _("online"),
    "suspect": _("not heard from"),
    "offline": _("offline"),
    "never": _("never seen"),
}

_ROLES = {
    Role.FLEET_OPS: _("Fleet operations"),
    Role.TECHNICIAN: _("Field technician"),
    Role.DISPATCHER: _("Dispatcher"),
    Role.CALL_CENTRE: _("Call centre"),
    Role.WAREHOUSE: _("Warehouse"),
    Role.CONTRACTOR: _("Repair contractor"),
    Role.AUDITOR: _("Auditor"),
    Role.ADMINISTRATOR: _("Administrator"),
}
_PRESENCE_EVIDENCE = {
    "connect": _("the device connected"),
    "boot": _("the device started"),
    "record": _("a message from the device"),
    "periodic": _("a periodic message"),
    "power_loss": _("the device reported the loss of its power"),
    "disconnect": _("the device signed off"),
    "will": _("the broker lost the connection"),
    "missed_periodic": _("periodic messages did not come"),
}
_CAUSES = {
    "suspended": _("service suspended"),
    "maintenance": _("announced maintenance"),
    "plant power": _("power failure in the network plant"),
    "area mains": _("power cut in the area"),
    "no power at the device": _("no power at the device"),
    "access network": _("fault in the access network"),
    "device": _("fault of the device"),
    "unknown": _("cause unknown"),
}
_GRADES = {"measured": _("measured"), "inferred": _("inferred")}
_POWER_SOURCES = {
    "Mains": _("mains"),
    "Battery": _("battery"),
    "Unknown": _("unknown"),
}
_CARD_STATES = {
    "None": _("no card inserted"),
    "Running": _("card works"),
    "Error": _("card error"),
}
_CARD_FINDINGS = {
    "Reading": _("card is being read"),
    "Absent": _("no card inserted"),
    "Mute": _("card does not answer"),
    "Unknown": _("card of an unknown kind"),
    "WrongPairing": _("card of another box"),
    "NotEntitled": _("card waits for its entitlement"),
    "Running": _("card works"),
}
_CLOCK_STATES = {
    "Disabled": _("switched off"),
    "Unsynchronized": _("not set yet"),
    "Synchronized": _("correct"),
    "Error_FailedToSynchronize": _("could not be set"),
    "Error": _("clock error"),
}
_EVENTS = {
    "Boot!": _("Start"),
    "Periodic!": _("Periodic message"),
    "PowerLoss!": _("Power lost"),
    "PowerRestored!": _("Power restored"),
    "Dip!": _("Voltage dip"),
    "Swell!": _("Voltage swell"),
    "Result!": _("Result of a test of the line"),
    "Transient!": _("Surge"),
    "X_IPKO-COM_CardInserted!": _("Smart card put in"),
    "X_IPKO-COM_CardRemoved!": _("Smart card taken out"),
    "X_IPKO-COM_CardState!": _("Smart card read"),
    "X_IPKO-COM_EventsDropped!": _("Events lost on the device"),
    "X_IPKO-COM_Fault!": _("The agent went on after a fault"),
    "StateChanged!": _("State of the service changed"),
    "AllowListChanged!": _("Allow-list taken over"),
    "StatusChanged!": _("Television opened or closed"),
    "MainsLost!": _("Mains lost, running on battery"),
    "MainsRestored!": _("Mains back, no longer on battery"),
    "Battery!": _("State of the battery"),
    "EmergencyReachability!": _("Emergency calls"),
    "value_change": _("Value changed"),
    "object_creation": _("Object created"),
    "object_deletion": _("Object deleted"),
    "operation_complete": _("Command completed"),
    "on_board_request": _("Sign-on request"),
}
_RESET_REASONS = {
    "Unknown": _("unknown"),
    "power on reset": _("power came on"),
    "brown-out reset": _("supply voltage too low"),
    "watchdog": _("watchdog"),
    "reset button": _("reset button"),
    "commanded": _("commanded"),
    "crash": _("software crash"),
    "overheat": _("overheated"),
}
_SERVICE_REASONS = {
    "what was kept cannot be read": _("the device could not read its state"),
    "home network": _("the operator's own network"),
    "foreign network": _("another operator's network"),
    "no networks set": _("no networks set"),
    "service restricted": _("service restricted"),
    "service terminated": _("service terminated"),
}
_LINE_REASONS = {
    "LineError": _("fault of the telephone socket"),
    "LineDisabled": _("line switched off"),
    "LineTesting": _("line is being tested"),
    "NoNetwork": _("no network"),
    "NotRegistered": _("line not registered"),
    "Starting": _("device is starting"),
    "MainsLost": _("mains lost: the telephone itself may have no power"),
    "NotReported": _("the device cannot tell"),
    "Silent": _("the device is silent"),
    "PowerLost": _("no power at the device"),
    "NeverSeen": _("never heard of"),
}
_REACHABLE = {
    "true": _("line ready; whether a telephone works is not known"),
    "false": _("cannot be reached"),
    "unknown": _("unknown"),
}
_BATTERY = {
    "Good": _("good"),
    "Charging": _("charging"),
    "Low": _("low"),
    "Replace": _("worn out, to be replaced"),
    "Absent": _("missing"),
}
_SERVICE_STATES = {
    "active": _("active"),
    "restricted": _("restricted"),
    "terminated": _("terminated"),
}
_TELEVISION = {"Open": _("open"), "Closed": _("closed")}
_BOOT_CAUSES = {
    "LocalReboot": _("restart at the device"),
    "RemoteReboot": _("restart from here"),
    "LocalFactoryReset": _("factory reset at the device"),
    "RemoteFactoryReset": _("factory reset from here"),
}
_TRUTH = {"true": _("yes"), "false": _("no"), "1": _("yes"), "0": _("no")}
_ARGUMENTS = {
    "Command": _("Command"),
    "Rate": _("Speed (kbit/s)"),
    "Minimum": _("Guaranteed at least (kbit/s)"),
    "Verdict": _("Verdict"),
    "CustomerBytesReceived": _("Received by the customer meanwhile (bytes)"),
    "CustomerBytesSent": _("Sent by the customer meanwhile (bytes)"),
    "Cause": _("Cause of the start"),
    "Reason": _("Reason"),
    "Source": _("Source"),
    "Duration": _("Length"),
    "Magnitude": _("Voltage"),
    "Reachable": _("Emergency numbers"),
    "LineReady": _("Line ready"),
    "Since": _("Since"),
    "Battery": _("Battery"),
    "ChargePercent": _("Charge"),
    "RuntimeLeft": _("Lasts for another"),
    "FirmwareUpdated": _("Firmware updated"),
    "State": _("State"),
    "Status": _("Television"),
    "SerialNumber": _("Serial number"),
    "ATR": _("Answer to reset"),
    "Application": _("Card system"),
    "Other": _("Another card than the paired one"),
    "PairedSerialNumber": _("Paired card"),
    "Profile": _("Service profile"),
    "Version": _("Version"),
    "Network": _("Network"),
    "CommandKey": _("Command key"),
    "BootCount": _("Start number"),
    "UpTime": _("Time since that start"),
}

_HEALTH = {
    "u": _("Running for (s)"),
    "b": _("Starts so far"),
    "m": _("Free memory (KiB)"),
    "f": _("Free storage (KiB)"),
    "c": _("Processor (%)"),
    "t": _("Temperature (°C)"),
    "v": _("Power rail (mV)"),
    "s": _("Supply (mV)"),
    "k": _("Cable connection"),
    "d": _("Downstream level (dBmV)"),
    "n": _("Downstream SNR (dB)"),
    "e": _("Uncorrectable codewords"),
    "p": _("Upstream level (dBmV)"),
    "t3": _("T3 timeouts"),
    "t4": _("T4 timeouts"),
}
_VERDICTS = {"pass": _("within limits"), "fail": _("outside limits")}

_CLOCK_KINDS = {
    "installation": _("Installation"),
    "defect_answer": _("Answer to a defect"),
    "compensation_request": _("Request for compensation"),
    "return": _("Return of equipment"),
    "swap_notice": _("Notice before a swap"),
}
_DEADLINE_STATES = {
    "running": _("running"),
    "overdue": _("overdue"),
    "met": _("met"),
    "missed": _("done late"),
    "lapsed": _("lapsed"),
    "stopped": _("no longer applies"),
}
_CLOCK_STEPS = {
    "install": _("Install the service"),
    "install_and_explain": _("Install at once and tell the customer why it is late"),
    "answer": _("Tell the customer how the problem is solved"),
    "answer_at_once": _("Answer the customer at once"),
    "await_request": _("The customer may ask for compensation"),
    "await_return": _("The customer brings it back"),
    "remind": _("Remind the customer"),
    "decide_charge": _("Decide on the proposed charge"),
    "send_notice": _("Tell the customer of the swap"),
    "move_swap": _("Move the swap and tell the customer anew"),
    "nothing": _("nothing"),
}
_SYMPTOMS = {
    "no_service": _("no service"),
    "slow": _("slow"),
    "unstable": _("comes and goes"),
    "no_picture": _("no picture"),
    "no_line": _("no telephone line"),
    "damaged": _("damaged device"),
    "other": _("something else"),
}
_ANSWERS = {
    "repaired": _("repaired"),
    "replaced": _("replaced"),
    "visit": _("a technician comes"),
    "no_fault_found": _("no fault found"),
    "not_ours": _("not in the operator's equipment"),
}
_SWAP_GROUNDS = {
    "operator": _("the operator changes it"),
    "faulty": _("the unit is faulty"),
}

_CONFIDENCES = {
    "reported": _("reported by the operator's systems"),
    "high": _("high confidence"),
    "medium": _("medium confidence"),
    "low": _("low confidence"),
}
_LIABILITIES = {
    "operator": _("the operator"),
    "customer_side": _("the customer's side"),
    "force_majeure": _("force majeure"),
    "undecided": _("undecided"),
}
_WORKS = {
    "maintenance": _("Maintenance"),
    "upgrade": _("Upgrade"),
    "repair": _("Repair of the network"),
    "relocation": _("Relocation"),
}
_NOTICE_CHANNELS = {
    "sms": _("SMS"),
    "email": _("e-mail"),
    "letter": _("letter"),
    "website": _("website"),
}
_SEEN_BY = {
    "cmts": _("CMTS"),
    "provisioning": _("provisioning"),
    "technician": _("technician"),
}
_PLACE_OUTCOMES = {
    "contract_moved": _("the contract moved there"),
    "unit_brought_back": _("the unit was brought back"),
    "topology_corrected": _("the topology was corrected"),
    "sighting_wrong": _("the sighting was wrong"),
}
_REACHES = {"no": _("cannot"), "unknown": _("not known")}

_CREDIT_STATES = {
    "lasting": _("The interruption lasts"),
    "to_decide": _("A decision is needed"),
    "proposed": _("Days are to be given back"),
    "released": _("Given back"),
    "none": _("Nothing to be given back"),
    "withdrawn": _("Withdrawn"),
}
_STANDINGS = {
    "counts": _("counts"),
    "excluded": _("does not count"),
    "to_confirm": _("proposed not to count, to be confirmed"),
    "undecided": _("to be decided"),
}
_CREDIT_WORDS = {
    "operator": _("the operator; it counts"),
    "operator_excluded": _("the operator, announced work; it does not count"),
    "customer_side": _("the customer's side; it does not count"),
    "force_majeure": _("force majeure; it does not count"),
}
_RELEASE_FORMS = {"top_up": _("as a top-up"), "extension": _("as longer validity")}

_WORDS: dict[str, dict[str, str]] = {
    **REGISTRY_WORDS,
    "credit_state": _CREDIT_STATES,
    "standing": _STANDINGS,
    "credit_word": _CREDIT_WORDS,
    "release_form": _RELEASE_FORMS,
    "confidence": _CONFIDENCES,
    "liability": _LIABILITIES,
    "work": _WORKS,
    "notice_channel": _NOTICE_CHANNELS,
    "seen_by": _SEEN_BY,
    "place_outcome": _PLACE_OUTCOMES,
    "reach": _REACHES,
    **SERVICE_WORDS,
    "clock_kind": _CLOCK_KINDS,
    "clock_state": _DEADLINE_STATES,
    "clock_step": _CLOCK_STEPS,
    "clock_who": {
        **{role.value: word for role, word in _ROLES.items()},
        "customer": _("the customer"),
        "nobody": _("nobody"),
    },
    "symptom": _SYMPTOMS,
    "answer": _ANSWERS,
    "swap_ground": _SWAP_GROUNDS,
    **REPAIR_WORDS,
    "health": _HEALTH,
    "verdict": _VERDICTS,
    "product_class": {**PRODUCT_CLASSES, "CARD": _("Smart card")},
    "presence": PRESENCE_STATES,
    "role": {role.value: word for role, word in _ROLES.items()},
    "presence_evidence": _PRESENCE_EVIDENCE,
    "cause": _CAUSES,
    "grade": _GRADES,
    "power_source": _POWER_SOURCES,
    "card": _CARD_STATES,
    "card_finding": _CARD_FINDINGS,
    "state": {**_SERVICE_STATES, **_CARD_FINDINGS},
    "clock": _CLOCK_STATES,
    "reason": {**_RESET_REASONS, **_SERVICE_REASONS, **_LINE_REASONS},
    "reachable": _REACHABLE,
    "battery": _BATTERY,
    "service_state": _SERVICE_STATES,
    "television": _TELEVISION,
    "boot_cause": _BOOT_CAUSES,
    "truth": _TRUTH,
    "event": _EVENTS,
    "argument": _ARGUMENTS,
    **PEOPLE_WORDS,
    **COMMAND_WORDS,
    **STEP_WORDS,
    **SWAP_WORDS,
    **CAMPAIGN_WORDS,
}


def label(catalog: NullTranslations, subject: str, code: str) -> str:
    """The word for `code` of `subject` (a key of the table above) in the catalog's language."""
    message = _WORDS[subject].get(code)
    return code if not message else catalog.gettext(message)
