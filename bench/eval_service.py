"""A service to be measured: started anew, or running already; filled and asked."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from auth.keys import digest_key, new_key
from bench.eval_figures import Cited, Reply, Result
from bench.questions import Case
from tests.service import start_service

_SECONDS = 60.0
_PAUSE = 0.2
_PAGE = 100
_AT_ONCE = 8
"""Uploads under way at once; the service works on them in order."""


@dataclass(frozen=True, slots=True)
class Paper:
    """
    A document to take in: a file, or a text with a title.

    Attributes:
        name: What questions call it; its citations are known by it.
    """

    name: str
    path: Path | None = None
    title: str = ""
    text: str = ""


@dataclass(slots=True)
class Desk:
    """One tenant of a service: its key, and what its documents are called."""

    url: str
    key: str
    names: dict[str, frozenset[str]] = field(default_factory=dict)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """Open a client with base URL and key."""
        async with httpx.AsyncClient(
            base_url=self.url,
            headers={"X-API-Key": self.key},
            timeout=_SECONDS,
            trust_env=False,
        ) as client:
            yield client

    async def take_in(self, papers: Sequence[Paper]) -> None:
        """Upload *papers* and wait until all of them can be found."""
        async with self.client() as client:
            gate = asyncio.Semaphore(_AT_ONCE)

            async def send(paper: Paper) -> str:
                async with gate:
                    return await _upload(client, paper)

            ids = await asyncio.gather(*map(send, papers))
            for document_id, paper in zip(ids, papers, strict=True):
                known = self.names.get(document_id, frozenset())
                self.names[document_id] = known | {paper.name.casefold()}
            for document_id, paper in zip(ids, papers, strict=True):
                await _wait(client, document_id, name=paper.name)

    async def learn_names(self) -> None:
        """Read what the documents of a running service are called."""
        async with self.client() as client:
            cursor = None
            while True:
                query = {"limit": str(_PAGE)} | ({"cursor": cursor} if cursor else {})
                page = (await _get(client, "/v1/documents", query)).json()
                for item in page["items"]:
                    found = (item["file"], item["title"], item["url"])
                    names = frozenset(one.casefold() for one in found if one)
                    self.names[item["document_id"]] = names
                cursor = page["next_cursor"]
                if cursor is None:
                    return

    async def ask_all(self, cases: Iterable[Case], *, at_once: int) -> list[Result]:
        """Ask every question; those of one conversation in order."""
        run = f"eval-{uuid.uuid4().hex[:8]}"
        lines: dict[str, list[tuple[int, Case]]] = {}
        for at, case in enumerate(cases):
            lines.setdefault(case.conversation or f"q{at}", []).append((at, case))
        found: dict[int, Result] = {}
        gate = asyncio.Semaphore(at_once)
        async with self.client() as client:

            async def talk(name: str, line: Sequence[tuple[int, Case]]) -> None:
                async with gate:
                    for at, case in line:
                        reply = await self._ask(client, case, f"{run}-{name}")
                        found[at] = Result(case, reply)

            await asyncio.gather(*(talk(*item) for item in lines.items()))
        return [found[at] for at in sorted(found)]

    async def _ask(
        self, client: httpx.AsyncClient, case: Case, conversation: str
    ) -> Reply:
        begun = time.perf_counter()
        reply = await client.post(
            "/v1/chat",
            json={"message": case.question},
            headers={"X-Conversation-Id": conversation},
        )
        seconds = time.perf_counter() - begun
        reply.raise_for_status()
        body = reply.json()
        return Reply(
            text=body["answer"],
            answered=body["answered"],
            confidence=body["confidence"],
            citations=tuple(self._cited(one) for one in body["citations"]),
            seconds=seconds,
        )

    def _cited(self, body: Mapping[str, object]) -> Cited:
        identity = str(body["document_id"])
        told = (identity, body.get("file"), body.get("title"), body.get("url"))
        names = frozenset(str(one).casefold() for one in told if one)
        return Cited(
            index=int(str(body["index"])),
            names=names | self.names.get(identity, frozenset()),
            quote=str(body["quote"]),
            supported=bool(body["supported"]),
        )


@asynccontextmanager
async def run_service(
    tenants: Iterable[str], environ: Mapping[str, str]
) -> AsyncIterator[dict[str, Desk]]:
    """Start the real service with a key for each of *tenants*; stop it at the end."""
    keys = {tenant: new_key() for tenant in tenants}
    entries = ",".join(f"{name}:{digest_key(key)}" for name, key in keys.items())
    settings = {"API_KEYS": entries, "RATE_LIMIT_PER_HOUR": "10000000", **environ}
    service = await asyncio.to_thread(start_service, settings)
    try:
        yield {tenant: Desk(service.url, key) for tenant, key in keys.items()}
    finally:
        await asyncio.to_thread(service.stop)


def sample(cases: Sequence[Case], size: int, *, seed: int) -> list[Case]:
    """Return about *size* of *cases* in order; conversations stay whole."""
    lines: dict[str, list[int]] = {}
    for at, case in enumerate(cases):
        lines.setdefault(case.conversation or f"q{at}", []).append(at)
    names = list(lines)
    random.Random(seed).shuffle(names)
    kept: list[int] = []
    for name in names:
        if len(kept) >= size:
            break
        kept += lines[name]
    return [cases[at] for at in sorted(kept)]


async def _upload(client: httpx.AsyncClient, paper: Paper) -> str:
    while True:
        if paper.path is not None:
            content = await asyncio.to_thread(paper.path.read_bytes)
            reply = await client.post(
                "/v1/documents", files={"file": (paper.path.name, content)}
            )
        else:
            body = {"title": paper.title, "text": paper.text, "source": paper.name}
            reply = await client.post("/v1/documents", json=body)
        if reply.status_code not in (httpx.codes.TOO_MANY_REQUESTS, 503):
            break
        await asyncio.sleep(float(reply.headers.get("Retry-After", "1")))
    reply.raise_for_status()
    return str(reply.json()["document_id"])


async def _wait(client: httpx.AsyncClient, document_id: str, *, name: str) -> None:
    while True:
        body = (await _get(client, f"/v1/documents/{document_id}", {})).json()
        if body["status"] == "ready":
            return
        if body["status"] == "failed":
            raise RuntimeError(f"{name}: {body['error']}")
        await asyncio.sleep(_PAUSE)


async def _get(
    client: httpx.AsyncClient, path: str, query: Mapping[str, str]
) -> httpx.Response:
    reply = await client.get(path, params=dict(query))
    reply.raise_for_status()
    return reply
