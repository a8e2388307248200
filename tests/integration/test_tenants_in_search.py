"""A thousand searches of two tenants with the same documents find only their own."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Iterator

import pytest

from domain.documents import Passage, SearchQuery
from knowledge.search import PassageSearch
from stores.vectors import PassageStore, open_embedded

TENANTS = ("one", "two", "one.", "o", "ONE")
PLACES = ("Perpustakaan", "Kantin", "Klinik", "Asrama", "Laboratorium", "Rektorat")
SEARCHES = 1_000


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PassageStore]:
    made = open_embedded(tmp_path_factory.mktemp("vectors"), collection="tests")
    made.open()
    for tenant in TENANTS:
        made.add(
            [
                Passage(
                    id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{tenant}/{number}")),
                    document_id=f"doc_{number % 3}",
                    tenant=tenant,
                    ordinal=number,
                    title=place,
                    file="panduan.md",
                    language="id",
                    text=f"{place} buka pukul 0{number}.00, kunci rahasia {tenant}.",
                )
                for number, place in enumerate(PLACES)
            ]
        )
    yield made
    made.close()


async def test_no_search_finds_what_another_tenant_has(store: PassageStore) -> None:
    search = PassageSearch(store)
    chance = random.Random(11)
    found: list[int] = []

    async def look(number: int) -> None:
        tenant = TENANTS[number % len(TENANTS)]
        place = chance.choice(PLACES)
        other = chance.choice(TENANTS)
        text = f"Pukul berapa {place} buka, dan apa kata kunci rahasia {other}?"
        result = await search.search(SearchQuery(tenant=tenant, text=text, limit=10))
        assert {one.tenant for one in result.passages} <= {tenant}
        assert all(f"rahasia {tenant}." in one.text for one in result.passages)
        found.append(len(result.passages))

    for start in range(0, SEARCHES, 20):
        await asyncio.gather(*(look(start + number) for number in range(20)))

    assert len(found) == SEARCHES
    assert sum(map(bool, found)) > SEARCHES / 2


async def test_a_tenant_that_has_nothing_finds_nothing(store: PassageStore) -> None:
    search = PassageSearch(store)
    for tenant in ("", "*", "one/two", "tw", "two ", "One"):
        query = SearchQuery(tenant=tenant, text="Pukul berapa Kantin buka?", limit=10)

        assert list((await search.search(query)).passages) == []


def test_what_is_removed_of_one_stays_of_the_others(store: PassageStore) -> None:
    before = {tenant: store.count(tenant) for tenant in TENANTS}

    store.remove("ONE", "doc_0")

    after = {tenant: store.count(tenant) for tenant in TENANTS}
    assert after.pop("ONE") < before.pop("ONE")
    assert after == before
