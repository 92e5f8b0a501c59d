"""Getting to know an agent, ours or a vendor's: what it speaks, what it is, what it should report.

One Onboarding runs per connection of an agent: messages in, messages and findings out, no clock and
no socket. Its steps run one after the other, each asking one thing:

1. the protocol versions it speaks;
2. `Device.DeviceInfo.`, which names its model and software;
3. the supported data model, unless it is known for that manufacturer, model and software;
4. our own Controller row and the Subscription rows;
5. Add of the subscriptions that are missing;
6. Set of the periodic interval, and of how our own agents spread their return, unless it is right;
7. the values the console shows as the live state, of our own agents; again with every fifth
   `Periodic!`, beside what events tell at once;
8. the profile by which our own agents report their health, made anew when it is not the right one.

Our own agents also get the time at once, beside the steps, because their boards have no clock.
A step that is answered with an error is noted in `problems` and the next one begins. A request
without an answer is sent again under the same msg_id, ANSWER_TRIES times in all; then the whole
stops as `stalled` until the agent connects anew. Source: TR-369 R-MSG.4, R-MSG.8, R-MTP.6.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fleet_server.domain.event import format_time, product_class_of, storable
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services import telemetry
from fleet_server.services.records import request
from fleet_server.services.subscriptions import (
    RETURN_PATHS,
    missing_subscriptions,
    own_controller_row,
    periodic_setting,
    returning,
    state_paths,
)

ANSWER_TIMEOUT = timedelta(seconds=15)
ANSWER_TRIES = 3
_ROWS_AT_ONCE = 6  # the broker drops in silence what is larger than a board takes (3 KB)
SET_TIME_COMMAND = "Device.Time.X_IPKO-COM_SetTime()"
_SUPPORTED_VERSIONS = "1.0,1.1,1.2,1.3,1.4"


@dataclass(frozen=True, slots=True)
class ModelKey:
    """What a supported data model is cached under."""

    manufacturer: str
    model_name: str
    software_version: str


@dataclass(frozen=True, slots=True)
class Target:
    """Whom we onboard, and what it shall be set to."""

    endpoint_id: str
    controller_id: str
    periodic_interval_s: int
    health_interval_s: int = 900
    return_window_s: int = 0


@dataclass(slots=True)
class Findings:
    """What was learnt since the last look."""

    protocol_versions: str | None = None
    device_info: Mapping[str, str] | None = None
    model_key: ModelKey | None = None
    supported_model: bytes | None = None
    state: Mapping[str, str] | None = None
    onboarded: bool = False
    finished: bool = False


@dataclass(slots=True)
class _Waiting:
    message: usp.Msg
    until: datetime
    tries: int


_Steps = Iterator[usp.Msg]


@dataclass(slots=True)
class Onboarding:
    """One run. `new_id` gives a msg_id that no other request of this controller has."""

    target: Target
    new_id: Callable[[], str]
    known_models: Container[ModelKey]
    problems: list[str] = field(default_factory=list)
    stalled: bool = False
    _waiting: _Waiting | None = None
    _answer: usp.Response | None = None
    _steps: _Steps | None = None
    _findings: Findings = field(default_factory=Findings)
    _greeted: bool = False

    def greet(self, now: datetime) -> list[usp.Msg]:
        """What is told at once, however long the steps have to wait: the time, which dates what our
        own agents report."""
        self._greeted = True
        if product_class_of(self.target.endpoint_id) is None:
            return []
        return [set_time(self.new_id(), now)]

    def start(self, now: datetime) -> list[usp.Msg]:
        """The first step, with the greeting if that is still to be sent."""
        messages = [] if self._greeted else self.greet(now)
        self._steps = self._run()
        return messages + self._advance(now)

    def refresh(self, now: datetime) -> list[usp.Msg]:
        """Instead of start(): only look at the live state of an agent that is onboarded."""
        self._steps = self._learn_state()
        return self._advance(now)

    def take(self, message: usp.Msg, now: datetime) -> list[usp.Msg]:
        """What to send after an answer; one that answers nothing of ours is left alone."""
        waiting = self._waiting
        if waiting is None or message.header.msg_id != waiting.message.header.msg_id:
            return []
        if message.body.WhichOneof("msg_body") == "error":
            error = message.body.error
            self._note(waiting.message, f"{error.err_code} {error.err_msg}")
            self._answer = None
        else:
            self._answer = message.body.response
        return self._advance(now)

    def poll(self, now: datetime) -> list[usp.Msg]:
        """What to send again because its answer is overdue."""
        waiting = self._waiting
        if waiting is None or now < waiting.until:
            return []
        if waiting.tries >= ANSWER_TRIES:
            self._note(waiting.message, "no answer")
            self._waiting, self.stalled = None, True
            return []
        self._waiting = _Waiting(waiting.message, now + ANSWER_TIMEOUT, waiting.tries + 1)
        return [waiting.message]

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited."""
        return self._waiting is not None

    def findings(self) -> Findings:
        """What was learnt since this was last called."""
        found, self._findings = self._findings, Findings()
        return found

    def _advance(self, now: datetime) -> list[usp.Msg]:
        self._waiting = None
        if self._steps is None:
            return []
        message = next(self._steps, None)
        if message is None:
            self._findings.finished = True
            return []
        self._waiting = _Waiting(message, now + ANSWER_TIMEOUT, 1)
        return [message]

    def _note(self, message: usp.Msg, problem: str) -> None:
        name = message.body.request.WhichOneof("req_type")
        self.problems.append(f"{name}: {problem}"[:200])

    def _ask(self, **member: object) -> usp.Msg:
        return request(self.new_id(), **member)

    def _run(self) -> _Steps:
        yield from self._learn_protocol()
        yield from self._learn_identity()
        yield from self._subscribe()
        yield from self._learn_state()
        yield from self._have_health_reported()
        self._findings.onboarded = True

    def _learn_protocol(self) -> _Steps:
        yield self._ask(
            get_supported_protocol=usp.GetSupportedProtocol(
                controller_supported_protocol_versions=_SUPPORTED_VERSIONS
            )
        )
        if self._answer is not None:
            versions = self._answer.get_supported_protocol_resp.agent_supported_protocol_versions
            self._findings.protocol_versions = storable(versions, 64)

    def _learn_identity(self) -> _Steps:
        yield self._ask(get=usp.Get(param_paths=["Device.DeviceInfo."], max_depth=1))
        if self._answer is None:
            return
        info = parameters(self._answer.get_resp)
        if not info:
            return
        self._findings.device_info = info
        key = model_key(info)
        if key in self.known_models:
            return
        yield self._ask(
            get_supported_dm=usp.GetSupportedDM(
                obj_paths=["Device."],
                return_commands=True,
                return_events=True,
                return_params=True,
                return_unique_key_sets=True,
            )
        )
        if self._answer is not None and self._answer.get_supported_dm_resp.req_obj_results:
            self._findings.model_key = key
            answer = self._answer.get_supported_dm_resp.SerializeToString()
            self._findings.supported_model = answer

    def _subscribe(self) -> _Steps:
        target = self.target
        row = f'Device.LocalAgent.Controller.[EndpointID=="{target.controller_id}"].'
        paths = [row + "PeriodicNotifInterval", "Device.LocalAgent.Subscription."]
        if product_class_of(target.endpoint_id) is not None:
            paths += RETURN_PATHS
        yield self._ask(get=usp.Get(param_paths=paths))
        if self._answer is None:
            return
        found = parameters(self._answer.get_resp)
        own_row = own_controller_row(found)
        missing = missing_subscriptions(found, own_row, product_class_of(target.endpoint_id))
        for at in range(0, len(missing), _ROWS_AT_ONCE):
            rows = missing[at : at + _ROWS_AT_ONCE]
            yield self._ask(add=usp.Add(allow_partial=True, create_objs=rows))
            self._note_refused(self._answer)
        settings = (
            periodic_setting(found, own_row, target.periodic_interval_s),
            returning(found, target.return_window_s),
        )
        wanted = [setting for setting in settings if setting is not None]
        if wanted:
            yield self._ask(set=usp.Set(allow_partial=True, update_objs=wanted))

    def _learn_state(self) -> _Steps:
        paths = state_paths(product_class_of(self.target.endpoint_id))
        if not paths:
            return
        yield self._ask(get=usp.Get(param_paths=paths))
        if self._answer is not None:
            self._findings.state = parameters(self._answer.get_resp)

    def _have_health_reported(self) -> _Steps:
        product_class = product_class_of(self.target.endpoint_id)
        if product_class is None:
            return
        interval_s = self.target.health_interval_s
        name = telemetry.profile_name(product_class, interval_s)
        yield self._ask(get=usp.Get(param_paths=[telemetry.PROFILES], max_depth=1))
        if self._answer is None:
            return
        found = parameters(self._answer.get_resp)
        stale = telemetry.stale_profiles(found, name)
        if stale:
            yield self._ask(delete=usp.Delete(allow_partial=True, obj_paths=stale))
        if name not in found.values():
            yield from self._make_profile(product_class, name)

    def _make_profile(self, product_class: str, name: str) -> _Steps:
        """Every step needs the one before: what is cut off is removed at the next connection."""
        row = telemetry.new_profile(self.target.health_interval_s)
        yield self._ask(add=usp.Add(create_objs=[row]))
        profile = _added_path(self._answer)
        for rows in telemetry.parameter_rows(profile, product_class) if profile else []:
            yield self._ask(add=usp.Add(create_objs=rows))
            if self._answer is None:
                return
        if profile:
            updates = telemetry.switch_on(profile, name)
            yield self._ask(set=usp.Set(update_objs=updates))
            command = f"{profile}ForceCollection()"
            yield self._ask(operate=usp.Operate(command=command, send_resp=True))

    def _note_refused(self, answer: usp.Response | None) -> None:
        for result in answer.add_resp.created_obj_results if answer is not None else ():
            if result.oper_status.WhichOneof("oper_status") == "oper_failure":
                failure = result.oper_status.oper_failure
                self.problems.append(f"add: {failure.err_code} {failure.err_msg}"[:200])


def _added_path(answer: usp.Response | None) -> str:
    """The path of the one row an Add made, "" if it made none."""
    for result in answer.add_resp.created_obj_results if answer is not None else ():
        path: str = result.oper_status.oper_success.instantiated_path
        return path
    return ""


def set_time(msg_id: str, now: datetime) -> usp.Msg:
    """Tells an agent the time; the agent bounds the error by how long it waited for this."""
    operate = usp.Operate(
        command=SET_TIME_COMMAND, send_resp=True, input_args={"Time": format_time(now)}
    )
    return request(msg_id, operate=operate)


def parameters(answer: usp.GetResp) -> dict[str, str]:
    """Full path to value of every parameter in a Get's answer."""
    found: dict[str, str] = {}
    for requested in answer.req_path_results:
        for resolved in requested.resolved_path_results:
            base = resolved.resolved_path
            for name, value in resolved.result_params.items():
                found[(base if base.endswith(".") else base + ".") + name] = value
    return found


def model_key(device_info: Mapping[str, str]) -> ModelKey:
    """The cache key of the model a DeviceInfo names."""

    def text(name: str) -> str:
        return storable(device_info.get("Device.DeviceInfo." + name, ""), 64)

    return ModelKey(text("Manufacturer"), text("ModelName"), text("SoftwareVersion"))
