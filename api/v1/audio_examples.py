"""Examples of `/v1/audio` in the OpenAPI document."""

from __future__ import annotations

from typing import Any

from api.v1 import examples

DESCRIPTION = """\
Hears a question in any usual recording, answers it in the conversation that text uses,
and speaks the answer: shorter than it is written, in words, with its source.

`Accept` chooses the form: `application/json` with the sound as `audio`; `audio/wav`,
`audio/mpeg` or `audio/ogg` for the sound alone, the texts percent-encoded in headers
(`X-Transcript`, `X-Answer`, `X-Sources`, ...); `text/event-stream` (or the field
`stream`) for events, each `data` one JSON object with its `type`:
`transcript.text.delta`, `transcript.text.done`, `emotion.done`, `retrieval.completed`,
`response.output_text.delta` ... interleaved with `speech.audio.delta` ... (`audio` is
base64 PCM, 16 bit little-endian, one channel), `speech.audio.done`, then
`response.done` with the whole body but the sound, or `error` with a problem object.

```
event: speech.audio.delta
data: {"type":"speech.audio.delta","audio":"AAD//w==","sample_rate":16000,"index":0,
       "text":"Pendaftaran dibuka satu Maret, menurut Panduan PMB, halaman tiga."}
```

A question that was not heard clearly is not guessed: `answered` is false, the warning
is `please_repeat`, and nothing is stored. When speech fails the answer is there with an
empty `audio` and the warning `tts_failed`. When the answer fails, the problem object
holds the `transcript`. `Idempotency-Key` works as in the chat; a replay speaks the
stored words again."""

ANSWER: dict[str, Any] = {
    "audio": "52494646",
    "transcript": "kapan pendaftaran dibuka",
    **examples.ANSWER,
    "exec_time": {
        "speech_to_text": 0.41,
        "emotion_analysis": 0.01,
        "process_rag": 0.05,
        "text_to_speech": 0.03,
        "total": 0.5,
    },
    "spoken": "Pendaftaran dibuka satu Maret dua ribu dua puluh enam, menurut Panduan"
    " PMB, halaman tiga.",
    "emotion": {"label": "neutral", "score": 0.71, "from": ["text", "sound"]},
    "confidence": 0.86,
    "answer_confidence": 0.83,
    "warnings": [],
    "time_to_first_audio": 0.47,
    "audio_format": "wav",
    "sample_rate": 16000,
}

EVENT: dict[str, Any] = {
    "event": "transcript.text.done",
    "data": '{"type":"transcript.text.done","text":"kapan pendaftaran dibuka",'
    '"language":"id","confidence":0.86}',
}
