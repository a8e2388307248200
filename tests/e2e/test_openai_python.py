"""The official client for Python and LangChain's, unchanged, on a real service."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_openai import ChatOpenAI
from openai import OpenAI
from openai.types.chat import ChatCompletionMessageParam
from pydantic import SecretStr

from tests.e2e.openai_service import QUESTION, SOUND, WORDS, informed_service
from tests.service import RunningService, start_service

MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": QUESTION}]
SENTENCES = (
    "Registration opens on 1 March. The fee is Rp 300.000. It closes on 30 April 2026."
)


@pytest.fixture(scope="module")
def service() -> Iterator[RunningService]:
    with informed_service() as running:
        yield running


@pytest.fixture(scope="module")
def client(service: RunningService) -> Iterator[OpenAI]:
    with make_client(service) as made:
        yield made


def make_client(service: RunningService, *, key: str | None = None) -> OpenAI:
    return OpenAI(
        base_url=f"{service.url}/v1", api_key=key or service.key, max_retries=0
    )


def test_models_are_listed_and_read(client: OpenAI) -> None:
    names = [model.id for model in client.models.list()]

    assert names == ["tanya", "tanya-transcribe", "tanya-speech"]
    assert client.models.retrieve("tanya").owned_by == "tanya"


def test_an_answer_comes_with_its_sources(client: OpenAI) -> None:
    completion = client.chat.completions.create(model="tanya", messages=MESSAGES)

    message = completion.choices[0].message
    assert message.content is not None
    assert "1 Maret 2026" in message.content
    assert message.annotations is not None
    cited = message.annotations[0].url_citation
    assert message.content[cited.start_index : cited.end_index] == "[1]"
    assert (cited.title, cited.url) == ("Panduan PMB", "https://example.ac.id/pmb")
    assert completion.usage is not None
    assert completion.model_extra is not None
    assert completion.model_extra["tanya"]["answered"] is True


def test_a_stream_adds_up_to_the_answer(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="tanya",
        messages=MESSAGES,
        stream=True,
        stream_options={"include_usage": True},
    )

    chunks = list(stream)

    text = "".join(
        choice.delta.content or "" for chunk in chunks for choice in chunk.choices
    )
    assert "1 Maret 2026" in text
    extras = [chunk.model_extra or {} for chunk in chunks]
    (tanya,) = [extra["tanya"] for extra in extras if "tanya" in extra]
    assert tanya["answer"] == text
    assert chunks[-1].usage is not None
    assert chunks[-2].choices[0].finish_reason == "stop"


def test_the_history_is_that_of_the_caller_and_nothing_is_kept(
    client: OpenAI, service: RunningService
) -> None:
    completion = client.chat.completions.create(
        model="tanya",
        messages=[
            {"role": "system", "content": "You are a helpful assistant."},
            *MESSAGES,
            {"role": "assistant", "content": "Dibuka pada 1 Maret 2026."},
            {"role": "user", "content": [{"type": "text", "text": "Kapan ditutup?"}]},
        ],
    )

    assert "30 April 2026" in (completion.choices[0].message.content or "")
    with service.client() as http:
        assert http.get("/v1/conversations").json()["items"] == []


def test_a_named_conversation_is_remembered(
    client: OpenAI, service: RunningService
) -> None:
    headers = {"X-Conversation-Id": "from-python"}
    for question in (QUESTION, "Kapan ditutup?"):
        completion = client.chat.completions.create(
            model="tanya",
            messages=[{"role": "user", "content": question}],
            extra_headers=headers,
        )

    assert "30 April 2026" in (completion.choices[0].message.content or "")
    with service.client() as http:
        assert http.get("/v1/conversations/from-python").json()["turns"] == 2
        http.delete("/v1/conversations/from-python").raise_for_status()


def test_speech_is_written_down(client: OpenAI) -> None:
    plain = client.audio.transcriptions.create(model="whisper-1", file=SOUND)
    verbose = client.audio.transcriptions.create(
        model="tanya-transcribe",
        file=SOUND,
        language="en",
        response_format="verbose_json",
    )
    captions: Any = client.audio.transcriptions.create(
        model="tanya-transcribe", file=SOUND, response_format="srt"
    )

    assert plain.text == WORDS
    assert verbose.text == WORDS
    assert verbose.duration == pytest.approx(2.03, abs=0.01)
    assert verbose.segments is not None
    assert [segment.text for segment in verbose.segments] == [WORDS]
    assert captions == f"1\n00:00:00,000 --> 00:00:02,030\n{WORDS}\n\n"


def test_words_are_streamed(client: OpenAI) -> None:
    events = list(
        client.audio.transcriptions.create(
            model="tanya-transcribe", file=SOUND, stream=True
        )
    )

    assert [event.type for event in events] == [
        "transcript.text.delta",
        "transcript.text.done",
    ]
    assert getattr(events[-1], "text", None) == WORDS


@pytest.mark.parametrize(
    ("audio_format", "magic"),
    [
        ("mp3", b"\xff\xf3"),
        ("opus", b"OggS"),
        ("aac", b"\xff\xf1"),
        ("flac", b"fLaC"),
        ("wav", b"RIFF"),
    ],
)
def test_a_text_is_read_out(client: OpenAI, audio_format: Any, magic: bytes) -> None:
    sound = client.audio.speech.create(
        model="tts-1", voice="alloy", input=SENTENCES, response_format=audio_format
    )

    assert sound.content.startswith(magic)
    assert len(sound.content) > 10_000


def test_a_whole_wav_can_be_read_by_the_standard_library(client: OpenAI) -> None:
    sound = client.audio.speech.create(
        model="tanya-speech", voice="alloy", input=SENTENCES, response_format="wav"
    )

    with wave.open(io.BytesIO(sound.content)) as wav:
        assert (wav.getframerate(), wav.getnchannels()) == (24_000, 1)
        assert 4 < wav.getnframes() / 24_000 < 20


def test_the_pace_is_heard(client: OpenAI) -> None:
    slow, fast = (
        client.audio.speech.create(
            model="tanya-speech",
            voice="en-us",
            input=SENTENCES,
            response_format="pcm",
            speed=speed,
        ).content
        for speed in (0.75, 1.5)
    )

    assert len(slow) > 1.5 * len(fast)


def test_what_was_read_out_can_be_written_down(client: OpenAI) -> None:
    sound = client.audio.speech.create(
        model="tanya-speech",
        voice="slt",
        input="What is the weather like today?",
        response_format="flac",
    )

    heard = client.audio.transcriptions.create(
        model="tanya-transcribe",
        file=("speech.flac", sound.content),
        language="en",
    )

    assert "weather" in heard.text


def test_a_wrong_key_is_an_authentication_error(service: RunningService) -> None:
    with (
        make_client(service, key="wrong") as stranger,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        stranger.chat.completions.create(model="tanya", messages=MESSAGES)

    assert caught.value.code == "invalid_api_key"
    assert caught.value.request_id


def test_an_unknown_model_is_not_found(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="gpt-4o", messages=MESSAGES)

    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


def test_an_image_is_a_bad_request(client: OpenAI) -> None:
    url = "https://example.org/a.png"

    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model="tanya",
            messages=[
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": url}}],
                }
            ],
        )

    assert "only text is read here" in caught.value.message


def test_what_is_no_sound_is_a_bad_request(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.transcriptions.create(
            model="whisper-1", file=("notes.txt", b"These are words already.")
        )

    assert caught.value.code == "audio_type_unsupported"


def test_a_large_sound_of_a_stranger_is_an_authentication_error(
    service: RunningService,
) -> None:
    with (
        make_client(service, key="wrong") as stranger,
        pytest.raises(openai.AuthenticationError),
    ):
        stranger.audio.transcriptions.create(
            model="whisper-1", file=("long.wav", bytes(2_000_000))
        )


def test_a_sound_over_the_limit_is_told_so(client: OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        client.audio.transcriptions.create(
            model="whisper-1", file=("long.wav", bytes(17 * 1024 * 1024))
        )

    assert caught.value.status_code == 413
    assert caught.value.code == "audio_too_large"


def test_langchain_asks_streams_and_follows_up(service: RunningService) -> None:
    model = ChatOpenAI(
        model="tanya",
        base_url=f"{service.url}/v1",
        api_key=SecretStr(service.key),
        temperature=0,
    )

    answer = model.invoke([SystemMessage("Be brief."), HumanMessage(QUESTION)])
    streamed = "".join(str(chunk.content) for chunk in model.stream(QUESTION))
    follow_up = model.invoke(
        [
            HumanMessage(QUESTION),
            AIMessage(str(answer.content)),
            HumanMessage("Kapan ditutup?"),
        ]
    )

    assert "1 Maret 2026" in str(answer.content)
    assert streamed == answer.content
    assert "30 April 2026" in str(follow_up.content)
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["total_tokens"] > 0


def test_a_spent_budget_is_a_rate_limit_error() -> None:
    with (
        start_service({"RATE_LIMIT_PER_HOUR": "2"}) as service,
        make_client(service) as client,
    ):
        for _ in range(2):
            client.chat.completions.create(model="tanya", messages=MESSAGES)

        with pytest.raises(openai.RateLimitError) as caught:
            client.chat.completions.create(model="tanya", messages=MESSAGES)

    assert caught.value.code == "rate_limit_exceeded"
    assert int(caught.value.response.headers["retry-after"]) > 0


def test_a_missing_engine_is_said_and_the_chat_goes_on() -> None:
    env = {"STT_ENGINE": "off", "TTS_ENGINE": "off"}
    with start_service(env) as service, make_client(service) as client:
        names = [model.id for model in client.models.list()]
        with pytest.raises(openai.InternalServerError) as hearing:
            client.audio.transcriptions.create(model="whisper-1", file=SOUND)
        with pytest.raises(openai.InternalServerError) as speaking:
            client.audio.speech.create(model="tts-1", voice="alloy", input="Halo.")

    assert names == ["tanya"]
    assert hearing.value.status_code == speaking.value.status_code == 503
    assert hearing.value.code == speaking.value.code == "speech_engine_unavailable"
