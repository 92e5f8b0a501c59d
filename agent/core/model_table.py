"""The supported data model as one text, read in place: it costs little more memory than its bytes.

An object is a line `path access keys ...`, its parameters, then its commands and events, then an
empty line. Access: R read only, A rows can be added and deleted. Then come the unique keys (commas
join a compound key), `=name` for the blob the rows are kept in, `?CLASS|CLASS` for some product
classes alone, `@name` for a live object: the part `live_name` makes its rows whenever somebody
asks, and every parameter of it is read only.

A parameter is `name spec default`. Spec: how it is written (r not at all, w, o once, k only while
the row is made, and filled in by the agent if missing, s write-only), its type (s text, a text that
begins with a letter, b boolean, i int, u unsigned, d dateTime, y day of the calendar, `unknown` or
`none`, l list of paths, p path of a row),
`~` where changes are never notified, and after a colon the range, the greatest length, or the
texts allowed.

A command is `name kind inputs outputs`: s at once, a in the background, capitals where it can harm
and demands an authorisation; `*` marks a mandatory input, `-` none. An event is `name arguments`;
`+` stands for those of every journalled event. Names follow TR-181 2.19; ours are X_IPKO-COM_.
"""

TABLE = b"""\
Device. R
Reboot() S Cause,Reason -
FactoryReset() S Cause,Reason -
SelfTestDiagnostics() a - Status,Results
Boot! +CommandKey,Cause,Reason,FirmwareUpdated,ParameterMap

Device.DeviceInfo. R =device
Manufacturer rs
ManufacturerOUI rs
ModelName rs
ProductClass rs
SerialNumber rs
HardwareVersion rs
SoftwareVersion rs
ProvisioningCode ws:64
FriendlyName ws:32
UpTime ru~
X_IPKO-COM_Lab rb

Device.DeviceInfo.MemoryStatus. R
Total ru~
Free ru~

Device.DeviceInfo.Reboots. R =reboots
BootCount ru
CurrentVersionBootCount ru 0
WatchdogBootCount ru 0
ColdBootCount ru 0
WarmBootCount ru 0
MaxRebootEntries wi:-1-16 8
RebootNumberOfEntries ru
RemoveAllReboots() s - -

Device.DeviceInfo.Reboots.Reboot.{i}. R Alias =reboot
Alias ka:64
TimeStamp rd
FirmwareUpdated rb false
Cause rs
Reason rs
Remove() s - -

Device.Time. R
Status rs
CurrentLocalTime rd~
LocalTimeZone rs UTC0
X_IPKO-COM_SetTime() s *Time -

Device.LocalAgent. R
EndpointID rs
SoftwareVersion rs
UpTime ru~
SupportedProtocols rl MQTT
AdvertisedDeviceSubtypes rl
MTPNumberOfEntries ru
ControllerNumberOfEntries ru
SubscriptionNumberOfEntries ru
RequestNumberOfEntries ru
X_IPKO-COM_Apply() S *Method,*Path,Parameters Path
Periodic! -
X_IPKO-COM_EventsDropped! +Count

Device.LocalAgent.MTP.{i}. R Alias
Alias rs:64 cpe-1
Enable rb true
Status rs Up
Protocol rs MQTT

Device.LocalAgent.MTP.{i}.MQTT. R
Reference rp Device.MQTT.Client.1
ResponseTopicConfigured ws:128
ResponseTopicDiscovered rs
PublishQoS wu:1-1 1

Device.LocalAgent.Controller.{i}. A Alias EndpointID =controller
Alias ka:64
EndpointID os:64
ControllerCode ws:128
ProvisioningCode ws:64
Enable wb false
InheritedRole rp
AssignedRole rp Device.LocalAgent.ControllerTrust.Role.1
PeriodicNotifInterval wu:1-4294967295 86400
PeriodicNotifTime wd 0001-01-01T00:00:00Z
USPNotifRetryMinimumWaitInterval wu:1-65535 5
USPNotifRetryIntervalMultiplier wu:1000-65535 2000
MTPNumberOfEntries ru
BootParameterNumberOfEntries ru
SendOnBoardRequest() s - -

Device.LocalAgent.Controller.{i}.MTP.{i}. A Alias =controller_mtp
Alias ka:64
Enable wb false
Protocol ws:MQTT MQTT

Device.LocalAgent.Controller.{i}.MTP.{i}.MQTT. R =controller_mqtt
AgentMTPReference rp Device.LocalAgent.MTP.1
Topic ws:128

Device.LocalAgent.Controller.{i}.BootParameter.{i}. A Alias ParameterName =boot_parameter
Alias ka:64
Enable wb false
ParameterName os:256

Device.LocalAgent.ControllerTrust. R
RoleNumberOfEntries ru

Device.LocalAgent.ControllerTrust.Role.{i}. R Alias
Alias rs:64 cpe-1
Enable rb true
Name rs

Device.LocalAgent.Subscription.{i}. A Alias Recipient,ID =subscription
Alias ka:64
Enable wb false
Recipient rp
ID ks:64
CreationDate rd
NotifType ws:ValueChange|ObjectCreation|ObjectDeletion|OperationComplete|Event
ReferenceList ol:1024
Persistent wb false
TimeToLive wu:0-4294967295 0
NotifRetry wb false
NotifExpiration wu:0-4294967295 0

Device.LocalAgent.Request.{i}. R
Originator rs
Command rs
CommandKey rs
Status rs
Cancel() s - -

Device.MQTT. R
ClientNumberOfEntries ru

Device.MQTT.Capabilities. R
ProtocolVersionsSupported rl 5.0
TransportProtocolSupported rl TLS

Device.MQTT.Client.{i}. R Alias =mqtt_client
Alias rs:64 cpe-1
Enable rb true
Status rs
Name ws:64
ProtocolVersion ws:5.0 5.0
BrokerAddress ws:256
BrokerPort wu:1-65535 8883
TransportProtocol ws:TLS TLS
CleanSession wb false
MessageRetryTime wu:1-65535 5
KeepAliveTime wu:0-65535 60
ClientID ws:64
Username ws:256
Password ss:256
ConnectRetryTime wu:1-65535 5
ConnectRetryIntervalMultiplier wu:1000-65535 2000
ConnectRetryMaxInterval wu:1-4294967295 300
ResponseInformation rs
SubscriptionNumberOfEntries ru

Device.MQTT.Client.{i}.Subscription.{i}. R Alias Topic
Alias rs:64 cpe-1
Enable rb true
Topic rs
QoS ru 1

Device.IP. R
InterfaceNumberOfEntries ru

Device.IP.Interface.{i}. R Alias @traffic
Alias rs:64 cpe-1
Enable rb true
Status rs Up
Name rs wan

Device.IP.Interface.{i}.Stats. R @traffic
BytesSent ru~
BytesReceived ru~

Device.FaultMgmt. R
SupportedAlarmNumberOfEntries ru
CurrentAlarmNumberOfEntries ru

Device.FaultMgmt.SupportedAlarm.{i}. R EventType,ProbableCause,SpecificProblem @alarms
EventType rs
ProbableCause rs
SpecificProblem rs
PerceivedSeverity rs

Device.FaultMgmt.CurrentAlarm.{i}. R AlarmIdentifier @alarms
AlarmIdentifier rs
AlarmRaisedTime rd
AlarmChangedTime rd
ManagedObjectInstance rs
EventType rs
ProbableCause rs
SpecificProblem rs
PerceivedSeverity rs
AdditionalText rs

Device.X_IPKO-COM_Power. R =power
Source rs
SupplyVoltage ru~
Sensors rl
PowerLossCount ru 0
LastPowerLoss rd
LastPowerLossDuration ru 0
DipCount ru 0
SwellCount ru 0
TransientCount ru 0
BatteryNumberOfEntries ru
PowerLoss! +Source
PowerRestored! +Duration,DurationError
Dip! +Magnitude,Duration
Swell! +Magnitude,Duration
Transient! +Magnitude,Duration
MainsLost! +ChargePercent,RuntimeLeft
MainsRestored! +Duration,DurationError
Battery! +Status,ChargePercent,RuntimeLeft

Device.X_IPKO-COM_Power.Battery.{i}. R ?VOICEMODEM @battery
Status rs
ChargePercent ru~
Voltage ru~
Temperature ri~
RuntimeLeft ru~
CycleCount ru~

Device.X_IPKO-COM_Service. R @service
Profile rs
State rs
Reason rs
Since rd
AllowListVersion ru
AllowListValidTo rd
AllowListOpenHosts ru
EmergencyNumbers rl
FilterStatus rs
SetState() S *State,Reason,Profile -
SetAllowList() S *Document Version
SetEmergencyNumbers() S *Numbers -
SetHomeNetworks() S *Networks -
StateChanged! +State,Reason,Profile
AllowListChanged! +Version

Device.X_IPKO-COM_Service.Television. R ?STB @service
Status rs
Reason rs
Network rs
HomeNetworks rl
StatusChanged! +Status,Reason,Network

Device.X_IPKO-COM_Warranty. R =warranty
UnitReceived wy unknown
UnitLastCoveredDay wy unknown
UnitDaysLeft rs~
CardReceived wy unknown
CardLastCoveredDay wy unknown
CardDaysLeft rs~

Device.UserInterface. R
WarrantyDate rd~

Device.SmartCardReaders. R ?STB
SmartCardReaderNumberOfEntries ru

Device.SmartCardReaders.SmartCardReader.{i}. R Alias ?STB
Alias rs:64 cpe-1
Enable rb true
Status rs Enabled
Name rs reader-1

Device.SmartCardReaders.SmartCardReader.{i}.SmartCard. R ?STB
Status rs

"""


def arguments(words: str) -> list[str]:
    """The names in a list of arguments."""
    return [] if words == "-" else words.replace("*", "").split(",")
