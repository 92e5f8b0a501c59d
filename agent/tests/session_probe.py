"""A program for both Pythons that keeps one session to a broker and says what happens.

Usage: session_probe HOST PORT FOLDER ENDPOINT_ID. The folder holds certificate.der, key.der and
ca.der. It prints a line for each new state; it answers each message with the message itself,
`big` with 20,000 bytes, `gasp` with a prepared packet in the middle of 20,000 bytes.
"""

import asyncio
import sys

from agent.compat import MICROPYTHON, sleep_ms, urandom
from agent.core.session import Session, Settings
from agent.tests.fakes import FakeOutgoing

CONTROLLER_TOPIC = "usp/c/fqdn::fleet.example.org/"
BIG = bytes(range(250)) * 80


class Gasping(FakeOutgoing):
    """Sends a prepared packet after its third chunk."""

    def __init__(self, session, topic):
        FakeOutgoing.__init__(self, BIG, topic)
        self._session = session

    def chunks(self):
        number = 0
        for chunk in FakeOutgoing.chunks(self):
            yield chunk
            number += 1
            if number == 3:
                self.task = asyncio.create_task(gasp(self._session, self.topic))


async def gasp(session, topic):
    session.send_now(session.prepare(topic, b"gasped"))


class Echo:
    """Stands where the endpoint stands."""

    def __init__(self, topic):
        self._topic = topic
        self.session = None

    def is_urgent(self):
        return False

    def will(self):
        return b"will"

    def connected(self, now_ms):
        return FakeOutgoing(b"connected", self._topic)

    def disconnected(self):
        return None

    def poll(self, now_ms):
        return ()

    def too_large(self, outgoing):
        return FakeOutgoing(b"too large", outgoing.topic)

    def receive(self, payload, topic, response_topic, now_ms):
        topic = response_topic or self._topic
        if payload == b"gasp":
            return (Gasping(self.session, topic),)
        return (FakeOutgoing(BIG if payload == b"big" else payload, topic),)


def read(folder, name):
    with open(folder + "/" + name + ".der", "rb") as file:
        return file.read()


async def run(host, port, folder, endpoint_id):
    if MICROPYTHON:
        from agent.ports.link import open_link
        from agent.tests.dial_micropython import dial
    else:
        from agent.ports.link_cpython import open_link
        from agent.ports.linux import LinuxBoard
        from agent.tests.linux_cpython import LINUX_CONFIG

        dial = LinuxBoard(LINUX_CONFIG | {"state": folder + "/state"}).dial

    def load_settings():
        settings = Settings()
        settings.host, settings.port = host, int(port)
        settings.client_id = endpoint_id
        settings.topics = ("usp/a/" + endpoint_id,)
        settings.reply_topic = "usp/a/" + endpoint_id
        settings.will_topic = CONTROLLER_TOPIC + endpoint_id
        settings.connect_retry_time_s = 1
        settings.connect_retry_interval_multiplier = 1000
        for name in ("certificate", "key", "ca"):
            setattr(settings, name, read(folder, name))
        return settings

    echo = Echo(CONTROLLER_TOPIC + endpoint_id)

    async def link(settings):
        return await open_link(dial, settings)

    session = echo.session = Session(
        echo, endpoint_id, bytearray(4096), link, load_settings, urandom
    )
    task = asyncio.create_task(session.run())
    await report(session, task)


async def report(session, task):
    seen = ""
    while not task.done():
        line = session.state + " " + session.error
        if line != seen:
            sys.stdout.write(line + "\n")
            if not MICROPYTHON:
                sys.stdout.flush()
            seen = line
        await sleep_ms(10)


def main(arguments):
    asyncio.run(run(*arguments))
