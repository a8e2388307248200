"""Settings to models: chat model and embeddings, or None without settings."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from langchain_core.embeddings import Embeddings
from pydantic import SecretStr

from agents.upstream import ChatModel, read_reported
from config import Settings
from domain.errors import AppError, TurnTimeout, UpstreamBadResponse, UpstreamError

if TYPE_CHECKING:
    import httpx2

    from agents.lean_chat import LeanChatOpenAI

OPENROUTER_URL: Final = "https://openrouter.ai/api/v1"
_CONNECT_SECONDS = 5.0
_CONNECTIONS = 1_000
"""Open calls of one worker; a stream holds its connection to the last token."""
_EMBEDDING_BATCH = 96
_EMBEDDING_SECONDS = 20.0
_NO_KEY = "none"
"""Sent to servers that want no key; the client refuses an empty one."""


def build_chat_model(settings: Settings) -> ChatModel | None:
    """
    Return the chat model of *settings*, or None: the extractive answerer answers.

    Nothing connects before the first call. LangSmith is off unless its key is set.
    """
    if not settings.model_configured or settings.llm_model is None:
        return None
    # Imported here: it takes a second, and a service without a model never needs it.
    import openai

    from agents.lean_chat import LeanChatOpenAI

    _set_tracing(settings)
    client = _build_client(settings.llm_timeout)

    def build(name: str) -> LeanChatOpenAI:
        return LeanChatOpenAI(
            model=name,
            base_url=_chat_url(settings),
            api_key=_chat_key(settings),
            temperature=settings.llm_temperature,
            max_completion_tokens=settings.llm_max_tokens,
            max_retries=0,
            timeout=_timeout(settings.llm_timeout),
            http_async_client=client,
            stream_usage=False,
            use_responses_api=False,
            stream_chunk_timeout=None,
        )

    fallback = settings.llm_fallback_model
    return ChatModel(
        build(settings.llm_model),
        name=settings.llm_model,
        client_errors=(openai.OpenAIError, *_transport_errors()),
        read_error=_read_error,
        timeout_seconds=settings.llm_timeout,
        fallback=build(fallback) if fallback else None,
        closers=(client.aclose,),
    )


def build_embeddings(settings: Settings) -> Embeddings | None:
    """
    Return the embeddings of *settings*, or None: lexical search only.

    Texts go out in batches of 96, as text: token tables are never fetched.
    """
    if not settings.embedding_model:
        return None
    from langchain_openai import OpenAIEmbeddings

    return OpenAIEmbeddings(
        model=settings.embedding_model,
        openai_api_base=settings.openai_base_url,
        openai_api_key=settings.openai_api_key or SecretStr(_NO_KEY),
        # With the check on, texts are cut into tokens by tables from the network.
        check_embedding_ctx_length=False,
        chunk_size=_EMBEDDING_BATCH,
        max_retries=1,
        request_timeout=_EMBEDDING_SECONDS,
        http_async_client=_build_client(_EMBEDDING_SECONDS),
    )


def _chat_url(settings: Settings) -> str | None:
    if settings.llm_base_url:
        return settings.llm_base_url
    return OPENROUTER_URL if settings.openrouter_api_key else None


def _chat_key(settings: Settings) -> SecretStr | None:
    # A key of OpenRouter is never shown to another server.
    if settings.llm_base_url:
        return settings.llm_api_key or SecretStr(_NO_KEY)
    return settings.openrouter_api_key or settings.llm_api_key


def _set_tracing(settings: Settings) -> None:
    # LangChain reads these by itself; callbacks cost, and texts would leave the house.
    key = settings.langsmith_api_key
    os.environ["LANGSMITH_TRACING"] = "true" if key else "false"
    os.environ["LANGCHAIN_TRACING_V2"] = "true" if key else "false"
    if key:
        os.environ["LANGSMITH_API_KEY"] = key.get_secret_value()


def _timeout(seconds: float) -> httpx2.Timeout:
    import httpx2

    return httpx2.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS))


def _build_client(seconds: float) -> httpx2.AsyncClient:
    """Return a client on aiohttp; it connects with its first request."""
    import httpx2
    from openai import DefaultAioHttpClient

    return DefaultAioHttpClient(
        timeout=_timeout(seconds),
        limits=httpx2.Limits(
            max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS
        ),
    )


def _transport_errors() -> tuple[type[Exception], ...]:
    """Return what a broken connection raises while a body is read."""
    import aiohttp
    import httpx2

    return (httpx2.HTTPError, httpx2.StreamError, aiohttp.ClientError)


def _read_error(error: Exception) -> AppError:
    """Return our error for one of the client's."""
    import httpx2
    import openai

    if isinstance(error, openai.APITimeoutError):
        unreachable = isinstance(error.__cause__, httpx2.ConnectTimeout)
        return UpstreamError() if unreachable else TurnTimeout()
    if isinstance(error, openai.APIStatusError):
        body = error.body
        reported = body.get("error", body) if isinstance(body, dict) else None
        return read_reported(
            reported,
            status=error.status_code,
            retry_after=_retry_after(error.response.headers.get("retry-after")),
        )
    if isinstance(error, openai.APIConnectionError):
        return UpstreamError()
    return UpstreamBadResponse()


def _retry_after(value: str | None) -> float | None:
    try:
        return max(0.0, float(value)) if value else None
    except ValueError:
        return None
