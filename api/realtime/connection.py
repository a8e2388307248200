"""One WebSocket and the session behind it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from api.bridge_types import Message, Receive, Send
from api.realtime.access import Opening
from api.realtime.account import Account
from api.realtime.events import EventWriter, error_event, named
from api.realtime.handlers import find_handler
from api.realtime.models import write_session
from api.realtime.outbox import Closing, Outbox
from domain.errors import AppError
from domain.realtime import (
    RealtimeEvent,
    RealtimeRefused,
    ResponseEnded,
    SessionLost,
)
from domain.realtime_ports import Admit, RealtimeAgent, RealtimeSession
from utils.validation import parse_json

log = logging.getLogger(__name__)

GOING_AWAY, POLICY, FAILED, RESTART, TRY_LATER = 1001, 1008, 1011, 1012, 1013
"""Close codes of RFC 6455 and its registry."""

MAX_ERRORS = 100
"""Events of one client that cannot be understood, until it is sent away."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """
    Bounds of one connection.

    Attributes:
        session_seconds: Longest life.
        silent_seconds: Without a message of the client.
        stuck_seconds: One message that the client does not take.
    """

    session_seconds: float = 1800.0
    silent_seconds: float = 300.0
    stuck_seconds: float = 15.0


class Connection:
    """
    Serves one accepted WebSocket until either side ends it.

    Args:
        agent: Holds the conversation.
        opening: Who opened it, and how.
        admit: Lets one answer begin.
        account: Counts what happens.
    """

    def __init__(
        self,
        agent: RealtimeAgent,
        opening: Opening,
        *,
        admit: Admit,
        account: Account,
        limits: ConnectionLimits,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._agent = agent
        self._opening = opening
        self._admit = admit
        self._account = account
        self._limits = limits
        self._expires_at = int(clock() + limits.session_seconds)
        self._outbox = Outbox()
        self._writer = EventWriter(opening.conversation_id)
        self._writer.config = opening.config
        self._session: RealtimeSession | None = None
        self._errors = 0
        self._leaving = False

    @property
    def session(self) -> RealtimeSession:
        """The conversation, while the connection is served."""
        if self._session is None:
            raise RuntimeError("not open")
        return self._session

    async def run(self, receive: Receive, send: Send) -> None:
        """Serve it; returns when it has ended."""
        opening = self._opening
        self._session = await self._agent.open(
            opening.caller,
            opening.conversation_id,
            config=opening.config,
            emit=self._emit,
            admit=self._admit,
        )
        self.tell_session("session.created")
        reading = asyncio.create_task(self._read(receive))
        sending = asyncio.create_task(self._send(send))
        tasks = {reading, sending}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if reading.done() and self._is_ours_to_end(reading):
                # What waits is sent, the end with it.
                await asyncio.wait({sending}, timeout=self._limits.stuck_seconds)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._session.close()

    def say(self, message: Mapping[str, Any]) -> None:
        """Send an event."""
        self._outbox.put(named(message))

    def tell_session(self, kind: str) -> None:
        """Send the settings as they are."""
        self._writer.config = self.session.config
        session = write_session(
            self.session.config,
            session_id=self._opening.session_id,
            expires_at=self._expires_at,
        )
        told = {"x.conversation_id": self._opening.conversation_id}
        self.say({"type": kind, "session": session | told})

    def begin_drain(self) -> None:
        """Leave when no answer is on its way."""
        self._leaving = True
        if self._session is None or not self._session.is_busy:
            self.leave()

    def leave(self) -> None:
        """Say that this server goes away, and go."""
        self.say(
            error_event("server_restarting", "This server is going away; connect anew.")
        )
        self._outbox.close(RESTART, "server_restarting")

    def _is_ours_to_end(self, reading: asyncio.Task[bool]) -> bool:
        failure = reading.exception()
        if failure is None:
            return reading.result()
        # The formatter writes the kind and the frames; messages may hold what was said.
        log.error("realtime_connection_failed", exc_info=failure)
        self.say(error_event("internal_error", "Something went wrong on our side."))
        self._outbox.close(FAILED, "internal_error")
        return True

    def _emit(self, event: RealtimeEvent) -> None:
        self._account.note(event)
        if isinstance(event, ResponseEnded) and event.status == "cancelled":
            self._outbox.drop_sound(event.response_id)
        for message in self._writer.write(event):
            self._outbox.put(message)
        if isinstance(event, SessionLost):
            self._outbox.close(POLICY, event.code)
        elif self._leaving and isinstance(event, ResponseEnded):
            self.leave()

    async def _read(self, receive: Receive) -> bool:
        """Take the client's events; True when the end was decided here."""
        loop = asyncio.get_running_loop()
        expires = loop.time() + self._limits.session_seconds
        while True:
            silent = loop.time() + self._limits.silent_seconds
            try:
                async with asyncio.timeout_at(min(expires, silent)):
                    message = await receive()
            except TimeoutError:
                expired = loop.time() >= expires
                code = "session_expired" if expired else "session_idle"
                self.say(error_event(code, "The session is over; connect anew."))
                self._outbox.close(GOING_AWAY, code)
                return True
            if message["type"] == "websocket.disconnect":
                return False
            await self._take(message)
            if self._errors >= MAX_ERRORS:
                self._outbox.close(POLICY, "too_many_errors")
                return True

    async def _take(self, message: Message) -> None:
        event_id: str | None = None
        text = message.get("text")
        body = text.encode() if text is not None else message.get("bytes") or b""
        try:
            event = parse_json(body)
            given = event.get("event_id")
            event_id = given[:512] if isinstance(given, str) else None
            await find_handler(event.get("type"))(self, event)
        except RealtimeRefused as exc:
            self._complain(exc.code, exc.message, param=exc.param, event_id=event_id)
        except AppError:
            self._complain("invalid_json", "The event is not a JSON object.")

    def _complain(
        self,
        code: str,
        message: str,
        *,
        param: str | None = None,
        event_id: str | None = None,
    ) -> None:
        self._errors += 1
        self._account.errors += 1
        self.say(error_event(code, message, param=param, event_id=event_id))

    async def _send(self, send: Send) -> None:
        """Send what waits, until the end or until the client takes nothing."""
        overflowed = asyncio.create_task(self._outbox.overflowed.wait())
        sending = asyncio.create_task(self._send_all(send))
        try:
            await asyncio.wait(
                {overflowed, sending}, return_when=asyncio.FIRST_COMPLETED
            )
            if sending.done() and sending.result():
                return
            await _stop(sending)
            self._account.was_slow = True
            await _close(send, Closing(TRY_LATER, "too_slow"))
        finally:
            await _stop(overflowed)
            await _stop(sending)

    async def _send_all(self, send: Send) -> bool:
        """Return True after the end, False when the client is stuck."""
        while True:
            item = await self._outbox.take()
            if isinstance(item, Closing):
                self._account.close_code = item.code
                await _close(send, item)
                return True
            try:
                async with asyncio.timeout(self._limits.stuck_seconds):
                    await send({"type": "websocket.send", "text": item})
            except TimeoutError:
                return False
            except OSError:
                # The server says so when the client has gone.
                return True


async def _close(send: Send, closing: Closing) -> None:
    with contextlib.suppress(OSError):
        await send(
            {
                "type": "websocket.close",
                "code": closing.code,
                "reason": closing.reason,
            }
        )


async def _stop(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait({task})
