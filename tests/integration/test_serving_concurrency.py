"""Many at once: nobody gets another's answer, waits for another, or a 500."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.fakes.raw_client import Load, connections, get, read_answer, wait_for
from tests.service import RunningService, start_service

TOY = "tests.fakes.toy_app:app"


@pytest.fixture(scope="module")
def toy() -> Iterator[RunningService]:
    with start_service(app=TOY) as service:
        yield service


@pytest.mark.parametrize(
    "paths",
    [
        ("/async?seconds=0.005",),
        ("/plain?seconds=0.005",),
        ("/async?seconds=0.003", "/plain?seconds=0.003", "/stream", "/plain/stream"),
    ],
    ids=["async", "plain", "mixed"],
)
def test_keep_alive_clients_never_get_a_spontaneous_error(
    toy: RunningService, paths: tuple[str, ...]
) -> None:
    with Load(toy.port, paths, clients=8) as load:
        load.run_for(1200)

    assert load.failed == {}


def test_context_variables_of_requests_never_mix(toy: RunningService) -> None:
    def ask(number: int) -> dict[str, object]:
        path = f"{toy.url}/async?owner=o{number}&seconds=0.0{number % 7}"
        answer: dict[str, object] = client.get(path).json()
        return answer

    with httpx.Client() as client, ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(200)))

    assert [answer["owner"] for answer in answers] == [f"o{n}" for n in range(200)]
    assert not any(answer["mixed"] for answer in answers)
    assert all(answer["hook"] == "async" for answer in answers)


def test_plain_views_run_beside_each_other(toy: RunningService) -> None:
    start = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(httpx.get, [f"{toy.url}/plain?seconds=0.5" for _ in range(8)])
        )

    assert [answer.status_code for answer in answers] == [200] * 8
    assert time.monotonic() - start < 2.5


def test_open_streams_delay_nobody(toy: RunningService) -> None:
    with connections(toy.port, 50) as streams, httpx.Client(base_url=toy.url) as client:
        for number, sock in enumerate(streams):
            kind = "/plain/stream" if number < 6 else "/stream"
            sock.sendall(get(f"{kind}?count=100&pause=0.2"))
        for sock in streams:
            assert sock.recv(1000).startswith(b"HTTP/1.1 200")

        took = [_timed(client, path) for path in ("/health", "/async", "/plain") * 5]

    assert max(took) < 1


def test_health_answers_while_every_thread_is_taken() -> None:
    with (
        start_service({"TOY_THREADS": "5"}, app=TOY) as service,
        connections(service.port, 5) as slow,
        httpx.Client(base_url=service.url) as client,
    ):
        for sock in slow:
            sock.sendall(get("/plain?seconds=2"))
        wait_for(lambda: _count(client, "plain.began") == 5)

        refused = client.get("/plain")
        health = _timed(client, "/health")
        finished = [read_answer(sock).status for sock in slow]

    assert refused.status_code == 503
    assert refused.json()["code"] == "overloaded"
    assert refused.json()["retryable"] is True
    assert int(refused.headers["retry-after"]) >= 1
    assert health < 1
    assert finished == [200] * 5


def test_health_answers_while_every_request_slot_is_taken() -> None:
    with (
        start_service({"TOY_REQUESTS": "5"}, app=TOY) as service,
        connections(service.port, 5) as slow,
        httpx.Client(base_url=service.url) as client,
    ):
        for sock in slow:
            sock.sendall(get("/async?seconds=2"))
        wait_for(lambda: client.get("/async").status_code == 503)

        health = client.get("/health")
        finished = [read_answer(sock).status for sock in slow]

    assert health.status_code == 200
    assert set(finished) <= {200, 503}


def test_half_open_connections_do_not_stop_the_service(toy: RunningService) -> None:
    with connections(toy.port, 300) as idle, httpx.Client(base_url=toy.url) as client:
        for sock in idle:
            sock.sendall(b"GET /async HTTP/1.1\r\nHost: t")

        took = _timed(client, "/health")

    assert took < 1


def test_two_workers_share_the_port() -> None:
    env = {"WEB_CONCURRENCY": "2", "QDRANT_URL": "http://127.0.0.1:9"}
    with start_service(env, app=TOY) as service:
        pids: set[int] = set()

        def both() -> bool:
            pids.add(httpx.get(f"{service.url}/health").json()["pid"])
            return len(pids) == 2

        wait_for(both, seconds=10)
        with Load(service.port, ("/async", "/plain"), clients=8) as load:
            load.run_for(600)
        metrics = service.data_dir / "metrics"

        assert load.failed == {}
        assert metrics.is_dir()


def _timed(client: httpx.Client, path: str) -> float:
    start = time.monotonic()
    assert client.get(path).status_code == 200
    return time.monotonic() - start


def _count(client: httpx.Client, event: str) -> int:
    return len(client.get("/events").json().get(event, []))
