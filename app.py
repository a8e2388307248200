"""Composition root: the only module that names concrete parts."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from api import health, metrics
from api.context import Edge, MemoryRequest, Options
from api.cors import CORSPolicy
from api.errors import install_errors
from api.hooks import install_hooks
from api.metrics import install_accounting
from api.openai import routes as openai_routes
from api.openapi import Application
from api.pages import install_pages
from api.people import install_people_pages
from api.v1 import audio, chat, conversations, documents, kiosk, realtime, visits
from config import Settings
from domain.errors import (
    ConfigurationError,
    ConversationNotFound,
)
from domain.ports import FeedbackStore, IdempotencyStore, KeyRing, Services
from domain.realtime_ports import RealtimeServices
from domain.speech_ports import SpeechServices
from stores.health import HealthBoard, Watch
from utils.metrics import Metrics

if TYPE_CHECKING:
    from agents.early_search import EarlySearch
    from agents.engines import Engines
    from knowledge.jobs import JobQueue
    from knowledge.shelf import Shelf
    from stores.kiosk import KioskSessions
    from stores.kiosk_parts import Records
    from stores.vectors import PassageStore
    from utils.checkpointer import State

VERSION = "0.1.0"
KEY_FILE = "api_key"
"""In the data folder: the key that is made when none is configured."""

_ABOUT = """\
Answers from an organisation's own documents, with sources.

Send a key as `X-API-Key` or `Authorization: Bearer`. Errors are
`application/problem+json` (RFC 9457) with a `code`, and `X-Request-ID` is on every
answer."""

_MB = 1024 * 1024
# 90 s for a spoken turn where a typed one has 60.
_VOICE_SHARE = 1.5
# Enough to know an organisation's words; more would make the language model slow.
_VOCABULARY_PASSAGES = 4_000
# What multipart adds around one file and its fields.
_FRAME_BYTES = 64 * 1024


def create_app(settings: Settings, services: Services | None = None) -> Application:
    """
    Return the Flask application; `api.bridge` serves it.

    Args:
        settings: Of this deployment.
        services: What the routes work with; None builds the real parts.

    Raises:
        ConfigurationError: A part cannot work with these settings.
    """
    if services is None:
        services = build_services(settings)
    application = Application(
        version=VERSION,
        description=_ABOUT,
        schema_changes={
            ("ChatRequest", "message"): {"maxLength": settings.max_message_chars}
        },
    )
    application.request_class = MemoryRequest
    application.url_map.strict_slashes = False
    # A redirect would turn a POST with two slashes into an answer nobody expects.
    application.url_map.merge_slashes = False
    edge = Edge(services=services, options=_options(settings), metrics=Metrics())
    application.extensions["tanya"] = edge
    services.closers.append(edge.blocking.close)
    install_errors(application)
    install_accounting(application)
    install_hooks(application)
    install_pages(application)
    install_people_pages(application)
    for module in (
        chat,
        audio,
        openai_routes,
        conversations,
        documents,
        kiosk,
        realtime,
        visits,
        health,
        metrics,
    ):
        routes = module.build_routes()
        application.describe(*routes.models)
        application.register_api(routes)
    return application


def _options(settings: Settings) -> Options:
    try:
        cors = CORSPolicy.parse(settings.cors_origins)
    except ValueError as exc:
        raise ConfigurationError(f"CORS_ORIGINS: {exc}") from None
    return Options(
        version=VERSION,
        cors=cors,
        document_bytes=settings.max_document_mb * _MB + _FRAME_BYTES,
        message_chars=settings.max_message_chars,
        audio_bytes=settings.max_audio_mb * _MB,
        turn_seconds=settings.turn_timeout,
        public_url=settings.public_url,
        voice_seconds=settings.turn_timeout * _VOICE_SHARE,
    )


def build_services(settings: Settings) -> Services:
    """
    Return the real parts, wired; nothing is connected until the starters ran.

    Raises:
        ConfigurationError: A part cannot work with these settings.
    """
    # Imported here: tools that only need the routes start without the engines.
    from agents.early_search import EarlySearch
    from agents.models import build_chat_model
    from agents.rag import RagAgent
    from knowledge.search import PassageSearch
    from stores.curated import SQLCuratedAnswers
    from stores.feedback import SQLFeedbackStore
    from stores.idempotency import RedisIdempotencyStore
    from stores.kiosk_guard import GuardedConversations
    from stores.rate_limits import SharedRateLimiter
    from utils.checkpointer import build_state

    state = build_state(settings)
    shelf = _build_shelf(settings)
    feedback = SQLFeedbackStore(shelf.database)
    model = build_chat_model(settings)
    search = PassageSearch(shelf.passages)
    early = EarlySearch(search)
    watch = Watch(shelf.database.check)
    idempotency = RedisIdempotencyStore(state.connection)
    records = _build_records(settings, state)
    visitors = _build_visitors(settings, state, records, feedback, idempotency)
    conversations = GuardedConversations(state.conversations, visitors)
    rag = RagAgent(
        retriever=early,
        conversations=conversations,
        checkpointer=state.checkpointer,
        model=model,
        feedback=feedback,
        curated=SQLCuratedAnswers(shelf.database),
    )
    engines = _build_engines(settings, shelf.passages)
    services = Services(
        rag=rag,
        retriever=search,
        conversations=conversations,
        documents=shelf.library,
        feedback=feedback,
        idempotency=idempotency,
        limiter=SharedRateLimiter(
            state.connection,
            per_hour=settings.rate_limit_per_hour,
            per_minute=settings.rate_limit_per_minute,
        ),
        keys=_build_keys(settings),
        health=HealthBoard(
            state=state.mode,
            parts={
                "qdrant": shelf.passages.state,
                "database": watch.state,
                "model": model.state if model else lambda: "off",
                "speech_to_text": engines.stt.state,
                "text_to_speech": engines.tts.state,
            },
        ),
        speech=_with_visitors(engines.services(rag), visitors),
        visitors=visitors,
    )
    services.realtime = _build_realtime(settings, services, early, records)
    services.closers.append(early.close)
    services.starters += [state.start, shelf.start, watch.start, engines.start]
    # Run in reverse: claims are given back while Redis is still connected.
    services.closers += [state.close, shelf.close, watch.close, idempotency.aclose]
    services.closers.append(engines.close)
    if settings.device_keys:
        services.starters.append(visitors.start)
    services.closers.append(visitors.close)
    if model is not None:
        services.closers.append(model.aclose)
    return services


def build_library(settings: Settings) -> Shelf:
    """
    Return the documents alone, for the command line; `start` opens them.

    Raises:
        ConfigurationError: A part cannot work with these settings.
    """
    return _build_shelf(settings)


def _build_engines(settings: Settings, passages: PassageStore) -> Engines:
    from agents.engines import Engines
    from speech.decoder import SandboxedDecoder
    from speech.encoder import SoundEncoder
    from speech.vad import SileroVAD, SpeechFinder
    from utils.emotion import build_emotion
    from utils.stt import build_stt
    from utils.tts import build_tts

    tenants = _tenants(settings)

    def vocabulary() -> Iterator[str]:
        # One recogniser hears for everybody: it must not know one tenant's names when
        # another one speaks.
        if len(tenants) == 1:
            found = passages.iter_passages(next(iter(tenants)))
            yield from (
                one.text for one in itertools.islice(found, _VOCABULARY_PASSAGES)
            )

    return Engines(
        decoder=SandboxedDecoder(
            max_bytes=settings.max_audio_mb * _MB,
            max_seconds=settings.max_audio_seconds,
        ),
        stt=build_stt(settings, vocabulary=vocabulary),
        tts=build_tts(settings),
        emotion=build_emotion(settings),
        encoder=SoundEncoder(),
        find_speech=SpeechFinder().find,
        new_voice_activity=SileroVAD,
    )


def _tenants(settings: Settings) -> frozenset[str]:
    from auth.keys import parse_entries

    named = {tenant for tenant, _ in parse_entries(settings.api_keys)}
    if settings.api_key is not None or not named:
        named.add("default")
    named |= {tenant for tenant, _ in parse_entries(settings.device_keys)}
    return frozenset(named)


def _build_shelf(settings: Settings) -> Shelf:
    from agents.models import build_embeddings
    from knowledge.pipeline import Library
    from knowledge.sandbox import Sandbox
    from knowledge.shelf import Shelf
    from stores.documents import DocumentStore
    from stores.sql import Database
    from stores.vectors import open_embedded, open_remote

    embeddings = build_embeddings(settings)
    key = settings.qdrant_api_key
    if settings.qdrant_url is None:
        passages = open_embedded(
            settings.data_dir / "qdrant",
            collection=settings.qdrant_collection_name,
            embeddings=embeddings,
        )
    else:
        passages = open_remote(
            settings.qdrant_url,
            api_key=key.get_secret_value() if key else None,
            collection=settings.qdrant_collection_name,
            timeout_seconds=settings.qdrant_timeout,
            embeddings=embeddings,
        )
    database = Database(settings.sql_url)
    jobs = _build_jobs(settings)
    library = Library(
        documents=DocumentStore(database),
        passages=passages,
        jobs=jobs,
        parser=Sandbox(),
        max_bytes=settings.max_document_mb * _MB,
        orphan_seconds=0.0 if settings.embedded_vectors else 60.0,
    )
    return Shelf(database, passages, library, jobs)


def _build_jobs(settings: Settings) -> JobQueue:
    """Return this process's own queue, or the one that other machines work on."""
    from knowledge.jobs import ThreadQueue

    servers = not (settings.embedded_vectors or settings.embedded_redis)
    # RQ moves jobs between keys that a Cluster keeps on different nodes.
    if not servers or settings.redis_cluster:
        return ThreadQueue(settings.data_dir / "uploads")
    from knowledge.jobs_redis import RedisQueue
    from utils.checkpointer import build_connection

    return RedisQueue(build_connection(settings))


def _key_entries(settings: Settings) -> list[tuple[str, str]]:
    """Return tenant and digest of every program's key; one is made if there is none."""
    from auth.keys import digest_key, load_or_make_key, parse_entries

    entries = parse_entries(settings.api_keys)
    if settings.api_key is not None:
        entries.append(("default", digest_key(settings.api_key.get_secret_value())))
    if not entries:
        made = load_or_make_key(settings.data_dir / KEY_FILE)
        entries.append(("default", digest_key(made)))
    return entries


def _build_keys(settings: Settings) -> KeyRing:
    from auth.keys import APIKeys, parse_entries

    devices = parse_entries(settings.device_keys, setting="DEVICE_KEYS")
    return APIKeys(_key_entries(settings), devices=devices)


def _with_visitors(speech: SpeechServices, visitors: KioskSessions) -> SpeechServices:
    from agents.visitor_voice import VisitorVoice

    return replace(speech, voice=VisitorVoice(speech.voice, visitors))


def _build_realtime(
    settings: Settings, services: Services, early: EarlySearch, records: Records
) -> RealtimeServices | None:
    from agents.realtime import RealtimeTalks
    from api.v1.ids import new_message_id
    from stores.realtime_secrets import SharedSecrets

    if services.speech is None:
        return None
    talks = RealtimeTalks(
        speech=services.speech,
        conversations=services.conversations,
        early=early,
        new_id=new_message_id,
        turn_seconds=settings.turn_timeout * _VOICE_SHARE,
    )
    return RealtimeServices(talks, SharedSecrets(records))


def _build_records(settings: Settings, state: State) -> Records:
    """Return small values with a life: in Redis and a file beside it, or the file."""
    from stores.kiosk_records import FileRecords, RedisRecords
    from stores.kiosk_shared import SharedRecords

    local = FileRecords(settings.data_dir / "visitors.sqlite3")
    if state.connection is None:
        return local
    shared = RedisRecords(state.connection)
    refuse = settings.state_fallback == "refuse"
    return shared if refuse else SharedRecords(shared, local)


def _build_visitors(
    settings: Settings,
    state: State,
    records: Records,
    feedback: FeedbackStore,
    idempotency: IdempotencyStore,
) -> KioskSessions:
    """Return the sessions of visitors."""
    from auth.passes import Passes
    from stores.kiosk import KioskSessions
    from stores.kiosk_parts import VISIT_SECONDS, Lives

    async def forget(tenant: str, conversation_id: str) -> None:
        with contextlib.suppress(ConversationNotFound):
            await state.conversations.delete_conversation(tenant, conversation_id)
        await idempotency.forget_conversation(tenant, conversation_id)
        await asyncio.to_thread(feedback.forget_conversation, tenant, conversation_id)

    return KioskSessions(
        records,
        forget=forget,
        passes=Passes(digest for _, digest in _key_entries(settings)),
        lives=Lives(
            silence=settings.kiosk_silence_seconds,
            visit=min(VISIT_SECONDS, settings.conversation_ttl),
        ),
    )
