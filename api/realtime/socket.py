"""The ASGI application of `/v1/realtime`: lets clients in, and lets them go."""

from __future__ import annotations

from collections import Counter

from api.bridge_guard import find_header
from api.bridge_mounts import refuse_handshake
from api.bridge_types import Receive, Scope, Send
from api.context import Edge
from api.realtime.access import Opening, admit_answers, admit_socket
from api.realtime.account import Account
from api.realtime.connection import Connection, ConnectionLimits
from domain.errors import AppError, NotFound, Overloaded, RateLimited, ServerRestarting
from utils.logging_config import request_id_var, tenant_var

MAX_CONNECTIONS = 256
"""Of one worker; each listens all the time, at 0.3 % of a core."""
MAX_PER_KEY = 32
"""Of one key and worker."""
_RETRY_SECONDS = 10.0


class RealtimeSocket:
    """
    Serves WebSockets; `api.bridge` mounts it.

    Args:
        max_connections: Open at once.
        max_per_key: Open at once with one key.
    """

    def __init__(
        self,
        edge: Edge,
        *,
        limits: ConnectionLimits | None = None,
        max_connections: int = MAX_CONNECTIONS,
        max_per_key: int = MAX_PER_KEY,
    ) -> None:
        self._edge = edge
        self._limits = limits or ConnectionLimits()
        self._max_connections = max_connections
        self._max_per_key = max_per_key
        self._connections: set[Connection] = set()
        self._by_key: Counter[str] = Counter()
        self._draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one WebSocket from its handshake to its end."""
        found = find_header(scope["headers"], b"x-request-id")
        request_id = found.decode("ascii") if found else ""
        request_id_var.set(request_id)
        await receive()
        try:
            opening = await self._open(scope)
        except AppError as exc:
            await refuse_handshake(exc, scope, receive, send, request_id=request_id)
            return
        tenant_var.set(opening.caller.tenant)
        key = f"{opening.caller.tenant}/{opening.caller.key_id}"
        self._by_key[key] += 1
        try:
            await self._serve(opening, request_id, receive, send)
        finally:
            self._by_key[key] -= 1
            if not self._by_key[key]:
                del self._by_key[key]

    @property
    def connected(self) -> int:
        """Connections that are open."""
        return len(self._connections)

    def begin_drain(self) -> None:
        """Let nobody in; who is not being answered goes now, others afterwards."""
        self._draining = True
        for connection in list(self._connections):
            connection.begin_drain()

    def end_streams(self) -> None:
        """Let everybody go now."""
        for connection in list(self._connections):
            connection.leave()

    async def _open(self, scope: Scope) -> Opening:
        if self._draining:
            raise ServerRestarting
        if len(self._connections) >= self._max_connections:
            raise Overloaded(retry_after_seconds=_RETRY_SECONDS)
        opening = await admit_socket(self._edge, scope)
        key = f"{opening.caller.tenant}/{opening.caller.key_id}"
        if self._by_key[key] >= self._max_per_key:
            raise RateLimited(
                "This key has too many open connections.",
                retry_after_seconds=_RETRY_SECONDS,
            )
        return opening

    async def _serve(
        self, opening: Opening, request_id: str, receive: Receive, send: Send
    ) -> None:
        realtime = self._edge.services.realtime
        if realtime is None:
            raise NotFound
        account = Account(self._edge.metrics, opening.caller.tenant)
        connection = Connection(
            realtime.agent,
            opening,
            admit=admit_answers(self._edge, opening.caller, opening.conversation_id),
            account=account,
            limits=self._limits,
        )
        self._connections.add(connection)
        account.begin()
        try:
            await send(
                {
                    "type": "websocket.accept",
                    "subprotocol": opening.subprotocol,
                    "headers": [(b"x-request-id", request_id.encode())],
                }
            )
            await connection.run(receive, send)
        except OSError:
            # The client had gone before it was let in.
            account.was_slow = False
        finally:
            self._connections.discard(connection)
            account.close()
