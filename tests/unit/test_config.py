"""Settings: what is wrong stops the start with one line that names the variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from config import Settings, load_settings
from domain.errors import ConfigurationError


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run in an empty folder, without a variable of ours."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)


def refusal() -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert "\n" not in caught.value.detail
    return caught.value.detail


def test_nothing_has_to_be_set() -> None:
    settings = load_settings()

    assert settings.embedded_redis
    assert settings.embedded_vectors
    assert not settings.model_configured
    assert settings.workers == 1
    assert settings.rate_limit_per_hour == 100


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("RATE_LIMIT_PER_HUOR", "RATE_LIMIT_PER_HOUR"),
        ("QDRANT_COLLECTION", "QDRANT_COLLECTION_NAME"),
        ("LLM_TEMPERATUR", "LLM_TEMPERATURE"),
        ("MAX_DOCUMENTS_MB", "MAX_DOCUMENT_MB"),
        ("OPEN_AI_API_KEY", "OPENAI_API_KEY"),
    ],
)
@pytest.mark.parametrize("where", ["environment", "file"])
def test_a_misspelt_name_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str, where: str
) -> None:
    if where == "file":
        Path(".env").write_text(f"{name}=x\n", encoding="utf-8")
    else:
        monkeypatch.setenv(name, "x")

    assert refusal() == f"{name}: unknown, did you mean {meant}?"


@pytest.mark.parametrize(
    "name",
    [
        "OPENAI_ORG_ID",
        "REDIS_SERVICE_HOST",
        "REDIS_PORT_6379_TCP",
        "QDRANT_PORT",
        "QDRANT_SERVICE_HOST",
        "POSTGRES_PASSWORD",
        "HOSTNAME",
    ],
)
def test_names_of_others_are_left_alone(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "x")

    load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "many"),
        ("PORT", "70000"),
        ("RATE_LIMIT_PER_HOUR", "0"),
        ("LOG_LEVEL", "LOUD"),
        ("LLM_TEMPERATURE", "3"),
        ("QDRANT_URL", "qdrant:6333"),
        ("REDIS_URL", "localhost"),
        ("QDRANT_COLLECTION_NAME", "../x"),
        ("TURN_TIMEOUT", "0"),
        ("STATE_FALLBACK", "maybe"),
        ("API_KEYS", "tenant"),
        ("API_KEYS", "tenant:abc"),
        ("CORS_ORIGINS", "kampus.example.ac.id"),
        ("CORS_ORIGINS", "https://a.b/path"),
        ("JWT_SECRET", "short"),
        ("WEB_CONCURRENCY", "4"),
        ("LLM_FALLBACK_MODEL", "m"),
        ("CHATKIT_ENABLED", "perhaps"),
    ],
)
def test_a_bad_value_is_named_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    detail = refusal()

    assert detail.startswith(f"{name}: ")
    if name == "JWT_SECRET":
        assert value not in detail


def test_a_model_server_needs_a_model_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLM_BASE_URL", "http://127.0.0.1:1234/v1")

    assert refusal().startswith("LLM_MODEL: ")


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")
    monkeypatch.setenv("QDRANT_URL", "")

    settings = load_settings()

    assert settings.port == 8000
    assert settings.qdrant_url is None


def test_a_file_is_read_and_the_environment_wins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("PORT=9000\nUI_PORT=9001\nOTHER=x\n", encoding="utf-8")
    monkeypatch.setenv("PORT", "9100")

    settings = load_settings()

    assert (settings.port, settings.ui_port) == (9100, 9001)


def test_a_file_that_is_not_text_is_named() -> None:
    Path(".env").write_bytes(b"PORT=\xff\xfe\n")

    assert refusal() == ".env: cannot be read as UTF-8"


def test_the_port_kubernetes_writes_for_a_service_is_not_a_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REDIS_PORT", "tcp://10.3.0.7:6379")

    assert load_settings().redis_port == 6379


def test_secrets_are_hidden_from_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "a-secret-that-must-not-show")

    assert "a-secret" not in repr(load_settings())


def test_settings_cannot_be_changed() -> None:
    settings = load_settings()

    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1  # type: ignore[misc]
