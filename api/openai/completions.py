"""An answer as a chat completion: whole, or chunk by chunk."""

from __future__ import annotations

import math
import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from api.sse import write_data

_MARK = re.compile(r"\[\d{1,3}\]")
_CHARACTERS_PER_TOKEN = 4
DONE = b"data: [DONE]\n\n"


def _new_id() -> str:
    return f"chatcmpl-{secrets.token_hex(12)}"


@dataclass(frozen=True, slots=True)
class CompletionWriter:
    """
    Writes one answer in the words of the chat completions.

    Attributes:
        model: As it was asked for.
        prompt_chars: Of all messages together, for the estimate of tokens.
        include_usage: The stream ends with a chunk of the estimate.
    """

    model: str
    prompt_chars: int
    include_usage: bool = False
    id: str = field(default_factory=_new_id)
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Return the completion of *answer*, which is the body of `/v1/chat`."""
        message = {
            "role": "assistant",
            "content": answer["answer"],
            "refusal": None,
            "annotations": annotate(answer),
        }
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": "stop",
            "logprobs": None,
        }
        return {
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.model,
            "choices": [choice],
            "usage": self._usage(answer),
            "tanya": answer,
        }

    def first(self) -> bytes:
        """Return the chunk that tells who speaks."""
        return self._event(self._choice({"role": "assistant", "content": ""}))

    def delta(self, text: str) -> bytes:
        """Return the chunk of more text."""
        return self._event(self._choice({"content": text}))

    def last(self, answer: dict[str, Any]) -> bytes:
        """Return the chunks after the text, to the end of the stream."""
        sources = {"content": "", "annotations": annotate(answer)}
        events = [
            self._event(self._choice(sources), tanya=answer),
            self._event(self._choice({}, finish_reason="stop")),
        ]
        if self.include_usage:
            events.append(self._event(usage=self._usage(answer)))
        return b"".join([*events, DONE])

    def _choice(
        self, delta: dict[str, Any], *, finish_reason: str | None = None
    ) -> dict[str, Any]:
        return {
            "index": 0,
            "delta": delta,
            "finish_reason": finish_reason,
            "logprobs": None,
        }

    def _event(self, *choices: dict[str, Any], **more: Any) -> bytes:
        chunk: dict[str, Any] = {
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": list(choices),
        }
        if self.include_usage:
            chunk["usage"] = None
        return write_data(chunk | more)

    def _usage(self, answer: dict[str, Any]) -> dict[str, int]:
        asked = estimate_tokens(self.prompt_chars)
        answered = estimate_tokens(len(answer["answer"]))
        return {
            "prompt_tokens": asked,
            "completion_tokens": answered,
            "total_tokens": asked + answered,
        }


def estimate_tokens(characters: int) -> int:
    """Return about how many tokens a text of so many characters has."""
    return math.ceil(characters / _CHARACTERS_PER_TOKEN)


def annotate(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return an annotation for each mark of the text that has a citation."""
    known = {f"[{citation['index']}]": citation for citation in answer["citations"]}
    return [
        {
            "type": "url_citation",
            "url_citation": {
                "start_index": match.start(),
                "end_index": match.end(),
                "title": cited["title"],
                "url": _link(cited),
            },
        }
        for match in _MARK.finditer(answer["answer"])
        if (cited := known.get(match.group()))
    ]


def _link(cited: dict[str, Any]) -> str:
    """Return where a reader finds the passage, as `Citation.link` does."""
    page = f"#page={cited['page']}" if cited["page"] else ""
    return str(cited["url"] or f"{cited['file']}{page}")
