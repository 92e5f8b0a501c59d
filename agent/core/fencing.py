"""The end of a fenced unit: it forgets who it was, once whoever fenced it has the answer.

Until then it stays reachable, serves nobody and refuses everything but Fence(); a cut leaves it so.
The broker lets it in no more once whoever fenced it has the answer: a unit whose connection or
power broke in that moment goes when nobody let it in for an hour or two.
Events that nobody has yet get a minute to leave; those that do not stay in the journal for whoever
puts the unit into service again. Without any left the journal is wiped too.
"""

from agent.compat import const, monotonic_ms, sleep_ms
from agent.core.parts import part
from agent.errors import StorageError

_STEP_MS = const(100)
_EVENTS_MS = const(60000)
_ANSWER_MS = const(3600000)


async def leave(agent):
    """Wait, wipe, restart. A medium that fails is tried again."""
    began_ms = monotonic_ms()
    deadline_ms = began_ms + _EVENTS_MS
    while not _has_answered(agent.session) and monotonic_ms() < began_ms + _ANSWER_MS:
        await sleep_ms(_STEP_MS)
    while not _may_go(agent, deadline_ms):  # the connection may be ended for it meanwhile
        await sleep_ms(_STEP_MS)
    await agent.session.close()
    while True:
        try:
            _wipe(agent)
            break
        except StorageError:
            await sleep_ms(_STEP_MS)
    agent.board.restart()


async def go_unheard(agent):
    """A fenced unit has started: whoever fenced it asks again, or has heard and keeps it out."""
    out_ms = monotonic_ms()
    while monotonic_ms() < out_ms + _ANSWER_MS:
        if agent.session.state == "online":
            out_ms = monotonic_ms()
        await sleep_ms(_STEP_MS)
    agent.fence()
    while True:  # what ends here would end the agent
        await sleep_ms(_ANSWER_MS)


def resume(board) -> None:
    """A fenced unit starts: what its end may have left to do of the customer's settings. Raises
    StorageError."""
    if board.customer:
        try:
            board.customer.put(part("customer_settings").nothing())
        except OSError as error:
            raise StorageError("customer", str(error)) from error


def _has_answered(session):
    return session.state == "online" and session.is_idle()


def _may_go(agent, deadline_ms):
    guard = agent.model.guard
    if guard and guard.busy():
        return False
    return not agent.journal.pending_count or monotonic_ms() >= deadline_ms


def _wipe(agent):
    agent.model.forget()
    if not agent.journal.pending_count:
        agent.journal.wipe()
    part("provisioning").Provisioning(agent.store, agent.endpoint_id).wipe()
