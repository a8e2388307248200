from __future__ import annotations

import stat
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from auth.__main__ import main
from auth.keys import APIKeys, digest_key, load_or_make_key, new_key, parse_entries
from domain.errors import ConfigurationError


def test_a_key_finds_its_tenant() -> None:
    first, second = new_key(), new_key()
    ring = APIKeys([("a", digest_key(first)), ("b", digest_key(second))])

    assert [ring.find_caller(key).tenant for key in (first, second)] == ["a", "b"]  # type: ignore[union-attr]


def test_old_and_new_key_of_a_tenant_both_work_and_are_told_apart() -> None:
    old, new = new_key(), new_key()
    ring = APIKeys([("a", digest_key(old)), ("a", digest_key(new))])

    callers = [ring.find_caller(old), ring.find_caller(new)]

    assert [caller.tenant for caller in callers if caller] == ["a", "a"]
    assert callers[0] != callers[1]


def test_the_key_id_is_the_head_of_the_digest() -> None:
    key = new_key()

    caller = APIKeys([("a", digest_key(key).upper())]).find_caller(key)

    assert caller is not None
    assert caller.key_id == digest_key(key)[:12]


@pytest.mark.parametrize(
    "guess",
    ["", "x", "é", "\xff\xfe", "\ud800", "\x00", "😀" * 1000, "a" * 100_000],
)
def test_no_guess_raises_or_is_let_in(guess: str) -> None:
    ring = APIKeys([("a", digest_key(new_key()))])

    assert ring.find_caller(guess) is None


def test_a_digest_is_not_a_key() -> None:
    digest = digest_key(new_key())

    assert APIKeys([("a", digest)]).find_caller(digest) is None


def test_nobody_is_let_in_without_keys() -> None:
    assert APIKeys([]).find_caller("") is None


def test_a_ring_holds_no_key() -> None:
    key = new_key()

    ring = APIKeys([("a", digest_key(key))])

    assert key not in repr(vars(ring))


def test_one_key_cannot_belong_to_two_tenants() -> None:
    digest = digest_key(new_key())

    with pytest.raises(ConfigurationError, match="two tenants"):
        APIKeys([("a", digest), ("b", digest)])


def test_a_device_is_found_as_a_device_only() -> None:
    key, device = new_key(), new_key()

    ring = APIKeys([("a", digest_key(key))], devices=[("a", digest_key(device))])

    found = ring.find_device(device)
    assert found is not None
    assert (found.kind, found.tenant, found.key_id) == (
        "device",
        "a",
        digest_key(device)[:12],
    )
    assert ring.find_caller(device) is None
    assert ring.find_device(key) is None
    program = ring.find_caller(key)
    assert program is not None
    assert program.kind == "program"


def test_a_key_is_a_program_or_a_device() -> None:
    digest = digest_key(new_key())

    with pytest.raises(ConfigurationError, match="DEVICE_KEYS"):
        APIKeys([("a", digest)], devices=[("a", digest)])
    with pytest.raises(ConfigurationError, match="DEVICE_KEYS"):
        APIKeys([], devices=[("a", digest), ("b", digest)])


def test_a_malformed_setting_names_itself() -> None:
    with pytest.raises(ConfigurationError, match="DEVICE_KEYS"):
        parse_entries("a", setting="DEVICE_KEYS")


def test_the_same_entry_twice_is_one() -> None:
    key = new_key()

    ring = APIKeys([("a", digest_key(key)), ("a", digest_key(key).upper())])

    assert ring.find_caller(key) is not None


@pytest.mark.parametrize(
    "entry",
    [
        ("a b", "0" * 64),
        ("", "0" * 64),
        ("a", "0" * 63),
        ("a", "g" * 64),
        ("a\n", "0" * 64),
    ],
)
def test_a_malformed_entry_is_refused(entry: tuple[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="API_KEYS"):
        APIKeys([entry])


def test_entries_are_read_from_a_setting() -> None:
    text = f" a:{'A' * 64}, b:{'0' * 64} ,"

    assert parse_entries(text) == [("a", "a" * 64), ("b", "0" * 64)]


@pytest.mark.parametrize("text", ["a", "a:xyz", f"a:{'0' * 64}:x", f"a b:{'0' * 64}"])
def test_a_malformed_setting_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="API_KEYS"):
        parse_entries(text)


def test_new_keys_are_long_and_different() -> None:
    keys = {new_key() for _ in range(1000)}

    assert len(keys) == 1000
    assert min(map(len, keys)) >= 43


def test_a_key_is_made_once_and_private(tmp_path: Path) -> None:
    path = tmp_path / "data" / "api-key"

    first, second = load_or_make_key(path), load_or_make_key(path)

    assert first == second
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_file_open_to_others_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "api-key"
    key = load_or_make_key(path)
    path.chmod(0o644)

    assert load_or_make_key(path) == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_processes_that_start_together_share_one_key(tmp_path: Path) -> None:
    path = tmp_path / "api-key"
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        keys = set(pool.map(load_or_make_key, [path] * 8))

    assert keys == {path.read_text().strip()}


def test_an_empty_key_file_is_filled(tmp_path: Path) -> None:
    path = tmp_path / "api-key"
    path.touch()

    assert len(load_or_make_key(path)) > 40


@pytest.mark.parametrize(
    "content", [b"short", b"two words in here, no key", b"\xff" * 40]
)
def test_a_damaged_key_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "api-key"
    path.write_bytes(content)

    with pytest.raises(ConfigurationError, match="damaged"):
        load_or_make_key(path)


def test_a_link_in_place_of_the_key_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text(new_key())
    (tmp_path / "api-key").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(ConfigurationError):
        load_or_make_key(tmp_path / "api-key")


def test_the_command_prints_a_key_and_the_entry_that_knows_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["school.one"]) == 0

    key, entry = (line.split()[-1] for line in capsys.readouterr().out.splitlines())
    caller = APIKeys(parse_entries(entry)).find_caller(key)
    assert caller is not None
    assert caller.tenant == "school.one"


@pytest.mark.parametrize("tenant", ["a b", "", "a:b", "x" * 65, "é"])
def test_the_command_refuses_a_bad_tenant(tenant: str) -> None:
    with pytest.raises(SystemExit) as refused:
        main([tenant])

    assert refused.value.code == 2
