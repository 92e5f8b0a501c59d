"""The header `Idempotency-Key` on every call that changes something.

Nothing is asked of a route but one thing: a route whose answer holds a secret (a token, a password)
or personal data takes the parameter `_: NotKept`, and its answer is then never stored.

Answers of 2xx and 5xx are kept; a 4xx means that nothing was done, and its key may be used again.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends
from fastapi import Request as HTTPRequest
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fleet_server.api.caller import signed_in
from fleet_server.api.errors import problem_of
from fleet_server.domain.errors import RuleError
from fleet_server.services.accounts import NotPermittedError, NotSignedInError
from fleet_server.services.console_context import ConsoleContext
from fleet_server.services.idempotency import Answer, Request, claim, keep, release

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
WRITES = ("POST", "PUT", "PATCH", "DELETE")
_KEPT = "keep_answer"


def _not_kept(request: HTTPRequest) -> None:
    setattr(request.state, _KEPT, False)


NotKept = Annotated[None, Depends(_not_kept)]
"""Parameter of a route whose answer holds what must not be stored."""


class IdempotencyKeys:
    """Stands before the routes of the API; calls without the header pass as they are."""

    def __init__(self, app: ASGIApp, context: ConsoleContext) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = Headers(scope=scope).get(HEADER) if scope["type"] == "http" else None
        if key is None or scope["method"] not in WRITES:
            await self._app(scope, receive, send)
            return
        try:
            request = await self._request(scope, receive, key)
            answer = await run_in_threadpool(self._claim, request)
        except (NotSignedInError, NotPermittedError):
            await self._app(scope, receive, send)
        except RuleError as error:
            await problem_of(error)(scope, receive, send)
        else:
            if answer is None:
                await self._first(scope, request, send)
            else:
                await _again(answer)(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, key: str) -> Request:
        http = HTTPRequest(scope, receive)
        caller = await run_in_threadpool(signed_in, http, self._context)
        target = f"{http.url.path}?{http.url.query}"
        return Request(caller.account.id, key, http.method, target, await http.body())

    async def _first(self, scope: Scope, request: Request, send: Send) -> None:
        recorder = _Recorder(send)
        state = scope.setdefault("state", {})
        await self._app(scope, _body_again(request.body), recorder.send)
        whole = state.get(_KEPT, True)
        await run_in_threadpool(self._keep, request, recorder.answer, whole)
        await recorder.finish()

    def _claim(self, request: Request) -> Answer | None:
        with self._context.fleet.writing() as connection:
            return claim(connection, request, self._context.now())

    def _keep(self, request: Request, answer: Answer, whole: bool) -> None:
        with self._context.fleet.writing() as connection:
            if 400 <= answer.status < 500:
                release(connection, request)
            else:
                keep(connection, request, answer, whole=whole)


class _Recorder:
    """Holds an answer back until it is stored: who has it may rely on getting it again."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._messages: list[Message] = []

    async def send(self, message: Message) -> None:
        self._messages.append(message)

    async def finish(self) -> None:
        for message in self._messages:
            await self._send(message)

    @property
    def answer(self) -> Answer:
        start = self._messages[0]
        headers = Headers(raw=start["headers"])
        return Answer(
            status=start["status"],
            media_type=headers.get("content-type", ""),
            location=headers.get("location", ""),
            body=b"".join(message.get("body", b"") for message in self._messages[1:]),
        )


def _again(answer: Answer) -> Response:
    headers = {REPLAYED: "true"}
    if answer.location:
        headers["Location"] = answer.location
    if answer.media_type:
        headers["Content-Type"] = answer.media_type
    return Response(answer.body, answer.status, headers)


def _body_again(body: bytes) -> Receive:
    """The body for whoever reads it next; then nothing more comes."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    return receive
