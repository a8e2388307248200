"""Search on the embedded engine: ranking, validity, tenants, signals, models."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import pytest
from langchain_core.embeddings import Embeddings

from domain.documents import Passage, SearchQuery
from domain.errors import RetrievalUnavailable, UpstreamError
from knowledge.search import PassageSearch, is_valid
from stores.vectors import PassageStore, open_embedded

TODAY = date(2026, 3, 1)

LIBRARY = "The library is open from 08.00 to 20.00 on working days."
FINE = "An overdue book costs 2,000 rupiah a day."
DORM = "Quiet hours in the dormitory begin at 22.00."
OLD_DORM = "Quiet hours in the dormitory begin at 23.00."
WISUDA = "Syarat wisuda: lulus semua mata kuliah dan bebas pinjaman perpustakaan."
HEALTH = "Klinik kampus buka pukul 08.00 sampai 15.00 di Gedung C."


def make_passage(text: str, **fields: object) -> Passage:
    values: dict[str, object] = {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, repr((text, sorted(fields.items()))))),
        "document_id": "doc_1",
        "tenant": "one",
        "ordinal": 0,
        "title": "",
        "file": "guide.md",
        "language": "en",
        **fields,
    }
    return Passage(text=text, **values)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PassageStore]:
    store = open_embedded(tmp_path, collection="c")
    store.open()
    store.add(
        [
            make_passage(LIBRARY, title="Library"),
            make_passage(FINE, title="Library", headings=("Fines",)),
            make_passage(DORM, title="Housing"),
            make_passage(WISUDA, title="Wisuda", language="id"),
            make_passage(HEALTH, title="Kesehatan", language="id"),
        ]
    )
    yield store
    store.close()


@pytest.fixture
def search(store: PassageStore) -> PassageSearch:
    return PassageSearch(store, today=lambda: TODAY)


def find(search: PassageSearch, text: str, **fields: object) -> tuple[Passage, ...]:
    query = SearchQuery("one", text, **fields)  # type: ignore[arg-type]
    return search.search_now(query).passages


def test_the_passage_that_answers_comes_first(search: PassageSearch) -> None:
    assert find(search, "When does the library open?")[0].text == LIBRARY
    assert find(search, "fine for an overdue book")[0].text == FINE
    assert find(search, "apa syarat wisuda")[0].text == WISUDA


def test_a_question_finds_text_in_the_other_language(search: PassageSearch) -> None:
    assert find(search, "Jam berapa perpustakaan buka?")[0].text == LIBRARY
    assert find(search, "graduation requirements")[0].text == WISUDA
    assert find(search, "opening hours of the clinic")[0].text == HEALTH


def test_misspelt_words_still_find(search: PassageSearch) -> None:
    assert find(search, "dormitry quiet hours")[0].text == DORM
    assert find(search, "perpusatkaan wisudaa")[0].text == WISUDA


def test_scores_fall_and_lie_between_nought_and_one(search: PassageSearch) -> None:
    passages = find(search, "library book hours", limit=10)

    scores = [passage.score for passage in passages]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_no_more_than_wanted_come_back(search: PassageSearch) -> None:
    assert len(find(search, "library dormitory book hours", limit=2)) == 2


def test_the_language_is_detected_or_taken(search: PassageSearch) -> None:
    detected = search.search_now(SearchQuery("one", "Kapan buka?"))
    taken = search.search_now(SearchQuery("one", "wisuda", language="en"))

    assert (detected.language, taken.language) == ("id", "en")


def test_nothing_of_another_tenant_is_found(
    store: PassageStore, search: PassageSearch
) -> None:
    store.add([make_passage("The walnut is in the safe.", tenant="two")])

    texts = [passage.text for passage in find(search, "where is the walnut", limit=10)]

    assert "The walnut is in the safe." not in texts
    assert search.search_now(SearchQuery("three", "library")).passages == ()


def test_a_question_without_content_finds_nothing(search: PassageSearch) -> None:
    assert find(search, "apa itu?") == ()
    assert find(search, "") == ()


def test_current_beats_superseded(store: PassageStore, search: PassageSearch) -> None:
    store.add([make_passage(OLD_DORM, title="Housing", validity="superseded")])

    found = find(search, "When do quiet hours in the dormitory begin?")

    assert [passage.text for passage in found[:2]] == [DORM, OLD_DORM]
    assert found[1].signals["valid"] == 0.0


def test_a_superseded_passage_beats_what_is_about_something_else(
    store: PassageStore, search: PassageSearch
) -> None:
    only = "The swimming pool closed for repairs in May 2024."
    store.add([make_passage(only, validity="superseded")])

    assert find(search, "When did the swimming pool close for repairs?")[0].text == only


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"valid_from": "2026-03-01", "valid_until": "2026-03-01"}, True),
        ({"valid_from": "2026-03-02"}, False),
        ({"valid_until": "2026-02-28"}, False),
        ({"valid_until": "2026-03-01T10:00:00"}, True),
        ({"validity": "superseded"}, False),
    ],
)
def test_validity_is_by_status_and_dates(
    fields: dict[str, object], expected: bool
) -> None:
    assert is_valid(make_passage("x", **fields), today=TODAY) is expected


def test_what_expired_goes_behind(store: PassageStore, search: PassageSearch) -> None:
    expired = make_passage(OLD_DORM, title="Housing", valid_until="2025-12-31")
    store.add([expired])

    assert find(search, "quiet hours in the dormitory")[0].text == DORM


def test_both_wordings_are_searched(search: PassageSearch) -> None:
    alone = find(search, "And how much does it cost a day?")
    together = find(
        search,
        "And how much does it cost a day?",
        alternatives=("overdue book: and how much does it cost a day?",),
    )

    assert together[0].text == FINE
    assert together[0].signals["coverage"] >= alone[0].signals["coverage"]


def test_every_signal_of_the_gate_is_there(search: PassageSearch) -> None:
    first, second = find(search, "library open working days")[:2]

    assert first.signals["coverage"] == 1.0
    assert first.signals["gram_coverage"] == 1.0
    assert first.signals["known"] == 1.0
    assert 0 < first.signals["bm25"] <= first.signals["bm25_max"]
    assert first.signals["margin"] == pytest.approx(first.score - second.score)
    assert "dense" not in first.signals


def test_unknown_words_lower_coverage_and_what_is_known(
    search: PassageSearch,
) -> None:
    found = find(search, "library quokka zeppelin")[0]

    assert found.signals["known"] < 0.5
    assert found.signals["coverage"] < 0.5


def test_new_passages_are_found_at_once(
    store: PassageStore, search: PassageSearch
) -> None:
    before = find(search, "zeppelin")
    store.add([make_passage("A zeppelin landed.")])
    found = find(search, "zeppelin")

    assert "A zeppelin landed." not in [passage.text for passage in before]
    assert found[0].text == "A zeppelin landed."
    assert found[0].signals["known"] == 1.0


def test_a_long_question_is_answered(search: PassageSearch) -> None:
    text = ("library open hours dormitory " + " ".join(f"w{n}" for n in range(900)))[
        :5000
    ]

    assert find(search, text)


def test_threads_may_search_together(search: PassageSearch) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for n in range(20):
                assert find(search, f"library open hours {number} {n}")
        except BaseException as exc:  # noqa: BLE001
            failures.append(exc)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []


async def test_many_searches_run_on_one_loop(search: PassageSearch) -> None:
    results = await asyncio.gather(
        *(search.search(SearchQuery("one", "library open")) for _ in range(20))
    )

    assert {result.passages[0].text for result in results} == {LIBRARY}


async def test_a_closed_store_is_unavailable(
    store: PassageStore, search: PassageSearch
) -> None:
    store.close()

    with pytest.raises(RetrievalUnavailable):
        await search.search(SearchQuery("one", "library"))


class Meanings(Embeddings):
    """Two directions: what is about sleep, and the rest."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.threads: set[str] = set()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        if self.failure is not None:
            raise self.failure
        self.threads.add(threading.current_thread().name)
        asleep = any(word in text.lower() for word in ("dormitory", "asleep", "bed"))
        return [1.0, 0.05] if asleep else [0.05, 1.0]


@pytest.fixture
def meanings() -> Meanings:
    return Meanings()


@pytest.fixture
def dense(tmp_path: Path, meanings: Meanings) -> Iterator[PassageStore]:
    store = open_embedded(tmp_path / "dense", collection="c", embeddings=meanings)
    store.open()
    yield store
    store.close()


def fill(store: PassageStore, texts: Sequence[str]) -> None:
    store.add([make_passage(text) for text in texts])


async def test_meaning_finds_what_words_do_not(
    dense: PassageStore, meanings: Meanings
) -> None:
    fill(dense, [LIBRARY, FINE, DORM])
    search = PassageSearch(dense)
    meanings.threads.clear()

    result = await search.search(SearchQuery("one", "Must everybody be asleep?"))

    assert result.passages[0].text == DORM
    assert result.passages[0].signals["dense"] > 0.9
    assert result.degraded == ()
    # The model is asked over a network: never on the loop's own thread.
    assert all(name.startswith("search") for name in meanings.threads)
    search.close()


def test_words_still_count_beside_meaning(dense: PassageStore) -> None:
    fill(dense, [LIBRARY, FINE, DORM, "A bed is asleep."])

    found = PassageSearch(dense).search_now(
        SearchQuery("one", "quiet hours in the dormitory")
    )

    assert found.passages[0].text == DORM


@pytest.mark.parametrize("failure", [UpstreamError(), ConnectionError()])
def test_without_its_model_search_goes_on_by_words(
    dense: PassageStore, meanings: Meanings, failure: Exception
) -> None:
    fill(dense, [LIBRARY, DORM])
    meanings.failure = failure

    result = PassageSearch(dense).search_now(SearchQuery("one", "library open"))

    assert result.passages[0].text == LIBRARY
    assert result.degraded == ("dense",)


def test_passages_without_vectors_are_reported(
    tmp_path: Path, meanings: Meanings
) -> None:
    words_only = open_embedded(tmp_path, collection="c")
    words_only.open()
    fill(words_only, [LIBRARY, DORM])
    words_only.close()
    store = open_embedded(tmp_path, collection="c", embeddings=meanings)
    store.open()
    search = PassageSearch(store)

    before = search.search_now(SearchQuery("one", "library open"))
    store.add([make_passage(LIBRARY)])
    half = search.search_now(SearchQuery("one", "library open"))
    store.add(list(store.iter_passages("one")))
    after = search.search_now(SearchQuery("one", "library open"))

    assert [before.degraded, half.degraded, after.degraded] == [
        ("dense",),
        ("dense",),
        (),
    ]
    store.close()
