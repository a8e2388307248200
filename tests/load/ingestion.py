"""
Many passages, several worker processes, some of them killed on the way.

    python -m tests.load.ingestion --passages 100000 --workers 3 --kills 6

A document is in line, at work, ready or failed; progress is printed. At the end every
passage of every document must be in the store exactly once: none lost, none doubled.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from domain.documents import Document, Upload
from knowledge.shelf import Shelf
from tests.fakes.document_workers import Deployment
from tests.fakes.qdrant_server import serve_qdrant
from tests.fakes.redis_server import RedisServer

TENANT = "default"
PARAGRAPHS = 500
PASSAGES_A_DOCUMENT = PARAGRAPHS // 2
"""Two of these paragraphs make a passage."""
LINE_DOCUMENTS = 400
"""Documents in line at once; the line takes a thousand."""
PATIENCE_SECONDS = 600.0
"""Without any progress the campaign is over."""


@dataclass
class Outcome:
    """Figures of one campaign."""

    documents: int = 0
    passages: int = 0
    killed: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the figures as text."""
        rate = self.passages / self.seconds if self.seconds else 0.0
        return [
            f"{self.passages} passages of {self.documents} documents",
            f"in {self.seconds:.0f} s ({rate:.0f} passages/s)",
            f"workers killed {self.killed}",
            f"faults {len(self.faults)}",
            *self.faults[:20],
        ]


def make_text(number: int, *, paragraphs: int) -> str:
    """Return the text of one document; no two paragraphs are alike."""
    chance = random.Random(number)
    rooms = ("hall", "office", "library", "laboratory", "gate", "clinic", "garden")
    lines = []
    for at in range(paragraphs):
        place = f"{chance.choice(rooms)} {number}-{at}"
        hour = chance.randrange(6, 11)
        lines.append(
            f"The {place} opens at {hour} in the morning. Visitors of the {place} sign"
            f" the book at the door, leave their bags in locker {chance.randrange(999)}"
            f" and ask for key {chance.randrange(99_999)} when they need a room. On the"
            f" last working day of a month the {place} closes {chance.randrange(1, 4)}"
            " hours earlier than on other days, and nobody is let in after that. Calls"
            f" to extension {chance.randrange(1000, 9999)} are answered all day. "
        )
    return "\n\n".join(lines)


def run(
    folder: Path, *, passages: int, workers: int, kills: int, seed: int = 1
) -> Outcome:
    """Run a campaign and return what it found."""
    outcome = Outcome()
    chance = random.Random(seed)
    with RedisServer(folder / "redis") as redis, serve_qdrant() as qdrant:
        deployment = Deployment(folder, redis, qdrant)
        try:
            crew = [deployment.start_worker() for _ in range(workers)]
            with deployment.open_library() as shelf:
                _work(outcome, deployment, shelf, crew, passages, kills, chance)
                _check(outcome, shelf)
        finally:
            deployment.close()
    return outcome


def _work(
    outcome: Outcome,
    deployment: Deployment,
    shelf: Shelf,
    crew: list[subprocess.Popen[bytes]],
    passages: int,
    kills: int,
    chance: random.Random,
) -> None:
    """Hand documents in, kill workers at even distances, wait for the end."""
    count = max(1, -(-passages // PASSAGES_A_DOCUMENT))
    started = moved = time.monotonic()
    sent = ready = told = 0
    marks = [count * (at + 1) // (kills + 1) for at in range(kills)]
    while ready < count:
        while sent < count and sent - ready < LINE_DOCUMENTS:
            text = make_text(sent, paragraphs=PARAGRAPHS)
            upload = Upload(content=text.encode(), file=f"paper-{sent}.txt")
            shelf.library.submit(TENANT, upload)
            sent += 1
        time.sleep(0.5)
        found = _documents(shelf)
        done = sum(one.status in {"ready", "failed"} for one in found)
        if done > ready:
            ready, moved = done, time.monotonic()
        if time.monotonic() - moved > PATIENCE_SECONDS:
            outcome.faults.append(f"no progress after {ready} of {count} documents")
            return
        if ready * 10 // count > told:
            told = ready * 10 // count
            spent = time.monotonic() - started
            kept = sum(one.chunks for one in found)
            print(f"{told * 10:3d} %  {kept} passages  {spent:.0f} s", flush=True)
        if marks and ready >= marks[0]:
            marks.pop(0)
            _kill_one(outcome, deployment, crew, chance)
    outcome.seconds = time.monotonic() - started


def _kill_one(
    outcome: Outcome,
    deployment: Deployment,
    crew: list[subprocess.Popen[bytes]],
    chance: random.Random,
) -> None:
    """Kill a worker in its job; what supervises workers starts another."""
    at = chance.randrange(len(crew))
    held = deployment.freeze_at_work(crew[at])
    crew[at].kill()
    crew[at].wait()
    # The 90 silent seconds after which a job counts as abandoned are not waited for.
    deployment.pass_silence(held)
    crew[at] = deployment.start_worker()
    outcome.killed += 1


def _documents(shelf: Shelf) -> list[Document]:
    found: list[Document] = []
    cursor = None
    while True:
        page = shelf.library.list_documents(TENANT, limit=100, cursor=cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


def _check(outcome: Outcome, shelf: Shelf) -> None:
    """Compare what the manifest says with what the store holds."""
    documents = _documents(shelf)
    outcome.documents = len(documents)
    expected = {one.id: one.chunks for one in documents}
    for one in documents:
        if one.status != "ready":
            outcome.faults.append(f"{one.file} is {one.status}")
    places: dict[str, list[int]] = {one.id: [] for one in documents}
    for passage in shelf.passages.iter_passages(TENANT):
        outcome.passages += 1
        places.setdefault(passage.document_id, []).append(passage.ordinal)
    for document_id, found in places.items():
        if sorted(found) != list(range(expected.get(document_id, 0))):
            outcome.faults.append(
                f"{document_id}: {len(found)} passages, {expected.get(document_id)}"
                " expected"
            )


def main() -> int:
    """Run one campaign; 1 when anything was lost or doubled."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--kills", type=int, default=6)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tanya-ingest-") as folder:
        outcome = run(
            Path(folder),
            passages=given.passages,
            workers=given.workers,
            kills=given.kills,
        )
    print("\n".join(outcome.lines()))
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
