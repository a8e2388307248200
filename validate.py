"""
Is this deployment sound? `python -m validate`, also `make doctor`.

Prints a table of ok, warning and failed. Exit status: 0 sound, 1 something failed, 2
the settings cannot be read.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from config import Settings, load_settings
from domain.deadlines import Deadline
from domain.errors import AppError, ConfigurationError

Verdict = Literal["ok", "warning", "failed"]

_TIMEOUT_SECONDS = 5.0
_SPEECH_SECONDS = 60.0
"""For both attempts of an engine, and for its reserve."""
_STRONG_CHARS = 24
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table."""

    part: str
    verdict: Verdict
    remark: str


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield the findings of every part, each within a few seconds."""
    for check in (
        _python,
        _data,
        _keys,
        _redis,
        _qdrant,
        _database,
        _model,
        _embeddings,
        _hearing,
        _speaking,
        _kiosks,
    ):
        yield from _guarded(check, settings)


def _guarded(
    check: Callable[[Settings], Iterator[Finding]], settings: Settings
) -> Iterator[Finding]:
    part = check.__name__.removeprefix("_")
    try:
        yield from check(settings)
    except AppError as exc:
        yield Finding(part, "failed", exc.detail)
    except (OSError, ValueError, ImportError) as exc:
        yield Finding(part, "failed", type(exc).__name__)


def _python(_settings: Settings) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    supported = (3, 11) <= sys.version_info[:2] <= (3, 13)
    yield Finding("python", "ok" if supported else "failed", version)


def _data(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    if not folder.exists():
        yield Finding("data", "ok", "DATA_DIR is made at the first start")
    elif not os.access(folder, os.W_OK | os.X_OK):
        yield Finding("data", "failed", "DATA_DIR cannot be written")
    elif folder.stat().st_mode & 0o077:
        yield Finding("data", "warning", "DATA_DIR is open to other users: chmod 700")
    else:
        yield Finding("data", "ok", "DATA_DIR is writable and private")


def _keys(settings: Settings) -> Iterator[Finding]:
    if settings.api_key is None and not settings.api_keys:
        yield Finding("keys", "ok", "a random key is made in DATA_DIR")
    elif settings.api_key is None:
        yield Finding("keys", "ok", "API_KEYS holds digests")
    elif len(settings.api_key.get_secret_value()) < _STRONG_CHARS:
        yield Finding(
            "keys", "warning", "API_KEY is short; 'make key' makes a strong one"
        )
    else:
        yield Finding("keys", "ok", "API_KEY is long enough")
    if settings.jwt_secret is not None:
        yield Finding("keys", "ok", "JWT_SECRET is long enough")
    if settings.cors_origins.strip() == "*":
        yield Finding("keys", "ok", "CORS_ORIGINS is *: any page may use a key it has")


def _kiosks(settings: Settings) -> Iterator[Finding]:
    parts = urlsplit(settings.public_url or "")
    if not settings.device_keys:
        yield Finding("kiosks", "ok", "no DEVICE_KEYS, so there are none")
    elif not settings.public_url:
        yield Finding(
            "kiosks", "warning", "without PUBLIC_URL no phone goes on after a kiosk"
        )
    elif parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        yield Finding(
            "kiosks", "warning", "PUBLIC_URL is not https: phones give no microphone"
        )
    else:
        yield Finding("kiosks", "ok", "PUBLIC_URL leads phones here")


def _redis(settings: Settings) -> Iterator[Finding]:
    from stores.embedded_redis import EmbeddedRedis  # noqa: PLC0415 - heavy

    if settings.embedded_redis:
        embedded = EmbeddedRedis(
            settings.data_dir / "redis", server_bin=settings.redis_server_bin
        )
        if embedded.find_server_bin() is None:
            yield Finding(
                "redis", "warning", "no server program; conversations go to a file"
            )
        else:
            yield Finding("redis", "ok", "embedded server program found")
        return
    yield from _redis_server(settings)


def _redis_server(settings: Settings) -> Iterator[Finding]:
    from stores.redis_client import state_errors  # noqa: PLC0415 - heavy
    from utils.checkpointer import build_connection  # noqa: PLC0415 - heavy

    connection = build_connection(settings)
    try:
        with state_errors():
            client = connection.sync_client()
            client.ping()
            yield Finding("redis", "ok", "server answers")
            if settings.redis_cluster:
                return
            memory, disk = client.info("memory"), client.info("persistence")
    finally:
        connection.close()
    if memory.get("maxmemory_policy") != "noeviction":
        yield Finding(
            "redis", "warning", "maxmemory-policy is not noeviction: turns may vanish"
        )
    if not disk.get("aof_enabled"):
        yield Finding("redis", "warning", "appendonly is off: a crash loses turns")
    url = urlsplit(settings.redis_url or f"redis://{settings.redis_host}")
    private = url.hostname in _LOOPBACK or url.scheme == "unix"
    if not (private or url.password or settings.redis_password):
        yield Finding("redis", "warning", "no password on a server of the network")


def _qdrant(settings: Settings) -> Iterator[Finding]:
    if settings.qdrant_url is None:
        yield Finding("qdrant", "ok", "embedded engine, one worker")
        return
    from qdrant_client import QdrantClient  # noqa: PLC0415 - heavy
    from qdrant_client.http.exceptions import ApiException  # noqa: PLC0415

    key = settings.qdrant_api_key
    client = QdrantClient(
        url=settings.qdrant_url,
        api_key=key.get_secret_value() if key else None,
        timeout=int(_TIMEOUT_SECONDS),
        check_compatibility=False,
    )
    try:
        found = client.collection_exists(settings.qdrant_collection_name)
    except ApiException:
        yield Finding("qdrant", "failed", "QDRANT_URL does not answer as Qdrant")
        return
    finally:
        client.close()
    remark = "collection found" if found else "collection is made at the first start"
    yield Finding("qdrant", "ok", f"server answers; {remark}")
    if key is None and urlsplit(settings.qdrant_url).hostname not in _LOOPBACK:
        yield Finding(
            "qdrant", "warning", "no QDRANT_API_KEY on a server of the network"
        )


def _database(settings: Settings) -> Iterator[Finding]:
    if settings.database_url is None:
        yield Finding("database", "ok", "SQLite in DATA_DIR")
        return
    from stores.sql import Database  # noqa: PLC0415 - heavy

    database = Database(settings.sql_url)
    try:
        database.check()
    finally:
        database.close()
    yield Finding("database", "ok", "server answers")


def _model(settings: Settings) -> Iterator[Finding]:
    if not settings.model_configured:
        yield Finding("model", "ok", "none: answers quote the documents")
        return
    from agents.models import OPENROUTER_URL  # noqa: PLC0415 - heavy

    key = settings.llm_api_key or settings.openrouter_api_key
    names = _served_models(
        settings.llm_base_url or OPENROUTER_URL,
        key=key.get_secret_value() if key else None,
    )
    if names is None:
        yield Finding("model", "failed", "the model server does not list its models")
        return
    for name in filter(None, (settings.llm_model, settings.llm_fallback_model)):
        verdict: Verdict = "ok" if name in names else "warning"
        remark = "is served" if name in names else "is not in the server's list"
        yield Finding("model", verdict, f"{name} {remark}")


def _embeddings(settings: Settings) -> Iterator[Finding]:
    from agents.models import build_embeddings  # noqa: PLC0415 - heavy

    embeddings = build_embeddings(settings)
    if embeddings is None:
        yield Finding("embeddings", "ok", "none: search by words")
        return
    from openai import OpenAIError  # noqa: PLC0415 - heavy

    try:
        size = len(embeddings.embed_query("Kapan pendaftaran dibuka?"))
    except OpenAIError:
        yield Finding("embeddings", "failed", "the embedding model does not answer")
        return
    yield Finding("embeddings", "ok", f"{size} dimensions")


def _hearing(settings: Settings) -> Iterator[Finding]:
    from domain.speech import AudioClip  # noqa: PLC0415 - heavy
    from utils.stt import build_stt  # noqa: PLC0415 - heavy

    engine = build_stt(settings, vocabulary=list)

    async def hear() -> str:
        silence = AudioClip(bytes(16_000), 16_000)
        try:
            await engine.start()
            await engine.transcribe(
                silence, language="en", deadline=Deadline.after(_SPEECH_SECONDS)
            )
            return engine.state()
        finally:
            await engine.close()

    if settings.stt_engine == "off":
        yield Finding("hearing", "ok", "switched off")
    else:
        yield _speech_finding("hearing", settings.stt_engine, asyncio.run(hear()))


def _speaking(settings: Settings) -> Iterator[Finding]:
    from domain.speech import VoiceStyle  # noqa: PLC0415 - heavy
    from utils.tts import build_tts  # noqa: PLC0415 - heavy

    engine = build_tts(settings)

    async def speak() -> str:
        deadline = Deadline.after(_SPEECH_SECONDS)
        try:
            await engine.start()
            for language in ("id", "en"):
                style = VoiceStyle(language)
                async for _ in engine.speak("3", style=style, deadline=deadline):
                    pass
            return engine.state()
        finally:
            await engine.close()

    if settings.tts_engine == "off":
        yield Finding("speaking", "ok", "switched off")
    else:
        yield _speech_finding("speaking", settings.tts_engine, asyncio.run(speak()))


def _speech_finding(part: str, engine: str, state: str) -> Finding:
    """Return the finding about an engine that was just used."""
    if state in {"ok", "embedded"}:
        return Finding(part, "ok", f"{engine} works")
    return Finding(part, "failed", f"{engine} does not answer, local stands in")


def _served_models(url: str, *, key: str | None) -> frozenset[str] | None:
    import httpx  # noqa: PLC0415 - heavy

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        answer = httpx.get(
            f"{url.rstrip('/')}/models", headers=headers, timeout=_TIMEOUT_SECONDS
        )
        answer.raise_for_status()
        return frozenset(str(model["id"]) for model in answer.json()["data"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None


def main() -> int:
    """Print the table; return the exit status."""
    try:
        settings = load_settings()
    except ConfigurationError as exc:
        print(f"failed   settings    {exc.detail}")
        return 2
    print(f"{'ok':<9}{'settings':<12}all variables are known and in range")
    failed = False
    for finding in examine(settings):
        failed = failed or finding.verdict == "failed"
        print(f"{finding.verdict:<9}{finding.part:<12}{finding.remark}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
