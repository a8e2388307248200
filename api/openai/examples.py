"""Example bodies of these doors, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Any

from api.openai.models import CHAT, CREATED, SPEAK
from api.v1 import examples

CHAT_DESCRIPTION = """\
Answers the last message of the user from the documents. Earlier messages of user and
assistant are the history; those of other roles are ignored: where answers come from is
not for the caller to say. Nothing is kept, unless `X-Conversation-Id` names a
conversation of `/v1/chat`: then its own history counts and the turn is stored in it.

`choices[0].message.annotations` has a `url_citation` for each mark of the text, and
`tanya` is the whole body that `/v1/chat` answers. A stream carries both in the chunk
after the text."""

TRANSCRIPTION_DESCRIPTION = """\
Returns the words of a sound file; a file in which nobody speaks has an empty text. The
engines know no times of words, so the file is one segment."""

SPEECH_DESCRIPTION = """\
Reads a text out in the language it is in, sentence by sentence: the first sound leaves
while later sentences are still made. Numbers, dates, prices and abbreviations become
words first. `pcm` is 24 kHz, 16 bit, one channel."""

MODEL: dict[str, Any] = {
    "id": CHAT,
    "object": "model",
    "created": CREATED,
    "owned_by": "tanya",
}
MODELS: dict[str, Any] = {"object": "list", "data": [MODEL]}

_ID = "chatcmpl-5f0c7a9be1d24c6fa3b1d0e8"
_CREATED = 1_772_323_200

COMPLETION_REQUEST: dict[str, Any] = {
    "model": CHAT,
    "messages": [{"role": "user", "content": "Kapan pendaftaran dibuka?"}],
}
COMPLETION: dict[str, Any] = {
    "id": _ID,
    "object": "chat.completion",
    "created": _CREATED,
    "model": CHAT,
    "choices": [
        {
            "index": 0,
            "message": {
                "role": "assistant",
                "content": "Pendaftaran dibuka 1 Maret [1].",
                "refusal": None,
                "annotations": [
                    {
                        "type": "url_citation",
                        "url_citation": {
                            "start_index": 27,
                            "end_index": 30,
                            "title": "Panduan PMB",
                            "url": "https://example.ac.id/pmb",
                        },
                    }
                ],
            },
            "finish_reason": "stop",
            "logprobs": None,
        }
    ],
    "usage": {"prompt_tokens": 7, "completion_tokens": 8, "total_tokens": 15},
    "tanya": examples.ANSWER,
}
CHUNK = (
    f'{{"id":"{_ID}","object":"chat.completion.chunk","created":{_CREATED},'
    f'"model":"{CHAT}","choices":[{{"index":0,"delta":{{"content":"Pendaftaran"}},'
    '"finish_reason":null,"logprobs":null}]}'
)
TRANSCRIPT: dict[str, Any] = {
    "text": "kapan pendaftaran dibuka",
    "usage": {"type": "duration", "seconds": 2.4},
}
TRANSCRIPT_EVENT = '{"type":"transcript.text.done","text":"kapan pendaftaran dibuka"}'
SPEECH_REQUEST: dict[str, Any] = {
    "model": SPEAK,
    "input": "Pendaftaran dibuka 1 Maret.",
    "voice": "alloy",
}
SPEECH_EVENT = '{"type":"speech.audio.delta","audio":"//NkxAAdcKo="}'
