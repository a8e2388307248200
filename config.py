"""The one place where the environment is read."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.errors import ConfigurationError

ROOT = Path(__file__).resolve().parent
ENV_FILE = ".env"

Seconds = Annotated[float, Field(gt=0, le=86_400 * 365)]
STTEngine = Literal["local", "openai", "prosa", "faster-whisper", "sherpa", "off"]
TTSEngine = Literal["local", "openai", "prosa", "piper", "sherpa", "off"]
EmotionEngine = Literal["local", "http", "prosa", "off"]


def _server_url(value: str | None) -> str | None:
    if value and not re.match(r"[a-z][a-z0-9+]*://", value):
        raise ValueError("must be a URL such as scheme://host:port")
    return value or None


def _port_of_ours(value: object) -> object:
    # Kubernetes gives every pod `REDIS_PORT=tcp://...` when a service is named redis.
    return 6379 if isinstance(value, str) and value.startswith("tcp://") else value


URL = Annotated[str | None, AfterValidator(_server_url)]


class Settings(BaseSettings):
    """
    Settings of one deployment; frozen, read once by an entry point.

    Empty variables count as unset. Every field is named after its variable.
    """

    model_config = SettingsConfigDict(
        frozen=True, env_file=ENV_FILE, env_ignore_empty=True, extra="ignore"
    )

    # Callers.
    api_key: SecretStr | None = None
    """One key, of tenant `default`."""
    api_keys: str = ""
    """More keys: `tenant:sha256hex[,tenant:sha256hex...]`."""
    device_keys: str = ""
    """Keys in the same form that may only speak and listen, for kiosks."""

    # The service.
    data_dir: Path = Path(".data")
    """Embedded Redis, vectors, SQLite, uploads."""
    host: str = "127.0.0.1"
    """Address the server listens on; `0.0.0.0` in a container."""
    port: Annotated[int, Field(ge=0, le=65_535)] = 8000
    """Port of the service."""
    ui_port: Annotated[int, Field(ge=0, le=65_535)] = 8501
    """Port of the Streamlit chat."""
    service_url: URL = None
    """Where the Streamlit chat and the command line find the service; unset:
    `http://127.0.0.1:PORT`."""
    web_concurrency: Annotated[int, Field(ge=1, le=64)] | None = None
    """Workers; unset: CPU * 2 + 1 with servers, 1 with the embedded vector store."""
    max_requests: Annotated[int, Field(ge=0)] = 0
    """Requests after which a worker is replaced; 0: never."""
    forwarded_allow_ips: str = ""
    """Proxies whose X-Forwarded-* headers are believed, comma separated."""
    cors_origins: str = "*"
    """Exact origins, comma separated, or `*`."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least level that is written."""
    log_format: Literal["json", "text"] = "json"
    """One JSON object a line, or text for a terminal."""

    # The chat model; none set: the extractive answerer.
    openrouter_api_key: SecretStr | None = None
    """Key of OpenRouter; sets the base URL when `LLM_BASE_URL` is unset."""
    llm_base_url: URL = None
    """Base URL of an OpenAI-compatible server."""
    llm_api_key: SecretStr | None = None
    """Key of that server."""
    llm_model: str | None = None
    """Model name; required when a model server is configured."""
    llm_temperature: Annotated[float, Field(ge=0, le=2)] = 0.2
    """Sampling temperature."""
    llm_max_tokens: Annotated[int, Field(ge=16, le=32_000)] = 800
    """Longest answer, tokens."""
    llm_fallback_model: str | None = None
    """Model asked when the first one fails."""
    llm_timeout: Seconds = 45.0
    """One model call, seconds."""

    # Embeddings.
    openai_api_key: SecretStr | None = None
    """Key for embeddings and OpenAI-compatible audio."""
    openai_base_url: URL = None
    """Base URL for embeddings and audio; unset: the vendor's."""
    embedding_model: str | None = None
    """Embedding model; unset: lexical search only."""

    # Vectors.
    qdrant_url: URL = None
    """Qdrant server; unset: Qdrant's engine in this process."""
    qdrant_api_key: SecretStr | None = None
    """Key of the Qdrant server."""
    qdrant_collection_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,128}$")] = (
        "tanya"
    )
    """Collection that holds the passages."""
    qdrant_timeout: Seconds = 5.0
    """One call to Qdrant, seconds."""

    # State.
    redis_url: URL = None
    """`redis://`, `rediss://` or `unix://`; unset: embedded."""
    redis_host: str | None = None
    """Host, when no URL is given."""
    redis_port: Annotated[
        int, Field(ge=1, le=65_535), BeforeValidator(_port_of_ours)
    ] = 6379
    """Port, with `REDIS_HOST`."""
    redis_password: SecretStr | None = None
    """Password, with `REDIS_HOST`."""
    redis_cluster: bool = False
    """The server is a node of a Redis Cluster."""
    redis_sentinel: str | None = None
    """Sentinels `host:port,host:port/name-of-the-primary`."""
    redis_server_bin: Path | None = None
    """Server program for the embedded Redis; unset: found in PATH or bundled."""
    state_fallback: Literal["file", "refuse"] = "file"
    """What happens while Redis is away."""
    conversation_ttl: Annotated[int, Field(ge=1)] = 86_400
    """Seconds a conversation lives after its last turn."""
    database_url: URL = None
    """SQL for documents, feedback, threads, tasks; unset: SQLite in `DATA_DIR`."""
    chatkit_store_database_url: URL = None
    """Overrides `DATABASE_URL` for threads."""

    # ChatKit.
    chatkit_enabled: bool = True
    """Serve the ChatKit protocol and the thread routes."""
    chatkit_max_threads_per_user: Annotated[int, Field(ge=1)] = 100
    """Threads a user may have."""
    chatkit_session_ttl: Annotated[int, Field(ge=60)] = 3600
    """Life of a browser session, seconds."""
    chatkit_max_messages_per_session: Annotated[int, Field(ge=1)] = 50
    """Turns a browser session may start."""
    chatkit_model: str | None = None
    """Model for threads, when it differs."""
    chatkit_temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """Temperature for threads, when it differs."""
    chatkit_max_tokens: Annotated[int, Field(ge=16)] | None = None
    """Longest answer in threads, when it differs."""

    # Second source.
    context7_enabled: bool = False
    """Ask a documentation server about programming libraries."""
    context7_mcp_url: URL = None
    """MCP server of Context7's shape."""
    context7_max_results: Annotated[int, Field(ge=1, le=10)] = 2
    """Sources taken from it."""

    # Speech.
    stt_engine: STTEngine = "local"
    """Speech to text: `local`, `openai`, `prosa`, `faster-whisper`, `sherpa`, `off`."""
    tts_engine: TTSEngine = "local"
    """Text to speech: `local`, `openai`, `prosa`, `piper`, `sherpa`, `off`."""
    emotion_engine: EmotionEngine = "local"
    """Emotion of the speaker: `local`, `http`, `prosa` or `off`."""
    emotion_url: URL = None
    """Emotion service asked at `/predict`; required with `EMOTION_ENGINE=http`."""
    stt_model_path: Path | None = None
    """Folder of the model, with `STT_ENGINE` `faster-whisper` or `sherpa`."""
    tts_model_path: Path | None = None
    """Voice or folder of voices, with `TTS_ENGINE` `piper` or `sherpa`."""
    openai_stt_model: str = "whisper-1"
    """Model that hears, with `STT_ENGINE=openai`."""
    openai_tts_model: str = "gpt-4o-mini-tts"
    """Model that speaks, with `TTS_ENGINE=openai`."""
    openai_tts_voice: str = "alloy"
    """Its voice."""
    openai_tts_rate_hz: Annotated[int, Field(ge=8_000, le=48_000)] = 24_000
    """Samples per second of the sound that server sends."""
    prosa_stt_url: URL = None
    """Prosa: `https://.../v2/speech` or `wss://...`; unset: the vendor's stream."""
    prosa_stt_api_key: SecretStr | None = None
    """Its key."""
    prosa_stt_model: str | None = None
    """Its model; unset: the general one of the transport."""
    prosa_tts_url: URL = None
    """Prosa: `https://.../v2/speech` or `wss://...`; unset: the vendor's stream."""
    prosa_tts_api_key: SecretStr | None = None
    """Its key."""
    prosa_tts_voice_id: str = "tts-dimas-formal"
    """Its Indonesian voice."""
    prosa_tts_voice_en: str = "tts-roger"
    """Its English voice."""
    prosa_emotion_url: URL = None
    """Emotion of Prosa; unset: the vendor's."""
    prosa_emotion_api_key: SecretStr | None = None
    """Its key."""
    stt_timeout: Seconds = 20.0
    """One recognition, seconds."""
    tts_timeout: Seconds = 20.0
    """One synthesis, seconds."""
    emotion_timeout: Seconds = 5.0
    """One emotion analysis, seconds."""

    # Kiosks.
    public_url: URL = None
    """Base URL of the service as a phone finds it, for links; unset: no links."""
    kiosk_silence_seconds: Annotated[float, Field(ge=5, le=3600)] = 60.0
    """Silence that ends the session of a visitor at a device, seconds."""

    # Limits.
    turn_timeout: Seconds = 60.0
    """One turn from its request to its last token, seconds."""
    rate_limit_per_hour: Annotated[int, Field(ge=1)] = 100
    """Requests a key may make in an hour."""
    rate_limit_per_minute: Annotated[int, Field(ge=1)] | None = None
    """Requests a key may make in a minute; unset: no such limit."""
    max_audio_mb: Annotated[int, Field(ge=1, le=200)] = 16
    """Largest audio upload, MB."""
    max_audio_seconds: Annotated[int, Field(ge=1, le=3600)] = 120
    """Longest audio, decoded seconds."""
    max_document_mb: Annotated[int, Field(ge=1, le=500)] = 50
    """Largest document, MB."""
    max_message_chars: Annotated[int, Field(ge=1, le=100_000)] = 5000
    """Longest message, characters."""

    # Signed-in people.
    jwt_secret: SecretStr | None = None
    """Secret of HS256, 32 bytes or more."""
    jwt_algorithm: Literal["HS256", "RS256", "ES256", "EdDSA"] = "HS256"
    """The one algorithm accepted."""
    jwt_jwks_url: URL = None
    """Where public keys come from."""
    jwt_issuer: str | None = None
    """Expected issuer."""
    jwt_audience: str | None = None
    """Expected audience."""
    trust_x_user_id: bool = False
    """Believe X-User-ID without a key (behind an authenticating proxy)."""
    enable_test_routes: bool = False
    """Serve routes for trying things out."""

    # Watching it.
    sentry_dsn: SecretStr | None = None
    """Error tracker; needs its library."""
    otel_exporter_otlp_endpoint: URL = None
    """Trace collector; needs its library."""
    langsmith_api_key: SecretStr | None = None
    """LangSmith tracing; off unless set."""

    @model_validator(mode="after")
    def _check_together(self) -> Settings:
        if self.model_configured and not self.llm_model:
            raise ValueError("LLM_MODEL: required when a model server is configured")
        if self.llm_fallback_model and not self.llm_model:
            raise ValueError("LLM_FALLBACK_MODEL: needs LLM_MODEL")
        if self.emotion_engine == "http" and not self.emotion_url:
            raise ValueError("EMOTION_URL: required when EMOTION_ENGINE is http")
        secret = self.jwt_secret.get_secret_value() if self.jwt_secret else None
        if secret is not None and len(secret.encode()) < 32:
            raise ValueError("JWT_SECRET: needs 32 bytes or more")
        for name, keys in (
            ("API_KEYS", self.api_keys),
            ("DEVICE_KEYS", self.device_keys),
        ):
            for entry in filter(None, map(str.strip, keys.split(","))):
                if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}:[0-9a-fA-F]{64}", entry):
                    raise ValueError(
                        f"{name}: must be tenant:sha256hex, comma separated"
                    )
        if self.public_url and not re.fullmatch(r"https?://[^\s?#@]+", self.public_url):
            raise ValueError("PUBLIC_URL: must be http(s)://host[:port][/path]")
        for origin in filter(None, map(str.strip, self.cors_origins.split(","))):
            if origin != "*" and not re.fullmatch(r"[a-z+.-]+://[^/\s?#@]+", origin):
                raise ValueError(
                    "CORS_ORIGINS: must be scheme://host[:port], comma separated, or *"
                )
        if self.embedded_vectors and (self.web_concurrency or 1) > 1:
            raise ValueError(
                "WEB_CONCURRENCY: the embedded vector store has one owner process;"
                " set QDRANT_URL to run more workers"
            )
        return self

    @model_validator(mode="after")
    def _check_speech(self) -> Settings:
        for port, url, key in (
            ("STT", self.prosa_stt_url, self.prosa_stt_api_key),
            ("TTS", self.prosa_tts_url, self.prosa_tts_api_key),
        ):
            engine = self.stt_engine if port == "STT" else self.tts_engine
            if engine == "openai" and not (self.openai_base_url or self.openai_api_key):
                raise ValueError(
                    f"OPENAI_API_KEY: required when {port}_ENGINE is openai"
                )
            if engine != "prosa":
                continue
            if not (url or key):
                name = f"PROSA_{port}_API_KEY"
                raise ValueError(f"{name}: required when {port}_ENGINE is prosa")
            if url and not re.match(r"(https?|wss?)://", url):
                raise ValueError(
                    f"PROSA_{port}_URL: must begin with https:// or wss://"
                )
        return self

    @property
    def model_configured(self) -> bool:
        """A chat model answers; otherwise the extractive answerer does."""
        return bool(self.llm_base_url or self.llm_api_key or self.openrouter_api_key)

    @property
    def embedded_vectors(self) -> bool:
        """Vectors live in this process."""
        return self.qdrant_url is None

    @property
    def embedded_redis(self) -> bool:
        """No Redis server was named."""
        return not (self.redis_url or self.redis_host or self.redis_sentinel)

    @property
    def workers(self) -> int:
        """Number of gunicorn workers."""
        if self.web_concurrency:
            return self.web_concurrency
        return 1 if self.embedded_vectors else (os.cpu_count() or 1) * 2 + 1

    @property
    def sql_url(self) -> str:
        """SQLAlchemy URL of the database, SQLite in the data folder by default."""
        url = self.database_url or f"sqlite:///{self.data_dir.resolve()}/tanya.sqlite3"
        return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)

    @property
    def own_url(self) -> str:
        """Where clients on this machine find the service."""
        return (self.service_url or f"http://127.0.0.1:{self.port}").rstrip("/")


# Close to a name of ours but somebody else's: never a misspelling.
_FOREIGN = frozenset({"OPENAI_ORG_ID", "OPENAI_PROJECT", "OPENAI_MODEL", "REDIS_DB"})
# Nobody else's variables begin so: among them a looser likeness is a misspelling.
_OURS = re.compile(
    r"(LLM|CHATKIT|CONTEXT7|PROSA|QDRANT|RATE_LIMIT|STATE|CONVERSATION|CORS|MAX)_"
)


def _check_spelling(names: list[str], *, own_file: bool = False) -> None:
    known = {name.upper() for name in Settings.model_fields}
    for name in names:
        upper = name.upper()
        if upper in known or upper in _FOREIGN or len(name) < 6:
            continue
        likeness = 0.8 if own_file or _OURS.match(upper) else 0.9
        close = difflib.get_close_matches(upper, known, n=1, cutoff=likeness)
        if close:
            raise ConfigurationError(f"{name}: unknown, did you mean {close[0]}?")


def _names_in_file() -> list[str]:
    try:
        return sorted(dotenv_values(ENV_FILE))
    except (OSError, UnicodeDecodeError):
        raise ConfigurationError(f"{ENV_FILE}: cannot be read as UTF-8") from None


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """
    Return the settings of the environment and of `.env`.

    Args:
        environ: Names to look at for misspellings; default: of this process.

    Raises:
        ConfigurationError: One line that names the variable.
    """
    _check_spelling(sorted(environ if environ is not None else os.environ))
    _check_spelling(_names_in_file(), own_file=True)
    try:
        return Settings()
    except ValidationError as exc:
        first = exc.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        reason = str(first["msg"]).removeprefix("Value error, ")
        raise ConfigurationError(f"{name}: {reason}" if name else reason) from None
