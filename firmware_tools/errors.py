"""What can go wrong in the tools, one class per who must act.

`exit_code` is what the command line ends with; `next_step` says what the person does next.
"""


class ToolError(Exception):
    """Root of the tools' errors."""

    exit_code = 1
    next_step = "Run the command again; if it fails again, send the output to engineering."

    def __init__(self, text: str, next_step: str | None = None) -> None:
        super().__init__(text)
        if next_step is not None:
            self.next_step = next_step


class BuildError(ToolError):
    """The agent does not compile or does not fit: its engineer must act."""

    exit_code = 10
    next_step = "Correct the source file named above and build again."


class PortError(ToolError):
    """The serial port cannot be used: the technician's cable, port name or other program."""

    exit_code = 20
    next_step = "Check the cable and the port name (`ls -l /dev/serial/by-id`)."


class PortBusyError(PortError):
    exit_code = 21
    next_step = "Close the program that uses the port (a console, another provisioning), try again."


class NoAnswerError(PortError):
    """Nothing on the line speaks our protocol."""

    exit_code = 22
    next_step = "Check that the device has power and that the cable is in its console socket."


class DeviceRefusedError(ToolError):
    """The device answered a request with an error; `code` is the device's."""

    exit_code = 30
    next_step = "Read the device's own words above."

    def __init__(self, code: str, text: str, next_step: str | None = None) -> None:
        super().__init__(text, next_step)
        self.code = code


class DeviceChangedError(ToolError):
    """Another device answers on the port than the one that was identified."""

    exit_code = 31
    next_step = "Leave the cable in one device until provisioning has ended, then start again."


class ServerUnreachableError(ToolError):
    exit_code = 40
    next_step = "Check the network of this computer and the server's address (--server)."


class SignInError(ToolError):
    """Name, password or token is wrong, or the role may not do this."""

    exit_code = 41
    next_step = "Check user name and password; your supervisor can reset the password."


class UnknownSerialError(ToolError):
    exit_code = 50
    next_step = "Compare with the label; if it agrees, have the warehouse book the unit in."


class UnitNotFreeError(ToolError):
    """The unit is in service already, or may not be put into service."""

    exit_code = 51
    next_step = "Take another unit, or have it returned to stock first."


class BlacklistedError(ToolError):
    exit_code = 55
    next_step = "Do not install it; hand it in at the warehouse."


class PositionTakenError(ToolError):
    exit_code = 52
    next_step = "Check contract and position; to replace the unit there, start a swap."


class ContractError(ToolError):
    exit_code = 53
    next_step = "Check contract number and position on the work order."


class CertificateRefusedError(ToolError):
    """Server or device did not accept the certificate request or the certificate."""

    exit_code = 54
    next_step = "Run the command again; if it fails again, take another unit."


class NotOnlineError(ToolError):
    """Everything is installed, but device or server does not say that it is online."""

    exit_code = 60
    next_step = (
        "Check the coax or Ethernet cable and the network light, then run the command again."
    )
