"""The official client for JavaScript holds a conversation, in Node and as a browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.javascript import run_script
from tests.e2e.realtime_service import SpokenService, load_clip, spoken_service

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def spoken() -> Iterator[SpokenService]:
    with spoken_service() as running:
        yield running


@pytest.mark.parametrize("door", ["node", "browser"])
def test_it_speaks_interrupts_and_is_answered(
    spoken: SpokenService, door: str, tmp_path: Path
) -> None:
    service = spoken.service
    sound = tmp_path / "clip.pcm"
    sound.write_bytes(load_clip("az_weather"))

    seen = run_script(
        "talk.mjs",
        {
            "BASE_URL": f"{service.url}/v1",
            "API_KEY": service.key,
            "SOUND": str(sound),
            "DOOR": door,
        },
    )

    assert seen["errors"] == []
    assert seen["interrupted"]["status"] == "cancelled"
    assert seen["answered"]["status"] == "completed"
    assert {
        "conversation.item.truncated",
        "conversation.item.input_audio_transcription.completed",
        "response.output_audio_transcript.done",
        "x.emotion",
        "x.metrics",
    } <= set(seen["types"])
    assert seen["sources"]["citations"]
    with service.client() as client:
        kept = client.get(f"/v1/conversations/{seen['conversation']}").json()
    texts = [message["text"] for message in kept["messages"]]
    assert texts[1] == "(interrupted)"
    assert texts[3] == seen["sources"]["answer"]
