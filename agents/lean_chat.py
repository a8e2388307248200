"""
`ChatOpenAI` with a stream that costs little. Imported by `agents.models` alone: heavy.

The stock stream builds five objects a token (145 us of CPU); this one reads the bytes
and folds all text of one socket read into one piece. What is more than text goes
LangChain's own way.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_openai import ChatOpenAI

from agents.event_stream import EventReader
from agents.upstream import raise_reported
from domain.errors import UpstreamBadResponse


class LeanChatOpenAI(ChatOpenAI):
    """A chat model of an OpenAI-compatible server, streamed from raw bytes."""

    async def stream_text(self, messages: Sequence[BaseMessage]) -> AsyncGenerator[str]:
        """
        Yield the text of the answer as it comes; callbacks and tracing see nothing.

        Raises:
            UpstreamBadResponse: The stream is not one, is cut, or is too large.
            openai.OpenAIError: The request failed.
        """
        payload = self._get_request_payload(list(messages), stream=True)
        payload["stream"] = True
        async with contextlib.aclosing(self._iter_events(payload)) as reads:
            async for events in reads:
                text = "".join(_text_of(event) for event in events)
                if text:
                    yield text

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        *,
        stream_usage: bool | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        payload = self._get_request_payload(messages, stop=stop, stream=True, **kwargs)
        if self._needs_stock(payload):
            async for chunk in super()._astream(
                messages, stop, run_manager, stream_usage=stream_usage, **kwargs
            ):
                yield chunk
            return
        payload["stream"] = True
        if self._should_stream_usage(stream_usage, **kwargs):
            payload["stream_options"] = {"include_usage": True}
        async with contextlib.aclosing(self._iter_events(payload)) as reads:
            async for events in reads:
                for chunk in self._fold(events):
                    if run_manager:
                        await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk

    def _get_request_payload(
        self,
        input_: LanguageModelInput,
        *,
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        payload = super()._get_request_payload(input_, stop=stop, **kwargs)
        # Only OpenAI's newest models want the new name; other servers know the old one.
        if self.openai_api_base and "max_completion_tokens" in payload:
            payload["max_tokens"] = payload.pop("max_completion_tokens")
        return payload

    def _needs_stock(self, payload: Mapping[str, Any]) -> bool:
        return (
            "response_format" in payload
            or self.include_response_headers
            or self._use_responses_api(dict(payload))
        )

    async def _iter_events(
        self, payload: Mapping[str, Any]
    ) -> AsyncGenerator[list[Mapping[str, Any]]]:
        """Yield the events of each socket read."""
        reader = EventReader()
        finished = False
        async with self.async_client.with_streaming_response.create(
            **payload
        ) as response:
            kind = response.headers.get("content-type", "")
            if not kind.startswith("text/event-stream"):
                raise UpstreamBadResponse
            async for data in _bytes_of(response.http_response):
                events = reader.feed(data)
                for event in events:
                    raise_reported(event)
                    finished = finished or _is_last(event)
                if events:
                    yield events
                if reader.done:
                    return
        if not finished:
            raise UpstreamBadResponse

    def _fold(self, events: Sequence[Mapping[str, Any]]) -> list[ChatGenerationChunk]:
        """Join plain text; leave everything else to LangChain."""
        chunks: list[ChatGenerationChunk] = []
        text: list[str] = []
        for event in events:
            if _is_plain(event):
                text.append(_text_of(event))
                continue
            if text:
                chunks.append(_text_chunk("".join(text)))
                text = []
            chunk = self._convert_chunk_to_generation_chunk(
                dict(event), AIMessageChunk, {}
            )
            if chunk is not None:
                chunks.append(chunk)
        if text:
            chunks.append(_text_chunk("".join(text)))
        return chunks


def _bytes_of(response: Any) -> AsyncIterator[bytes]:
    """Return the body as it comes; each layer above the raw one costs a token more."""
    if "content-encoding" in response.headers:
        unpacked: AsyncIterator[bytes] = response.aiter_bytes()
        return unpacked
    raw: AsyncIterator[bytes] = response.aiter_raw()
    return raw


def _text_chunk(text: str) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=text))


def _choice_of(event: Mapping[str, Any]) -> Mapping[str, Any] | None:
    choices = event.get("choices")
    if not isinstance(choices, list) or not choices:
        return None
    choice = choices[0]
    return choice if isinstance(choice, dict) else None


def _text_of(event: Mapping[str, Any]) -> str:
    choice = _choice_of(event)
    delta = choice.get("delta") if choice else None
    content = delta.get("content") if isinstance(delta, dict) else None
    return content if isinstance(content, str) else ""


def _is_last(event: Mapping[str, Any]) -> bool:
    choice = _choice_of(event)
    return bool(choice and choice.get("finish_reason"))


def _is_plain(event: Mapping[str, Any]) -> bool:
    choice = _choice_of(event)
    if choice is None or choice.get("finish_reason") or choice.get("logprobs"):
        return False
    delta = choice.get("delta")
    return (
        not event.get("usage")
        and isinstance(delta, dict)
        and isinstance(delta.get("content"), str)
        and not (delta.keys() - {"content", "role", "refusal"})
        and not delta.get("refusal")
    )
