"""The doctor tells the truth about a deployment."""

from __future__ import annotations

from pathlib import Path

import pytest

import validate
from config import Settings

NOWHERE = "127.0.0.1:9"

DEVICES = "default:" + "0" * 64


def verdicts(settings: Settings) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for finding in validate.examine(settings):
        found.setdefault(finding.part, []).append(finding.verdict)
    return found


def settings_for(tmp_path: Path, **values: object) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path / "data", **values)  # type: ignore[arg-type]


def test_a_deployment_of_embedded_parts_is_sound(tmp_path: Path) -> None:
    found = verdicts(settings_for(tmp_path))

    assert "failed" not in {verdict for part in found.values() for verdict in part}
    assert set(found) >= {"python", "data", "keys", "redis", "qdrant", "database"}


def test_every_server_that_is_away_is_named(tmp_path: Path) -> None:
    settings = settings_for(
        tmp_path,
        redis_url=f"redis://{NOWHERE}",
        qdrant_url=f"http://{NOWHERE}",
        database_url=f"postgresql://nobody@{NOWHERE}/none",
        llm_base_url=f"http://{NOWHERE}/v1",
        llm_model="some-model",
    )

    found = verdicts(settings)

    for part in ("redis", "qdrant", "database", "model"):
        assert found[part] == ["failed"], part


def test_speech_engines_are_tried(tmp_path: Path) -> None:
    found = verdicts(settings_for(tmp_path))

    assert (found["hearing"], found["speaking"]) == (["ok"], ["ok"])


@pytest.mark.parametrize(
    "values",
    [
        {"stt_engine": "faster-whisper", "tts_engine": "piper"},
        {
            "stt_engine": "openai",
            "tts_engine": "openai",
            "openai_base_url": f"http://{NOWHERE}/v1",
        },
    ],
    ids=["without models", "without a server"],
)
def test_speech_engines_that_cannot_work_are_named(
    tmp_path: Path, values: dict[str, str]
) -> None:
    found = verdicts(settings_for(tmp_path, **values))

    assert (found["hearing"], found["speaking"]) == (["failed"], ["failed"])


def test_a_data_folder_open_to_others_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)

    assert verdicts(settings_for(tmp_path))["data"] == ["warning"]


def test_a_short_key_is_a_warning(tmp_path: Path) -> None:
    assert "warning" in verdicts(settings_for(tmp_path, api_key="short"))["keys"]


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({}, "ok"),
        ({"device_keys": DEVICES}, "warning"),
        ({"device_keys": DEVICES, "public_url": "http://campus.example"}, "warning"),
        ({"device_keys": DEVICES, "public_url": "http://localhost:8000"}, "ok"),
        ({"device_keys": DEVICES, "public_url": "https://campus.example"}, "ok"),
    ],
)
def test_a_kiosk_without_an_address_for_phones_is_a_warning(
    tmp_path: Path, values: dict[str, str], verdict: str
) -> None:
    assert verdicts(settings_for(tmp_path, **values))["kiosks"] == [verdict]


def test_settings_that_cannot_be_read_end_with_status_two(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RATE_LIMIT_PER_HUOR", "5")

    status = validate.main()

    assert status == 2
    assert "RATE_LIMIT_PER_HUOR" in capsys.readouterr().out
