"""Numbers and words that agent, server and tools must spell the same way."""

# Error codes. Source: TR-369, "Error codes"; only those that are used.
MESSAGE_FAILED = 7000
MESSAGE_NOT_SUPPORTED = 7001
REQUEST_DENIED = 7002
INTERNAL_ERROR = 7003
INVALID_ARGUMENTS = 7004
RESOURCES_EXCEEDED = 7005
PERMISSION_DENIED = 7006
INVALID_CONFIGURATION = 7007
INVALID_PATH_SYNTAX = 7008
UNSUPPORTED_PARAMETER = 7010
INVALID_TYPE = 7011
INVALID_VALUE = 7012
NOT_WRITABLE = 7013
VALUE_CONFLICT = 7014
OBJECT_DOES_NOT_EXIST = 7016
NOT_A_TABLE = 7018
NOT_CREATABLE = 7019
COULD_NOT_UPDATE = 7020
REQUIRED_PARAMETER_FAILED = 7021
COMMAND_FAILURE = 7022
COMMAND_CANCELLED = 7023
DELETE_FAILURE = 7024
DUPLICATE_KEY = 7025
INVALID_PATH = 7026
INVALID_COMMAND_ARGUMENTS = 7027

# Error codes of the Record level, sent in a disconnect Record.
RECORD_NOT_PARSED = 7100
SECURE_SESSION_NOT_SUPPORTED = 7102
INVALID_RECORD_VALUE = 7104
SESSION_TERMINATED = 7105
SESSION_NOT_ALLOWED = 7106

# Why the board started: what Board.reset_cause() returns.
RESET_UNKNOWN = 0
RESET_POWER_ON = 1
RESET_BROWN_OUT = 2
RESET_WATCHDOG = 3
RESET_BUTTON = 4
RESET_COMMANDED = 5
RESET_CRASH = 6
RESET_OVERHEAT = 7

# One name on the bench's command line and one text in Boot! Reason and Reboots.Reboot.{i}.Reason
# per reset cause, by its code.
RESET_NAMES = (
    "unknown",
    "power_on",
    "brown_out",
    "watchdog",
    "button",
    "commanded",
    "crash",
    "overheat",
)
RESET_REASONS = (
    "Unknown",
    "power on reset",
    "brown-out reset",
    "watchdog",
    "reset button",
    "commanded",
    "crash",
    "overheat",
)

# Objects and events that more than one folder names.
DEVICE = "Device."
POWER = "Device.X_IPKO-COM_Power."
LOCAL_AGENT = "Device.LocalAgent."
BOOT_EVENT = "Boot!"
PERIODIC_EVENT = "Periodic!"
PUSH_EVENT = "Push!"
DIAGNOSTICS = "Device.IP.Diagnostics."
TESTS = "Device.IP.Diagnostics.X_IPKO-COM_Tests."
RESULT_EVENT = "Result!"
BULK_DATA = "Device.BulkData."
POWER_LOSS_EVENT = "PowerLoss!"
POWER_RESTORED_EVENT = "PowerRestored!"
DIP_EVENT = "Dip!"
SWELL_EVENT = "Swell!"
TRANSIENT_EVENT = "Transient!"
MAINS_LOST_EVENT = "MainsLost!"
MAINS_RESTORED_EVENT = "MainsRestored!"
BATTERY_EVENT = "Battery!"
BATTERY = POWER + "Battery.1."
EMERGENCY = "Device.Services.VoiceService.1.X_IPKO-COM_Emergency."
EMERGENCY_EVENT = "EmergencyReachability!"
EVENTS_DROPPED_EVENT = "X_IPKO-COM_EventsDropped!"
FAULT_EVENT = "X_IPKO-COM_Fault!"
CARD_READER = "Device.SmartCardReaders.SmartCardReader.1."
CARD_INSERTED_EVENT = "X_IPKO-COM_CardInserted!"
CARD_REMOVED_EVENT = "X_IPKO-COM_CardRemoved!"
CARD_STATE_EVENT = "X_IPKO-COM_CardState!"
AUTHORIZATION_ARGUMENT = "X_IPKO-COM_Authorization"
OVERTAKE = "Device.LocalAgent.X_IPKO-COM_Overtake()"

# What feeds a device: Device.X_IPKO-COM_Power.Source.
MAINS = "Mains"
ON_BATTERY = "Battery"
SOURCE_UNKNOWN = "Unknown"

# How an event is known: a sampler saw it, or something else gives it away.
GRADE_MEASURED = "measured"
GRADE_INFERRED = "inferred"

# What is known of the smart card: SmartCard.X_IPKO-COM_Entitlement.State.
CARD_READING = "Reading"  # the reader has not said yet
CARD_ABSENT = "Absent"
CARD_MUTE = "Mute"  # does not answer
CARD_UNKNOWN = "Unknown"  # answers, and is of no known family
CARD_WRONG_PAIRING = "WrongPairing"  # bound to another box
CARD_NOT_ENTITLED = "NotEntitled"  # waits for an entitlement refresh
CARD_RUNNING = "Running"

# What the watch of the supply tells beside Dip!, Swell! and Transient!.
INTERRUPTION = "interruption"

UNKNOWN_TIME = "0001-01-01T00:00:00Z"

SOFTWARE_VERSION = "0.1.0"
