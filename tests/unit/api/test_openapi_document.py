"""The OpenAPI document is true: examples fit, answers fit, nothing is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest

from api.v1 import examples
from app import create_app
from domain import errors
from tests.fakes.http import CHAT, make_client, make_settings
from tests.fakes.services import make_parts

METHODS = ("get", "post", "put", "patch", "delete")


def _document() -> Any:
    application = create_app(make_settings(), make_parts().services())
    # As a client reads it: through JSON.
    return json.loads(json.dumps(application.api_doc))


DOCUMENT = _document()


def operations() -> Iterator[tuple[str, str, Any]]:
    for path, item in DOCUMENT["paths"].items():
        for method in METHODS:
            if method in item:
                yield path, method, item[method]


def bodies() -> Iterator[tuple[str, Any, Any]]:
    """Yield name, schema and value of each example."""
    for path, method, operation in operations():
        request = operation.get("requestBody", {}).get("content", {})
        places = [("request", request)] + [
            (status, response.get("content", {}))
            for status, response in operation["responses"].items()
        ]
        for place, content in places:
            for media_type, body in content.items():
                found = [body["example"]] if "example" in body else []
                found += [item["value"] for item in body.get("examples", {}).values()]
                for number, value in enumerate(found):
                    name = f"{method} {path} {place} {media_type} {number}"
                    yield name, body["schema"], value


def check(schema: Any, value: Any) -> None:
    whole = schema | {"components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(whole).validate(value)


BODIES = list(bodies())


def test_it_is_openapi_3_1_with_every_endpoint_of_the_contract() -> None:
    assert DOCUMENT["openapi"].startswith("3.1")
    assert {(method, path) for path, method, _ in operations()} == {
        ("post", "/v1/chat"),
        ("post", "/v1/audio"),
        ("get", "/v1/models"),
        ("get", "/v1/models/{model}"),
        ("post", "/v1/chat/completions"),
        ("post", "/v1/audio/transcriptions"),
        ("post", "/v1/audio/speech"),
        ("get", "/v1/conversations"),
        ("get", "/v1/conversations/{conversation_id}"),
        ("patch", "/v1/conversations/{conversation_id}"),
        ("delete", "/v1/conversations/{conversation_id}"),
        ("post", "/v1/conversations/{conversation_id}/feedback"),
        ("post", "/v1/documents"),
        ("get", "/v1/documents"),
        ("get", "/v1/documents/{document_id}"),
        ("delete", "/v1/documents/{document_id}"),
        ("post", "/v1/kiosk/sessions"),
        ("post", "/v1/kiosk/sessions/current/touch"),
        ("delete", "/v1/kiosk/sessions/current"),
        ("post", "/v1/kiosk/sessions/current/link"),
        ("post", "/v1/realtime/client_secrets"),
        ("post", "/v1/visits"),
        ("get", "/health"),
        ("get", "/ready"),
        ("get", "/metrics"),
    }


@pytest.mark.parametrize(
    ("schema", "value"),
    [(schema, value) for _, schema, value in BODIES],
    ids=[name for name, _, _ in BODIES],
)
def test_an_example_fits_its_schema(schema: Any, value: Any) -> None:
    check(schema, value)


def test_every_operation_has_an_id_a_summary_and_an_answer_with_an_example() -> None:
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(set(names)) == len(names)
    for path, method, operation in operations():
        assert operation["summary"], (path, method)
        for status, response in operation["responses"].items():
            assert response["description"]
            for media_type, body in response.get("content", {}).items():
                if not media_type.startswith(("text/plain", "audio/")):
                    assert {"example", "examples"} & set(body), (path, method, status)


def test_keyed_operations_say_so_and_tell_their_errors() -> None:
    for path, _, operation in operations():
        if not path.startswith("/v1"):
            assert not operation.get("security")
            continue
        if path == "/v1/visits":
            # What opens it is in the body, and good for once.
            assert not operation.get("security")
            continue
        assert operation["security"] == [{"ApiKey": []}, {"Bearer": []}]
        assert {"401", "429", "500", "503"} <= set(operation["responses"])


def test_every_code_that_is_told_exists() -> None:
    known = {
        error.code
        for error in vars(errors).values()
        if isinstance(error, type) and issubclass(error, errors.AppError)
    }
    told = {
        value["code"]
        for _, _, value in BODIES
        if isinstance(value, dict) and "request_id" in value and "code" in value
    }

    assert told <= known
    assert {"conversation_busy", "turn_timeout", "document_type_unsupported"} <= told


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/chat", examples.QUESTION),
        ("POST", "/v1/documents", examples.TEXT_DOCUMENT),
        ("GET", "/v1/conversations", None),
        ("GET", "/v1/documents", None),
        ("GET", "/health", None),
        ("GET", "/ready", None),
    ],
)
async def test_an_answer_fits_its_schema(
    client: httpx.AsyncClient, method: str, path: str, body: Any
) -> None:
    await client.post("/v1/chat", json=examples.QUESTION, headers=CHAT)
    await client.post("/v1/documents", json=examples.TEXT_DOCUMENT)

    reply = await client.request(method, path, json=body, headers=CHAT)

    operation = DOCUMENT["paths"][path][method.lower()]
    response = operation["responses"][str(reply.status_code)]
    schema = response["content"]["application/json"]["schema"]
    check(schema, reply.json())


async def test_a_problem_fits_its_schema(client: httpx.AsyncClient) -> None:
    for reply in (
        await client.post("/v1/chat", json={"message": ""}, headers=CHAT),
        await client.get("/v1/nothing"),
    ):
        check({"$ref": "#/components/schemas/Problem"}, reply.json())


async def test_the_document_is_served_as_it_is() -> None:
    async with make_client(make_parts(), headers={}) as client:
        reply = await client.get("/openapi.json")

    assert reply.json() == DOCUMENT
