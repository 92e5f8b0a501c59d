"""The dispatcher's desk in a test's hand: a database, devices that count, and a clock to move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, select

from agent.wire.authorisation import split_token
from agent.wire.codes import AUTHORIZATION_ARGUMENT, OVERTAKE
from fleet_server.protocol import usp_pb2 as usp
from fleet_server.services import command_news, commands
from fleet_server.services import tables as t
from fleet_server.services.audit import Actor
from fleet_server.services.authorisation import sign_command
from fleet_server.services.command_answers import Heard
from fleet_server.services.command_desk import CommandDesk
from fleet_server.services.commands import Command, Order
from fleet_server.services.upsert import upsert

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
BOX = "ops::00256D-STB-20000003"
STATE = "Device.X_IPKO-COM_Service.SetState()"
WHO = Actor.account(7)


class Signer:
    """A key whose signatures nobody checks here."""

    def sign(self, signing_input: bytes) -> bytes:
        return bytes(64)

    def public_point(self) -> bytes:
        return bytes(64)


class Device:
    """Accepts counters as our agents do; `fails` answers every command with that."""

    def __init__(self) -> None:
        self.accepted = self.effective = 0
        self.ran: list[str] = []
        self.fails: tuple[int, str] | None = None
        self.request_path = ""

    def answer(self, asked: usp.Msg) -> usp.Msg:
        told = usp.Msg(header=usp.Header(msg_id=asked.header.msg_id))
        kind = asked.body.request.WhichOneof("req_type")
        if kind == "get":
            result = told.body.response.get_resp.req_path_results.add()
            found = result.resolved_path_results.add(resolved_path="Device.LocalAgent.")
            found.result_params["X_IPKO-COM_CommandCounter"] = str(self.accepted)
        elif kind == "set":
            done = told.body.response.set_resp.updated_obj_results.add()
            done.oper_status.oper_success.SetInParent()
            self.ran.append("set")
        else:
            self._operate(asked.body.request.operate, told)
        return told

    def _operate(self, operate: usp.Operate, told: usp.Msg) -> None:
        result = told.body.response.operate_resp.operation_results.add()
        token = operate.input_args[AUTHORIZATION_ARGUMENT] if operate.input_args else ""
        failure = self.fails if operate.command != OVERTAKE else None
        if token and failure is None:
            counter = int(split_token(token)[2]["ctr"])
            if counter <= self.accepted:
                failure = (7006, f"authorisation was used before (counter {counter})")
            else:
                self.accepted = counter
        if failure is not None:
            result.cmd_failure.err_code, result.cmd_failure.err_msg = failure
            return
        if operate.command == OVERTAKE:
            result.req_output_args.output_args["LastCounter"] = str(self.effective)
            return
        self.effective = self.accepted
        self.ran.append(operate.command_key)
        if self.request_path:
            result.req_obj_path = self.request_path
        else:
            result.req_output_args.output_args["Told"] = "yes"


class Desk:
    """The dispatcher with devices at hand; `now` is moved by hand."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.now = NOON
        self.desk = CommandDesk("fqdn::fleet.test", Signer())
        self.sent: list[tuple[str, usp.Msg]] = []

    def queue(self, key: str, endpoint_id: str = BOX, command: str = STATE, **more: Any) -> None:
        args = more.pop("args", {"State": "restricted"})
        order = Order(endpoint_id, command, args, self.now + timedelta(hours=1), **more)
        with self.engine.begin() as connection:
            commands.queue(connection, key, order, self.now)

    def connect(self, endpoint_id: str, state: str = "online") -> None:
        with self.engine.begin() as connection:
            key = t.agent.c.endpoint_id == endpoint_id
            number = connection.scalar(select(t.agent.c.connection).where(key)) or 0
            agent = {"endpoint_id": endpoint_id, "connection": number + (state == "online")}
            agent |= {"registered": True, "response_topic": "", "first_seen_at": NOON}
            upsert(connection, t.agent, [agent])
            presence = {"endpoint_id": endpoint_id, "state": state, "since_at": self.now}
            presence |= {"seen_at": self.now, "evidence": "connect"}
            upsert(connection, t.presence, [presence])
            command_news.add_connected(connection, [endpoint_id], self.now)

    def turn(self, *answers: tuple[str, usp.Msg]) -> list[usp.Msg]:
        """One turn; gives the requests that leave."""
        heard = [Heard(endpoint_id, message) for endpoint_id, message in answers]
        with self.engine.begin() as connection:
            outgoing = self.desk.turn(connection, heard, self.now, may_send=True)
        messages = []
        for one in outgoing:
            record = usp.Record.FromString(one.payload)
            messages.append(usp.Msg.FromString(record.no_session_context.payload))
            self.sent.append((record.to_id, messages[-1]))
        return messages

    def run(self, device: Device, endpoint_id: str = BOX) -> None:
        """Turns until nothing more is sent; the device answers everything."""
        asked = self.turn()
        while asked:
            asked = self.turn(*[(endpoint_id, device.answer(one)) for one in asked])

    def later(self, **length: float) -> None:
        self.now += timedelta(**length)

    def read(self, key: str) -> Command:
        with self.engine.begin() as connection:
            return commands.read(connection, key)

    def next_counter(self, connection: Connection) -> int:
        """As if another command was signed for the box."""
        key = self.desk.key
        return sign_command(connection, key, BOX, STATE, "other", {}, self.now).counter

    def cancel(self, key: str) -> Command:
        with self.engine.begin() as connection:
            return commands.cancel(connection, WHO, key, "test", self.now)
