"""What `deploy/kubernetes` starts on many machines, without one file shared."""

from __future__ import annotations

import json
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.cluster import Cluster, is_ready, make_secrets, serve_cluster, wait_for
from tests.fakes.manifests import secrets
from tests.fakes.postgres_server import find_programs
from tests.service import RunningService

DOCUMENT = (
    Path(__file__).resolve().parents[2]
    / "samples"
    / "documents"
    / "01-profil-universitas.md"
)
FOUNDED, DATE = "Kapan ULS berdiri?", "17 Maret 1968"
RECTOR, NAME = "Siapa rektor ULS sekarang?", "Widyasari Anggraeni"
# Of whom it speaks is known from the conversation only.
FOLLOW_UP, FIELD = "Apa keahliannya?", "oseanografi"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    programs = find_programs()
    if programs is None:
        pytest.skip("not run: no PostgreSQL (initdb, pg_ctl) on this machine")
    with serve_cluster(tmp_path_factory.mktemp("cluster"), programs=programs) as made:
        done = made.run("tanya-migrate")
        assert (done.returncode, done.stdout) == (0, "The database is up to date.\n")
        for _ in range(2):
            made.start_worker()
            made.start_host()
        made.wait()
        yield made


@pytest.fixture
def hosts(cluster: Cluster, document: str) -> list[RunningService]:
    """Return both hosts, with the document; one that is gone is started elsewhere."""
    for host in cluster.hosts:
        if host.has_ended():
            cluster.reschedule(host)
    return cluster.hosts


@pytest.fixture(scope="module")
def document(cluster: Cluster) -> str:
    """Hand the document in at the first host; return its id once the second has it."""
    first, second = cluster.hosts
    with first.client() as client:
        content = DOCUMENT.read_bytes()
        reply = client.post("/v1/documents", files={"file": (DOCUMENT.name, content)})
    assert reply.status_code == 202, reply.text
    found = str(reply.json()["document_id"])
    with second.client() as client:
        wait_for(
            lambda: (
                client.get(f"/v1/documents/{found}").json()["status"]
                in {"ready", "failed"}
            )
        )
        assert client.get(f"/v1/documents/{found}").json()["status"] == "ready"
    return found


def ask(
    host: RunningService, conversation: str, message: str, *, key: str | None = None
) -> httpx.Response:
    headers = host.headers | {"X-Conversation-Id": conversation}
    headers |= {"Idempotency-Key": key} if key else {}
    return httpx.post(
        f"{host.url}/v1/chat",
        headers=headers,
        json={"message": message},
        timeout=30,
        trust_env=False,
    )


def read(host: RunningService, conversation: str) -> list[dict[str, Any]]:
    with host.client() as client:
        reply = client.get(f"/v1/conversations/{conversation}")
    assert reply.status_code == 200, reply.text
    messages: list[dict[str, Any]] = reply.json()["messages"]
    return messages


def test_the_printed_secrets_are_those_of_the_example_and_strong() -> None:
    one, other = make_secrets(), make_secrets()

    assert {name: set(one[name]) for name in one} == {
        name: set(values) for name, values in secrets().items()
    }
    shared = {value for values in one.values() for value in values.values()} & {
        value for values in other.values() for value in values.values()
    }
    assert shared == set()
    assert len(one["tanya-keys"]["API_KEY"]) == 64
    for url, password in (
        ("REDIS_URL", "REDIS_PASSWORD"),
        ("DATABASE_URL", "POSTGRES_PASSWORD"),
    ):
        assert f":{one['tanya-servers'][password]}@" in one["tanya-stores"][url]


def test_a_document_of_one_host_is_taken_in_by_a_worker_and_answered_by_the_other(
    cluster: Cluster, document: str
) -> None:
    lines = [
        json.loads(line)
        for number in range(len(cluster.workers))
        for line in cluster.worker_log(number).read_text().splitlines()
        if line.startswith("{")
    ]
    done = [line for line in lines if line["message"] == "document_ready"]
    assert [line["document_id"] for line in done] == [document]
    assert all("document_ready" not in host.log() for host in cluster.hosts)

    body = ask(cluster.hosts[1], "of-the-other", FOUNDED).json()

    assert DATE in body["answer"]
    assert {one["document_id"] for one in body["citations"]} == {document}
    assert body["degraded"] == []


def test_a_conversation_begun_at_one_host_goes_on_at_the_other(
    hosts: list[RunningService],
) -> None:
    first, second = hosts

    begun = ask(first, "goes-on", RECTOR).json()
    gone_on = ask(second, "goes-on", FOLLOW_UP).json()

    assert NAME in begun["answer"]
    assert FIELD in gone_on["answer"].lower()
    told = [RECTOR, begun["answer"], FOLLOW_UP, gone_on["answer"]]
    assert [one["text"] for one in read(first, "goes-on")] == told
    assert [one["text"] for one in read(second, "goes-on")] == told


def test_a_request_sent_again_to_the_other_host_is_not_done_twice(
    hosts: list[RunningService],
) -> None:
    first, second = hosts

    done = ask(first, "again", FOUNDED, key="the-same")
    again = ask(second, "again", FOUNDED, key="the-same")

    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json()["message_id"] == done.json()["message_id"]
    assert len(read(second, "again")) == 2


def test_turns_at_the_same_time_at_both_hosts_are_one_after_the_other(
    hosts: list[RunningService],
) -> None:
    questions = [f"{FOUNDED} Nomor {number}." for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        replies = list(
            pool.map(
                lambda pair: ask(hosts[pair[0] % 2], "both", pair[1]),
                enumerate(questions),
            )
        )

    assert {one.status_code for one in replies} == {200}
    stored = read(hosts[0], "both")
    assert [one["role"] for one in stored] == ["user", "assistant"] * 4
    assert sorted(one["text"] for one in stored[::2]) == questions


class Customer(threading.Thread):
    """Asks one conversation through a balancer that tries the other host."""

    def __init__(self, hosts: list[RunningService], name: str) -> None:
        super().__init__(daemon=True, name=name)
        self.answered: list[tuple[str, str]] = []
        self.retries = 0
        self.stop = threading.Event()
        self._hosts = hosts

    def run(self) -> None:
        while not self.stop.is_set():
            self._see_through(f"{FOUNDED} Nomor {len(self.answered)}.")

    def _see_through(self, question: str) -> None:
        key, end, tries = uuid.uuid4().hex, time.monotonic() + 60, len(self.answered)
        while time.monotonic() < end:
            host = self._hosts[tries % len(self._hosts)]
            tries += 1
            try:
                reply = ask(host, self.name, question, key=key)
            except httpx.TransportError:
                reply = None
            if reply is not None and reply.status_code == 200:
                self.answered.append((question, reply.json()["message_id"]))
                return
            self.retries += 1
            time.sleep(0.2)
        self.stop.set()


def test_the_death_of_a_host_loses_nothing_and_another_machine_takes_its_place(
    cluster: Cluster, hosts: list[RunningService]
) -> None:
    first, second = hosts
    customers = [Customer([first, second], f"customer-{at}") for at in range(3)]
    for one in customers:
        one.start()
    wait_for(lambda: all(len(one.answered) >= 3 for one in customers))

    first.kill()
    before = [len(one.answered) for one in customers]
    wait_for(
        lambda: all(
            len(one.answered) >= count + 2
            for one, count in zip(customers, before, strict=True)
        )
    )
    for one in customers:
        one.stop.set()
    for one in customers:
        one.join(timeout=60)
    cluster.reschedule(first)

    assert sum(one.retries for one in customers) > 0
    for one in customers:
        stored = read(first, one.name)
        assert [each["role"] for each in stored] == ["user", "assistant"] * (
            len(stored) // 2
        )
        pairs = zip(stored[::2], stored[1::2], strict=True)
        assert [(asked["text"], said["id"]) for asked, said in pairs] == one.answered


def test_a_host_that_is_told_to_go_is_not_ready_and_ends_in_order(
    hosts: list[RunningService],
) -> None:
    first, second = hosts
    with first.client() as client:
        assert client.get("/ready").json() == {"status": "ready"}

        first.send_signal(signal.SIGTERM)

        reasons: list[str] = []

        def is_told() -> bool:
            reply = client.get("/ready")
            reasons.extend(reply.json().get("reasons", []))
            return reply.status_code == 503

        wait_for(is_told, seconds=10)
        assert reasons == ["draining"]

    assert first.wait() == 0
    assert is_ready(second)
    assert ask(second, "while-one-is-gone", FOUNDED).status_code == 200
