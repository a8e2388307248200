"""Leases in the state file, with the rules of `stores.leases`."""

from __future__ import annotations

from stores.fallback_lines import FileLines
from stores.leases import (
    FULL,
    GRANTED,
    LEASE_SECONDS,
    MAX_WAITING,
    SILENT_SECONDS,
    WAITING,
    Lease,
)
from stores.owners import owner_is_gone


class FileLeases:
    """Who holds which conversation; all workers of a host see the same."""

    def __init__(self, lines: FileLines) -> None:
        self._lines = lines
        self._file = lines.file

    async def try_acquire(self, lease: Lease) -> int:
        """Return GRANTED, WAITING (now in line) or FULL."""
        return await self._file.run(self._try_acquire, lease.thread_id, lease.token)

    async def leave(self, lease: Lease) -> None:
        """Leave the line; a lease granted in the last moment goes as well."""
        await self._file.run(self._leave, lease.thread_id, lease.token)

    async def renew(self, lease: Lease) -> bool:
        """Return False when the lease is somebody else's, or nobody's."""
        return await self._file.run(self._renew, lease.thread_id, lease.token)

    async def release(self, lease: Lease) -> None:
        """Hand the lease back and write its line down."""
        await self._file.run(self._release, lease)

    def _try_acquire(self, thread: str, token: str) -> int:
        now = self._file.clock()
        with self._file.write() as connection:
            connection.execute(
                "DELETE FROM waiting WHERE thread = ? AND token != ? AND seen < ?",
                (thread, token, now - SILENT_SECONDS),
            )
            line = [
                place
                for place in connection.execute(
                    "SELECT token FROM waiting WHERE thread = ?"
                    " ORDER BY arrived, token",
                    (thread,),
                ).fetchall()
                if not owner_is_gone(place[0])
            ]
            holder = connection.execute(
                "SELECT token FROM leases WHERE thread = ? AND until >= ?",
                (thread, now),
            ).fetchone()
            first = not line or line[0][0] == token
            if holder is not None and owner_is_gone(holder[0]):
                holder = None
            if (holder is None and first) or (holder and holder[0] == token):
                connection.execute(
                    "INSERT OR REPLACE INTO leases VALUES (?, ?, ?)",
                    (thread, token, now + LEASE_SECONDS),
                )
                connection.execute(
                    "DELETE FROM waiting WHERE thread = ? AND token = ?",
                    (thread, token),
                )
                return GRANTED
            if (token,) not in line and len(line) >= MAX_WAITING:
                return FULL
            connection.execute(
                "INSERT INTO waiting VALUES (?, ?, ?, ?)"
                " ON CONFLICT (thread, token) DO UPDATE SET seen = excluded.seen",
                (thread, token, now, now),
            )
            return WAITING

    def _leave(self, thread: str, token: str) -> None:
        with self._file.write() as connection:
            for table in ("waiting", "leases"):
                connection.execute(
                    f"DELETE FROM {table} WHERE thread = ? AND token = ?",  # noqa: S608
                    (thread, token),
                )

    def _renew(self, thread: str, token: str) -> bool:
        with self._file.write() as connection:
            changed = connection.execute(
                "UPDATE leases SET until = ? WHERE thread = ? AND token = ?",
                (self._file.clock() + LEASE_SECONDS, thread, token),
            )
            return changed.rowcount == 1

    def _release(self, lease: Lease) -> None:
        with self._file.write() as connection:
            connection.execute(
                "DELETE FROM leases WHERE thread = ? AND token = ?",
                (lease.thread_id, lease.token),
            )
        self._lines.note(lease, changed=not self._lines.authoritative)
