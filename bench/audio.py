"""
How does a spoken turn do over HTTP? `python -m bench.audio`.

Every recording in every container: words wrong and seconds by stage. The first sound
of a streamed answer against waiting for the whole one, with a model that writes 30
tokens a second. A typed turn beside two recordings that are being recognised. Questions
that the service speaks and hears again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.questions import load_cases
from bench.recordings import CONTAINERS, Recording, contain, load_recordings
from bench.voice import DATA, SAMPLES, count_errors, question_words
from domain.speech import AudioClip
from tests.fakes.openai_server import running_server
from tests.service import RunningService, start_service

MAX_WER, MAX_FIRST_SHARE, MAX_AFTER_SENTENCE = 0.28, 0.45, 0.150
MAX_EXTRA_SECONDS = 0.050
"""Bars of a spoken turn; the last one is a typed turn's delay beside two uploads."""
TOKENS_A_SECOND = 30
FIRST_TOKEN_SECONDS = 0.35
QUESTION = "what's the weather like"
"""A recording that is heard without a mistake."""
WEATHER = (
    "The weather on the campus is warm and humid all year. ",
    "The rainy season begins in November and ends in April. ",
    "In the dry season the afternoons reach thirty three degrees. ",
    "Umbrellas can be borrowed at the front desk of the library. ",
    "Outdoor ceremonies are moved to the main hall when it rains heavily.",
)
STAGES = (
    "speech_to_text",
    "emotion_analysis",
    "process_rag",
    "text_to_speech",
    "total",
)


@dataclass(slots=True)
class Heard:
    """Sums over the recordings in one container."""

    errors: int = 0
    words: int = 0
    refused: list[str] = field(default_factory=list)
    stages: dict[str, list[float]] = field(
        default_factory=lambda: {stage: [] for stage in STAGES}
    )


def ask(
    client: httpx.Client, audio: bytes, *, conversation: str, name: str = "q.wav"
) -> httpx.Response:
    """Send one recording in English."""
    return client.post(
        "/v1/audio",
        headers={"X-Conversation-Id": conversation},
        files={"audio": (name, audio)},
        data={"language": "en"},
    )


def hear_everything(
    client: httpx.Client, recordings: Sequence[Recording]
) -> dict[str, Heard]:
    """Send every recording in every container."""
    found = {}
    for kind in CONTAINERS:
        heard = Heard()
        for recording in recordings:
            audio = contain(recording.clip, kind)
            reply = ask(client, audio, conversation=f"bench-{kind}", name=f"q.{kind}")
            heard.words += len(recording.words)
            if reply.status_code != 200:
                heard.errors += len(recording.words)
                heard.refused.append(f"{recording.name}: {reply.json().get('code')}")
                continue
            body = reply.json()
            heard.errors += count_errors(recording.words, body["transcript"].split())
            for stage in STAGES:
                heard.stages[stage].append(body["exec_time"].get(stage, 0.0))
        found[kind] = heard
    return found


def report_hearing(found: dict[str, Heard]) -> bool:
    """Print a line a container; True when enough words are right in WAV."""
    print(f"{'':6} {'WER':>6}  " + "  ".join(f"{stage:>16}" for stage in STAGES))
    for kind, heard in found.items():
        medians = (
            statistics.median(times) if times else float("nan")
            for times in heard.stages.values()
        )
        line = "  ".join(f"{seconds:14.3f} s" for seconds in medians)
        print(f"{kind:6} {heard.errors / max(1, heard.words):6.1%}  {line}")
        for refusal in heard.refused:
            print(f"       refused {refusal}")
    wav = found["wav"]
    all_taken = not any(heard.refused for heard in found.values())
    return all_taken and wav.errors <= MAX_WER * wav.words


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds after the upload of one streamed turn."""

    heard: float
    sentence: float
    sound: float
    done: float


def stream_once(client: httpx.Client, audio: bytes, *, conversation: str) -> Times:
    """Return when the words, a first sentence, its sound and the end came."""
    started = time.perf_counter()
    marks: dict[str, float] = {}
    text = ""
    with client.stream(
        "POST",
        "/v1/audio",
        headers={"X-Conversation-Id": conversation, "Accept": "text/event-stream"},
        files={"audio": ("q.wav", audio)},
        data={"language": "en"},
    ) as reply:
        for line in reply.iter_lines():
            if not line.startswith("data: "):
                continue
            event: dict[str, Any] = json.loads(line.removeprefix("data: "))
            now = time.perf_counter() - started
            text += event.get("delta", "") if "output_text" in event["type"] else ""
            if re.search(r"\.(?: \[\d+\])?\s+\S", text):
                marks.setdefault("sentence", now)
            marks.setdefault(event["type"], now)
    return Times(
        marks["transcript.text.done"],
        marks["sentence"],
        marks["speech.audio.delta"],
        marks["response.done"],
    )


def measure_first_sound(recording: Recording, rounds: int) -> bool:
    """Print when a streamed answer begins to sound; True when the bars are met."""
    answer = "".join(f"{one.strip()[:-1]} [1]. " for one in WEATHER).strip()
    with (
        running_server(
            token_delay=1 / TOKENS_A_SECOND,
            first_delay=FIRST_TOKEN_SECONDS,
            script={"weather": answer},
        ) as model,
        start_service({"LLM_BASE_URL": model.url, "LLM_MODEL": "weather"}) as service,
        service.client(timeout=120) as client,
    ):
        client.post(
            "/v1/documents", json={"title": "Weather", "text": "".join(WEATHER)}
        )
        _settle(client)
        audio = contain(recording.clip, "wav")
        ask(client, audio, conversation="warm")
        streamed, whole = [], []
        for at in range(rounds):
            streamed.append(stream_once(client, audio, conversation=f"stream-{at}"))
            begun = time.perf_counter()
            body = ask(client, audio, conversation=f"whole-{at}").json()
            whole.append(time.perf_counter() - begun)
    print(f"answer of {len(body['answer'])} characters: {body['answer'][:60]} ...")
    heard, sentence, sound, done = (
        statistics.median(getattr(times, name) for times in streamed)
        for name in ("heard", "sentence", "sound", "done")
    )
    waited = statistics.median(whole)
    after = statistics.median(times.sound - times.sentence for times in streamed)
    print(
        f"first sound after {sound:.2f} s (words heard {heard:.2f}, first sentence"
        f" written {sentence:.2f}, its sound {1000 * after:+.0f} ms later), end of the"
        f" stream {done:.2f}; whole answer {waited:.2f} s"
    )
    print(
        f"first sound / whole answer: {sound / waited:.2f}"
        f" (share of hearing {heard / sound:.0%}, of writing"
        f" {(sound - heard) / sound:.0%})"
    )
    return sound / waited <= MAX_FIRST_SHARE and after <= MAX_AFTER_SENTENCE


async def measure_beside(service: RunningService, clip: AudioClip, turns: int) -> bool:
    """Print the median of typed turns alone and beside two uploads of ten seconds."""
    seconds = 10 * clip.rate_hz * 2
    ten = (clip.pcm * (seconds // len(clip.pcm) + 1))[:seconds]
    audio = contain(AudioClip(ten, clip.rate_hz), "wav")
    async with httpx.AsyncClient(
        base_url=service.url, headers=service.headers, timeout=120, trust_env=False
    ) as client:
        alone = await _typed(client, turns)
        stop = asyncio.Event()
        speakers = [
            asyncio.create_task(_keep_speaking(client, audio, name, stop))
            for name in ("left", "right")
        ]
        await asyncio.sleep(0.5)
        beside = await _typed(client, turns)
        stop.set()
        uploads = sum(await asyncio.gather(*speakers))
    extra = beside - alone
    print(
        f"typed turn p50 alone {1000 * alone:.1f} ms, beside two recordings"
        f" {1000 * beside:.1f} ms ({1000 * extra:+.1f} ms; {uploads} recordings heard)"
    )
    return extra <= MAX_EXTRA_SECONDS


async def _typed(client: httpx.AsyncClient, turns: int) -> float:
    times = []
    for at in range(turns):
        begun = time.perf_counter()
        reply = await client.post(
            "/v1/chat",
            json={"message": "When does the library open?"},
            headers={"X-Conversation-Id": f"typed-{at}"},
        )
        reply.raise_for_status()
        times.append(time.perf_counter() - begun)
        await asyncio.sleep(0.02)
    return statistics.median(times)


async def _keep_speaking(
    client: httpx.AsyncClient, audio: bytes, name: str, stop: asyncio.Event
) -> int:
    heard = 0
    while not stop.is_set():
        await client.post(
            "/v1/audio",
            headers={"X-Conversation-Id": f"spoken-{name}"},
            files={"audio": ("q.wav", audio)},
            data={"language": "en"},
        )
        heard += 1
    return heard


def measure_loop(client: httpx.Client, *, every: int) -> None:
    """Print how many words come back of what the service itself has spoken."""
    for language in ("en", "id"):
        errors = words = 0
        cases = load_cases(SAMPLES / "questions.jsonl")
        for case in [one for one in cases if one.language == language][::every]:
            said = question_words(case.question, language=language)
            spoken = client.post(
                "/v1/audio/speech",
                json={
                    "model": "tanya-speech",
                    "input": case.question,
                    "voice": "default",
                    "response_format": "flac",
                },
            )
            spoken.raise_for_status()
            heard = client.post(
                "/v1/audio/transcriptions",
                files={"file": ("question.flac", spoken.content)},
                data={"model": "tanya-transcribe", "language": language},
            )
            heard.raise_for_status()
            errors += count_errors(said, heard.json()["text"].lower().split())
            words += len(said)
        print(
            f"spoken and heard again, {language}: WER {errors / words:.1%} of {words}"
        )


def _settle(client: httpx.Client) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        items = client.get("/v1/documents").json()["items"]
        if items and all(one["status"] in {"ready", "failed"} for one in items):
            return
        time.sleep(0.2)
    raise SystemExit("the documents did not settle")


def main() -> int:
    """Print the figures; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=Path, default=None)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--turns", type=int, default=60)
    parser.add_argument("--every", type=int, default=3, help="of the questions")
    parser.add_argument("--only", choices=("containers", "loop", "first", "beside"))
    given = parser.parse_args()
    folder = given.recordings or (DATA if DATA.is_dir() else SAMPLES / "speech")
    recordings = load_recordings(folder)
    met = []
    if given.only in {None, "first"}:
        weather = next(
            one
            for one in load_recordings(SAMPLES / "speech")
            if " ".join(one.words) == QUESTION
        )
        met.append(measure_first_sound(weather, given.rounds))
    if given.only != "first":
        with start_service() as service, service.client(timeout=120) as client:
            for path in sorted((SAMPLES / "documents").iterdir()):
                client.post(
                    "/v1/documents", files={"file": (path.name, path.read_bytes())}
                )
            _settle(client)
            ask(client, contain(recordings[0].clip, "wav"), conversation="warm")
            if given.only in {None, "loop"}:
                measure_loop(client, every=given.every)
            if given.only in {None, "containers"}:
                met.append(report_hearing(hear_everything(client, recordings)))
            if given.only in {None, "beside"}:
                clip = max(recordings, key=lambda one: one.clip.seconds).clip
                met.append(asyncio.run(measure_beside(service, clip, given.turns)))
    print("bars met" if all(met) else "BARS MISSED")
    return 0 if all(met) else 1


if __name__ == "__main__":
    raise SystemExit(main())
