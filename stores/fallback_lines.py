"""Which conversations the state file knows: the lines of the list."""

from __future__ import annotations

from dataclasses import dataclass

from domain.conversations import ConversationSummary, ItemPage
from stores.conversations import Place, write_cursor
from stores.fallback_file import StateFile
from stores.leases import Lease, thread_id_of

_SUMMARY = "id, title, turns, updated, expires"


@dataclass(frozen=True, slots=True)
class FileLine:
    """
    A conversation as the file knows it.

    Attributes:
        changed: Redis does not have it like this.
        deleted: Its owner deleted it.
        wipe: Redis still has what was deleted; what came after is new.
    """

    thread_id: str
    tenant: str
    conversation_id: str
    title: str
    named: bool
    turns: int
    updated_at: float
    changed: bool
    deleted: bool
    wipe: bool


class FileLines:
    """
    The lines; blocking.

    Args:
        authoritative: There is no Redis, so nothing is to be carried there.
    """

    def __init__(self, file: StateFile, *, authoritative: bool) -> None:
        self.file = file
        self.authoritative = authoritative

    def find_summary(
        self, tenant: str, conversation_id: str
    ) -> ConversationSummary | None:
        """Return the line of a conversation, None when the file knows none."""
        with self.file.read() as connection:
            row = connection.execute(
                f"SELECT {_SUMMARY} FROM conversations"  # noqa: S608 - our names
                " WHERE thread = ? AND deleted = 0 AND expires >= ?",
                (thread_id_of(tenant, conversation_id), self.file.clock()),
            ).fetchone()
        return ConversationSummary(*row) if row else None

    def find_line(self, thread_id: str) -> FileLine | None:
        """Return everything the file knows of a conversation."""
        with self.file.read() as connection:
            row = connection.execute(
                "SELECT thread, tenant, id, title, named, turns, updated, changed,"
                " deleted, wipe FROM conversations WHERE thread = ? AND expires >= ?",
                (thread_id, self.file.clock()),
            ).fetchone()
        if row is None:
            return None
        return FileLine(
            thread_id=row[0],
            tenant=row[1],
            conversation_id=row[2],
            title=row[3],
            named=bool(row[4]),
            turns=row[5],
            updated_at=row[6],
            changed=bool(row[7]),
            deleted=bool(row[8]),
            wipe=bool(row[9]),
        )

    def note(self, lease: Lease, *, changed: bool) -> None:
        """
        Write the line of a turn down; a title given by rename stays.

        When *changed*, Redis does not have it.
        """
        line = lease.line
        if line is None:
            return
        with self.file.write() as connection:
            connection.execute(
                "INSERT INTO conversations"
                " (thread, tenant, id, title, turns, updated, expires, changed)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (thread) DO UPDATE SET"
                " title = CASE named WHEN 1 THEN title ELSE excluded.title END,"
                " turns = excluded.turns, updated = excluded.updated,"
                " expires = excluded.expires, deleted = 0,"
                " changed = max(changed, excluded.changed)",
                (
                    lease.thread_id,
                    lease.tenant,
                    lease.conversation_id,
                    line.title,
                    line.turns,
                    line.updated_at,
                    line.updated_at + self.file.ttl_seconds,
                    int(changed),
                ),
            )

    def changed_threads(self) -> list[str]:
        """Return the conversations of which Redis lacks something."""
        with self.file.read() as connection:
            rows = connection.execute(
                "SELECT thread FROM conversations WHERE changed = 1 AND expires >= ?1"
                " UNION SELECT thread FROM checkpoints"
                " WHERE changed = 1 AND expires >= ?1",
                (self.file.clock(),),
            ).fetchall()
        return [thread for (thread,) in rows]

    def settled(self, line: FileLine | None) -> None:
        """Note that Redis has *line* now, unless it was changed again since."""
        if line is None:
            return
        values = (line.thread_id, line.updated_at, int(line.deleted))
        with self.file.write() as connection:
            if line.deleted:
                connection.execute(
                    "DELETE FROM conversations"
                    " WHERE thread = ? AND updated = ? AND deleted = ?",
                    values,
                )
            else:
                connection.execute(
                    "UPDATE conversations SET changed = 0, wipe = 0"
                    " WHERE thread = ? AND updated = ? AND deleted = ?",
                    values,
                )

    def forget(self, thread_id: str) -> None:
        """Remove the line of a conversation that is gone everywhere."""
        with self.file.write() as connection:
            connection.execute(
                "DELETE FROM conversations WHERE thread = ?", (thread_id,)
            )

    def remove(self, tenant: str, conversation_id: str) -> bool:
        """Remove a line, or note that Redis must; False when there was none."""
        thread = thread_id_of(tenant, conversation_id)
        with self.file.write() as connection:
            if not self.authoritative:
                statement = (
                    "UPDATE conversations SET deleted = 1, changed = 1, wipe = 1,"
                    " named = 0 WHERE thread = ? AND deleted = 0"
                )
            else:
                statement = "DELETE FROM conversations WHERE thread = ?"
            return connection.execute(statement, (thread,)).rowcount > 0

    def rename(self, tenant: str, conversation_id: str, title: str) -> None:
        """Give a known conversation a title that later turns keep."""
        with self.file.write() as connection:
            connection.execute(
                "UPDATE conversations SET title = ?, named = 1,"
                " changed = max(changed, ?) WHERE thread = ? AND deleted = 0",
                (
                    title,
                    int(not self.authoritative),
                    thread_id_of(tenant, conversation_id),
                ),
            )

    def list_page(
        self, tenant: str, limit: int, place: Place | None
    ) -> ItemPage[ConversationSummary]:
        """Return a page of *tenant*'s conversations, newest first."""
        top, skip = (place.score, place.seen) if place else (float("inf"), 0)
        with self.file.read() as connection:
            rows = connection.execute(
                f"SELECT {_SUMMARY} FROM conversations"  # noqa: S608 - our names
                " WHERE tenant = ? AND deleted = 0 AND expires >= ? AND updated <= ?"
                " ORDER BY updated DESC, id DESC LIMIT ? OFFSET ?",
                (tenant, self.file.clock(), top, limit + 1, skip),
            ).fetchall()
        found = [ConversationSummary(*row) for row in rows]
        next_cursor = None
        if len(found) > limit:
            last = found[limit - 1].updated_at
            same = sum(entry.updated_at == last for entry in found[:limit])
            seen = same + (skip if place and place.score == last else 0)
            next_cursor = write_cursor(tenant, Place(last, seen))
        return ItemPage(items=tuple(found[:limit]), next_cursor=next_cursor)
