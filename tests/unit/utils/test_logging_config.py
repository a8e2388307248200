"""Logs: one JSON object a line, nothing that people said, no secret."""

from __future__ import annotations

import contextlib
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.http import make_settings
from utils.logging_config import (
    configure_logging,
    request_id_var,
    tenant_var,
)

SECRET = "sekret-of-the-model-server-123"


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)
    request_id_var.set(None)
    tenant_var.set(None)


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def log(output: io.StringIO) -> logging.Logger:
    configure_logging(
        make_settings(api_key="k" * 20, llm_api_key=SECRET, llm_model="m"),
        stream=output,
    )
    return logging.getLogger("tanya.test")


def lines(output: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_a_line_has_the_fields_of_the_contract(
    log: logging.Logger, output: io.StringIO
) -> None:
    request_id_var.set("trace-1")
    tenant_var.set("default")
    log.info("turn_answered", extra={"duration_ms": 1.5, "status": 200})

    (line,) = lines(output)
    assert line == {
        "timestamp": line["timestamp"],
        "level": "INFO",
        "logger": "tanya.test",
        "message": "turn_answered",
        "request_id": "trace-1",
        "tenant": "default",
        "duration_ms": 1.5,
        "status": 200,
    }
    assert line["timestamp"].endswith("+00:00")


def test_a_private_field_is_dropped(log: logging.Logger, output: io.StringIO) -> None:
    log.info("turn_answered", extra={"private_question": "Kapan?", "passages": 3})

    (line,) = lines(output)
    assert "private_question" not in line
    assert line["passages"] == 3


@pytest.mark.parametrize(
    "text",
    [
        f"key is {SECRET}",
        "Authorization: Bearer abcdef.ghijkl",
        "tanya_" + "a" * 43,
        "sk-" + "b" * 40,
        "redis://user:hunter2@host:6379/0",
        "https://token:x-oauth@host/",
    ],
)
def test_a_secret_in_a_text_is_redacted(
    log: logging.Logger, output: io.StringIO, text: str
) -> None:
    log.warning(text, extra={"where": text, "list": [text], "dict": {"a": text}})

    written = output.getvalue()
    assert "[redacted]" in written
    for secret in (SECRET, "abcdef.ghijkl", "a" * 43, "b" * 40, "hunter2", "x-oauth"):
        assert secret not in written


@pytest.mark.parametrize(
    "name", ["api_key", "password", "client_secret", "access_token", "authorization"]
)
def test_a_field_named_like_a_secret_is_redacted(
    log: logging.Logger, output: io.StringIO, name: str
) -> None:
    log.info("called", extra={name: "anything", "headers": {name: "anything"}})

    assert "anything" not in output.getvalue()


def test_an_exception_is_its_class_and_frames_and_not_its_text(
    log: logging.Logger, output: io.StringIO
) -> None:
    try:
        int("Kapan pendaftaran dibuka?")
    except ValueError:
        log.exception("turn_failed")

    (line,) = lines(output)
    assert line["error"] == "builtins.ValueError"
    assert "test_logging_config.py" in line["stack"][0]
    assert "Kapan" not in output.getvalue()


def test_an_object_is_written_as_its_kind(
    log: logging.Logger, output: io.StringIO
) -> None:
    class Question:
        def __repr__(self) -> str:
            return "Kapan?"

    log.info("asked", extra={"question": Question()})

    (line,) = lines(output)
    assert line["question"] == "<Question>"


@pytest.mark.parametrize("text", ['a"b\n{"x": 1}', "\ud800", "\x1b[31mred", "a\r\nb"])
def test_no_text_breaks_a_line(
    log: logging.Logger, output: io.StringIO, text: str
) -> None:
    log.info("said", extra={"value": text})

    assert len(lines(output)) == 1
    assert "\x1b" not in output.getvalue()


def test_a_long_text_is_cut(log: logging.Logger, output: io.StringIO) -> None:
    log.info("x" * 100_000)

    assert len(output.getvalue()) < 2000


def test_a_full_disk_never_breaks_a_request() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full on this system")
    with Path("/dev/full").open("w", buffering=1, encoding="utf-8") as full:
        configure_logging(make_settings(), stream=full)
        logging.getLogger("tanya.test").warning("disk_filled")
        logging.getLogger().handlers.clear()
        # What could not be written is still in the file's buffer; closing tries again.
        with contextlib.suppress(OSError):
            full.close()


def test_a_closed_stream_never_breaks_a_request() -> None:
    stream = io.StringIO()
    configure_logging(make_settings(), stream=stream)
    stream.close()

    logging.getLogger("tanya.test").warning("stream_closed")


def test_the_servers_loggers_are_routed_here(output: io.StringIO) -> None:
    noisy = logging.getLogger("uvicorn.error")
    noisy.addHandler(logging.StreamHandler(io.StringIO()))
    configure_logging(make_settings(), stream=output)

    noisy.warning("something")
    logging.getLogger("uvicorn.access").info("GET /v1/chat")

    (line,) = lines(output)
    assert line["logger"] == "uvicorn.error"


def test_text_for_a_terminal_has_the_same_rules(output: io.StringIO) -> None:
    configure_logging(
        make_settings(log_format="text", qdrant_api_key=SECRET), stream=output
    )
    logging.getLogger("tanya.test").info(
        "asked", extra={"private_text": "Kapan?", "seconds": 1.5, "note": SECRET}
    )

    written = output.getvalue()
    assert "asked" in written
    assert "seconds=1.5" in written
    assert "Kapan" not in written
    assert SECRET not in written
