"""Every hostile recording is answered soon, in bounded memory, without a connection."""

from __future__ import annotations

import io
import re
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.fakes.hostile_audio import (
    encoded,
    flac_at_one_hertz,
    flac_claiming,
    playlists,
    tone,
    video_only,
    wav,
)
from tests.fakes.problems import assert_problem
from tests.service import RunningService, start_service

ANSWER_SECONDS = 5.0
# What a loaded machine adds; the promise is five seconds.
SLACK_SECONDS = 10.0
GROWTH_MB = 100
SHORT = tone(0.5)

BOMBS: dict[str, tuple[Callable[[], bytes], int, str]] = {
    "empty": (lambda: b"", 422, "validation_failed"),
    "noise": (
        lambda: np.random.default_rng(2).bytes(40_960),
        415,
        "audio_type_unsupported",
    ),
    "html": (lambda: b"<!doctype html><p>hello", 415, "audio_type_unsupported"),
    "picture": (
        lambda: b"\x89PNG\r\n\x1a\n" + bytes(64),
        415,
        "audio_type_unsupported",
    ),
    "program": (
        lambda: b"\x7fELF\x02\x01\x01" + bytes(64),
        415,
        "audio_type_unsupported",
    ),
    "archive": (lambda: b"PK\x03\x04" + bytes(64), 415, "audio_type_unsupported"),
    "30-byte header": (lambda: wav(b"")[:30], 400, "audio_unreadable"),
    "no samples": (lambda: wav(b""), 400, "audio_unreadable"),
    "flac at 1 Hz": (flac_at_one_hertz, 400, "audio_unreadable"),
    "flac of ten hours": (
        lambda: flac_claiming(SHORT, total=16_000 * 36_000),
        *(422, "audio_too_long"),
    ),
    "flac that says nothing of its length": (
        lambda: flac_claiming(np.zeros(16_000 * 180, "<i2"), total=0),
        *(422, "audio_too_long"),
    ),
    "opus of three minutes": (
        lambda: encoded("ogg", "libopus", tone(180, rate_hz=48_000), rate_hz=48_000),
        *(422, "audio_too_long"),
    ),
    "webm of three minutes": (
        lambda: encoded("webm", "libopus", tone(180, rate_hz=48_000), rate_hz=48_000),
        *(422, "audio_too_long"),
    ),
    "wav of three minutes": (lambda: wav(bytes(32_000 * 180)), 422, "audio_too_long"),
    "wav at 1 GHz": (lambda: wav(bytes(999), rate_hz=10**9), 400, "audio_unreadable"),
    "wav at 0 Hz": (lambda: wav(bytes(999), rate_hz=0), 400, "audio_unreadable"),
    "wav without channels": (
        lambda: wav(bytes(999), channels=0),
        400,
        "audio_unreadable",
    ),
    "wav of 255 channels": (
        lambda: wav(bytes(9990), channels=255),
        *(400, "audio_unreadable"),
    ),
    "wav of 65535 channels": (
        lambda: wav(bytes(9990), channels=65_535),
        *(400, "audio_unreadable"),
    ),
    "m4a without its index": (
        lambda: encoded("ipod", "aac", SHORT)[:1_000],
        *(400, "audio_unreadable"),
    ),
    "video only": (video_only, 400, "audio_unreadable"),
    "silence": (lambda: wav(bytes(64_000)), 422, "no_speech"),
    "not a number": (
        lambda: wav(np.full(32_000, np.nan, "<f4").tobytes(), bits=32, kind=3),
        *(422, "no_speech"),
    ),
    "17 MB": (lambda: wav(bytes(17 << 20)), 413, "audio_too_large"),
    "three minutes of silence in a few bytes": (
        lambda: encoded("flac", "flac", np.zeros(16_000 * 180, "<i2")),
        *(422, "audio_too_long"),
    ),
    "picture in front of the sound": (
        lambda: b"ID3\x04\x00\x00\x0f\x7f\x7f\x7f" + bytes(2 << 20),
        *(400, "audio_unreadable"),
    ),
}


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    with start_service() as running:
        yield running


@pytest.fixture
def client(service: RunningService) -> Iterator[httpx.Client]:
    with service.client(timeout=60) as made:
        yield made


def send(client: httpx.Client, data: bytes, name: str = "a.wav") -> httpx.Response:
    return client.post(
        "/v1/audio",
        headers={"X-Conversation-Id": "hostile-audio"},
        files={"audio": (name, data)},
    )


def resident_mb(service: RunningService) -> float:
    """Return the memory of the workers together, megabytes."""
    total = 0.0
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue
        if f"PPid:\t{service.pid}\n" in text:
            found = re.search(r"VmRSS:\s+(\d+) kB", text)
            total += int(found[1]) / 1024 if found else 0
    return total


def test_every_bomb_has_its_answer_and_the_next_request_too(
    service: RunningService, client: httpx.Client
) -> None:
    send(client, wav(SHORT.tobytes()))
    before = resident_mb(service)
    assert before > 0

    for name, (make, status, code) in BOMBS.items():
        data = make()
        started = time.monotonic()
        reply = send(client, data)
        took = time.monotonic() - started
        assert_problem(reply, status, code)
        assert took < ANSWER_SECONDS + SLACK_SECONDS, name
        assert client.get("/v1/conversations?limit=1").status_code == 200

    assert resident_mb(service) - before < GROWTH_MB
    assert len(BOMBS) >= 20
    assert client.get("/v1/conversations/hostile-audio").status_code == 404


def test_a_playlist_makes_nobody_connect_whatever_it_is_called(
    client: httpx.Client,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x.wav"
        for kind, data in playlists(url).items():
            for name in (f"a.{kind}", "a.m3u8", "a.wav", url):
                reply = send(client, data, name)
                assert reply.status_code in {400, 415}, (kind, name, reply.text)
                assert_problem(reply, reply.status_code)

        with pytest.raises(BlockingIOError):
            listener.accept()


def test_the_door_of_transcriptions_is_as_hard(client: httpx.Client) -> None:
    for name, (make, status, _) in BOMBS.items():
        files = {"file": ("a.wav", io.BytesIO(make()))}
        reply = client.post(
            "/v1/audio/transcriptions", files=files, data={"model": "tanya-transcribe"}
        )
        if status == 422 and name in {"silence", "not a number"}:
            assert reply.status_code in {200, 400, 422}, (name, reply.text)
        else:
            assert 400 <= reply.status_code < 500, (name, reply.text)
            assert set(reply.json()) == {"error"}
