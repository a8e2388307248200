"""Visitors at devices: sessions that end, links that open once, what is left behind."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import secrets
import time
from collections.abc import Callable

import orjson

from domain.callers import Caller
from domain.errors import LinkUsed, StateUnavailable, Unavailable, VisitorSessionEnded
from domain.visitors import Pass, VisitorSession
from stores.kiosk_parts import Forget, Lives, PassMaker, Records

log = logging.getLogger(__name__)

# How it ended is known longer than anything lives that could ask.
_FATE_SECONDS = 2 * 86_400.0
_SWEEP_SECONDS = 5.0
# Longer than a turn, its place in line and a lock that outlives its holder.
_SECOND_LOOK_SECONDS = 300.0

_SECRET_BYTES = 32
_CONVERSATION_DIGITS = 40
_KEY_ID_DIGITS = 12
_OPENED, _ENDED = b"opened", b"ended"


class KioskSessions:
    """
    Satisfies `domain.ports.VisitorSessions`.

    The conversation's id is a digest of the session's secret, so nobody can name one
    without the other and no table has to bind them. A conversation is open while its
    session lives or after a phone opened it; which of "ended" and "opened" came first
    is decided by one write, so that a link and the end of its session cannot both win.

    Args:
        forget: Removes a conversation from every store; of one that is gone, too.
        passes: Makes the tokens of visitors.
        clock: Unix seconds.
    """

    def __init__(
        self,
        records: Records,
        *,
        forget: Forget,
        passes: PassMaker,
        lives: Lives | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._records = records
        self._forget = forget
        self._passes = passes
        self._lives = lives or Lives()
        self._clock = clock
        self._sweeping: asyncio.Task[None] | None = None

    @property
    def silence_seconds(self) -> float:
        """Seconds without a sign of life that end a session."""
        return self._lives.silence

    async def begin(self, device: Caller) -> tuple[str, VisitorSession]:
        """Return a new session and its secret, which is kept nowhere."""
        secret = secrets.token_urlsafe(_SECRET_BYTES)
        session = self._session(device, secret)
        value = orjson.dumps({"tenant": device.tenant, "device": device.key_id})
        # On the list first: whatever happens next, it is looked after.
        await self._records.note(
            _line(device.tenant, session.conversation_id), due_in=self._lives.silence
        )
        await self._records.put(
            _session_name(device.tenant, session.conversation_id),
            value,
            seconds=self._lives.silence,
        )
        return secret, session

    async def load(self, device: Caller, secret: str) -> VisitorSession:
        """Return the session of *secret*; see the port."""
        session = self._session(device, secret)
        if not await self._is_there(device, session.conversation_id):
            raise VisitorSessionEnded
        return session

    async def end(self, device: Caller, secret: str) -> None:
        """End the session; see the port."""
        session = self._session(device, secret)
        name = _session_name(session.tenant, session.conversation_id)
        if not _is_of(await self._records.find(name), device):
            raise VisitorSessionEnded
        if await self._records.take(name) is None:
            raise VisitorSessionEnded
        await self.close_conversation(session.tenant, session.conversation_id)

    async def make_link(self, session: VisitorSession) -> Pass:
        """Return a token that opens the conversation elsewhere, once."""
        token = secrets.token_urlsafe(_SECRET_BYTES)
        made = self._pass(
            token, session.tenant, session.conversation_id, self._lives.link
        )
        await self._records.put(
            _name("link", token), _value_of(made), seconds=self._lives.link
        )
        return made

    async def open_link(self, token: str) -> Pass:
        """Take a link's token and return a visitor's; see the port."""
        taken = await self._records.take(_name("link", token))
        if taken is None:
            raise LinkUsed
        owner = orjson.loads(taken)
        tenant, conversation_id = owner["tenant"], owner["conversation_id"]
        fate = await self._records.claim(
            _fate_name(tenant, conversation_id), _OPENED, seconds=_FATE_SECONDS
        )
        if fate != _OPENED:
            raise LinkUsed
        made = self._pass(
            self._passes.new(), tenant, conversation_id, self._lives.visit
        )
        await self._records.put(
            _name("visit", made.token), _value_of(made), seconds=self._lives.visit
        )
        return made

    async def find_visitor(self, token: str) -> Caller | None:
        """Return the visitor of *token*, with the conversation it is for, or None."""
        if not self.is_pass(token):
            return None
        found = await self._records.find(_name("visit", token))
        if found is None:
            return None
        owner = orjson.loads(found)
        return Caller(
            owner["tenant"],
            _digest(token)[:_KEY_ID_DIGITS],
            kind="visitor",
            conversation_id=owner["conversation_id"],
        )

    def is_pass(self, token: str) -> bool:
        """Return whether *token* was made for a visitor, without I/O."""
        return self._passes.made(token)

    async def is_open(
        self, tenant: str, conversation_id: str, *, seconds: float | None = None
    ) -> bool:
        """Return whether a visitor's conversation may be spoken in; see the port."""
        name = _session_name(tenant, conversation_id)
        if await self._records.find(name, seconds=seconds) is not None:
            return True
        return await self._records.find(_fate_name(tenant, conversation_id)) == _OPENED

    async def may_speak(self, caller: Caller, conversation_id: str) -> bool:
        """Return whether *caller* may speak in it; see the port."""
        if caller.kind == "device":
            return await self._is_there(caller, conversation_id)
        return await self.is_open(
            caller.tenant, conversation_id, seconds=self._lives.silence
        )

    async def close_conversation(self, tenant: str, conversation_id: str) -> None:
        """Forget a conversation whose session ended, unless a phone has opened it."""
        # Looked at once more when no turn that was in flight can still write to it,
        # also if this process does not live to see the end of this call.
        await self._records.note(
            _line(tenant, conversation_id), due_in=_SECOND_LOOK_SECONDS
        )
        try:
            await self._settle(tenant, conversation_id)
        except Unavailable as exc:
            # It is closed for everybody; what is left of it goes as soon as it can.
            log.warning("visitor_conversation_left", extra={"code": exc.code})
            await self._records.note(_line(tenant, conversation_id), due_in=0.0)

    async def sweep(self) -> int:
        """Forget what ended by silence; return how many conversations."""
        closed = 0
        for line in await self._records.due():
            tenant, conversation_id = orjson.loads(line)
            if await self._records.find(_session_name(tenant, conversation_id)):
                await self._records.note(line, due_in=self._lives.silence / 2)
                continue
            try:
                await self._settle(tenant, conversation_id)
            except Unavailable as exc:
                log.warning("visitor_conversation_left", extra={"code": exc.code})
                await self._records.note(line, due_in=self._lives.silence)
                continue
            await self._records.strike(line)
            closed += 1
        return closed

    async def start(self) -> None:
        """Look after the list from now on."""
        self._sweeping = asyncio.create_task(self._keep_sweeping())

    async def close(self) -> None:
        """Stop looking after the list, and close the records."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        await self._records.aclose()

    async def _is_there(self, device: Caller, conversation_id: str) -> bool:
        """Return whether the session of *device* lives; a sign of life."""
        name = _session_name(device.tenant, conversation_id)
        # Looked at before it is refreshed: a stranger's try is no sign of life.
        if not _is_of(await self._records.find(name), device):
            return False
        return await self._records.find(name, seconds=self._lives.silence) is not None

    async def _settle(self, tenant: str, conversation_id: str) -> None:
        fate = await self._records.claim(
            _fate_name(tenant, conversation_id), _ENDED, seconds=_FATE_SECONDS
        )
        if fate == _ENDED:
            await self._forget(tenant, conversation_id)

    async def _keep_sweeping(self) -> None:
        while True:
            await asyncio.sleep(min(_SWEEP_SECONDS, self._lives.silence / 2))
            try:
                with contextlib.suppress(StateUnavailable):
                    closed = await self.sweep()
                    if closed:
                        log.info("visitor_sessions_closed", extra={"count": closed})
            except Exception:
                log.exception("visitor_sweep_failed")

    def _session(self, device: Caller, secret: str) -> VisitorSession:
        return VisitorSession(
            tenant=device.tenant,
            device=device.key_id,
            conversation_id=f"visitor-{_digest(secret)[:_CONVERSATION_DIGITS]}",
            expires_at=self._clock() + self._lives.silence,
        )

    def _pass(
        self, token: str, tenant: str, conversation_id: str, seconds: float
    ) -> Pass:
        return Pass(token, tenant, conversation_id, self._clock() + seconds)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _name(kind: str, secret: str) -> str:
    return f"{kind}:{_digest(secret)}"


def _session_name(tenant: str, conversation_id: str) -> str:
    return f"session:{tenant}:{conversation_id}"


def _fate_name(tenant: str, conversation_id: str) -> str:
    return f"fate:{tenant}:{conversation_id}"


def _line(tenant: str, conversation_id: str) -> bytes:
    return orjson.dumps([tenant, conversation_id])


def _value_of(made: Pass) -> bytes:
    return orjson.dumps(
        {"tenant": made.tenant, "conversation_id": made.conversation_id}
    )


def _is_of(value: bytes | None, device: Caller) -> bool:
    if value is None:
        return False
    owner = orjson.loads(value)
    return (owner["tenant"], owner["device"]) == (device.tenant, device.key_id)
