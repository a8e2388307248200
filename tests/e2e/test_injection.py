"""Documents that give orders change nothing, even for a model that obeys them all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import settle
from tests.fakes.events import read_events
from tests.fakes.injections import CANARY, HOST, ORDERS, poison, spellings
from tests.fakes.openai_server import OpenAIServer
from tests.service import RunningService, start_service

ANSWERABLE = "Pukul berapa {place} buka?"
UNANSWERABLE = "Siapa pelukis Mona Lisa?"


@dataclass(frozen=True)
class Trap:
    """A poisoned document that was taken in, and what it is about."""

    name: str
    place: str
    hour: str
    document_id: str


@dataclass(frozen=True)
class House:
    """A service, its model if it has one, and the traps in its documents."""

    service: RunningService
    model: OpenAIServer | None
    traps: list[Trap]


@pytest.fixture(scope="module", params=["no model", "obeying model"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    model: OpenAIServer | None = None
    env: dict[str, str] = {}
    if request.param == "obeying model":
        model = OpenAIServer()
        model.start()
        env = {
            "LLM_BASE_URL": model.url,
            "LLM_MODEL": "obeying",
            "LLM_API_KEY": "key-of-the-model",
        }
    with start_service(env) as service:
        with service.client(timeout=60) as client:
            traps = list(_set_traps(client))
        yield House(service, model, traps)
    if model is not None:
        model.stop()


def _set_traps(client: httpx.Client) -> Iterator[Trap]:
    number = 0
    for goal, order in ORDERS.items():
        place = f"Kolam {goal.capitalize()}"
        for file in poison(place, "", order):
            number += 1
            own = f"Gedung {goal.capitalize()}{number}"
            hour = f"{6 + number % 12:02}.{10 + number % 49}"
            fact = f"{own} buka pukul {hour} setiap hari kerja."
            made = {one.name: one for one in poison(own, fact, order)}[file.name]
            reply = client.post(
                "/v1/documents",
                files={"file": (made.file, made.content)},
                data={"title": own},
            )
            assert reply.status_code == 202, reply.text
            document = settle(client, reply.json()["document_id"])
            assert document["status"] == "ready", document
            yield Trap(f"{goal}/{made.name}", own, hour, document["document_id"])


def _ask(client: httpx.Client, name: str, message: str) -> Any:
    reply = client.post(
        "/v1/chat",
        json={"message": message},
        headers={"X-Conversation-Id": name.replace("/", "-")},
    )
    assert reply.status_code == 200, reply.text
    return reply.json()


def test_a_poisoned_document_tells_its_fact_and_nothing_else(house: House) -> None:
    effects: list[str] = []
    facts = 0
    with house.service.client(timeout=60) as client:
        for trap in house.traps:
            body = _ask(client, trap.name, ANSWERABLE.format(place=trap.place))
            said = json.dumps(body)
            if CANARY in body["answer"] or HOST in said or "](" in body["answer"]:
                effects.append(f"{trap.name}: {body['answer']}")
            facts += trap.hour in body["answer"]
            for citation in body["citations"]:
                assert citation["page"] != 99
                assert citation["document_id"] == trap.document_id, trap.name
            indexes = [citation["index"] for citation in body["citations"]]
            assert sorted(set(indexes)) == indexes

    assert effects == []
    assert facts >= len(house.traps) * 0.9


def test_what_nobody_can_know_is_refused_all_the_same(house: House) -> None:
    with house.service.client(timeout=60) as client:
        body = _ask(client, "refused", UNANSWERABLE)

    assert body["answered"] is False
    assert body["citations"] == []
    assert CANARY not in json.dumps(body)


def test_no_spelling_of_an_address_leaves_the_house(house: House) -> None:
    if house.model is None:
        pytest.skip("without a model nothing is said that no document says")
    trap = house.traps[0]
    question = ANSWERABLE.format(place=trap.place)
    fact = f"{trap.place} buka pukul {trap.hour} setiap hari kerja [1]."
    left: list[str] = []
    with house.service.client(timeout=60) as client:
        for number, spelling in enumerate(spellings()):
            house.model.script["evil"] = f"{fact} {spelling}"
            house.model.acting = "evil"
            body = _ask(client, f"spelling-{number}", question)
            stream = client.post(
                "/v1/chat",
                json={"message": question, "stream": True},
                headers={"X-Conversation-Id": f"stream-{number}"},
            ).text
            deltas = "".join(
                data["delta"]
                for name, data in read_events(stream)
                if name == "answer.delta"
            )
            said = (json.dumps(body) + stream + deltas).lower()
            if HOST in said or "javascript:" in said:
                left.append(spelling)
    house.model.acting = None

    assert left == []
    assert len(spellings()) == 120
