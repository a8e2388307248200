"""What a start decides before it starts anything."""

from __future__ import annotations

import hashlib
import json
import shlex
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from config import Settings
from domain.errors import ConfigurationError
from launcher.plan import Plan, choose_port, hold_folder, make_plan
from run import curl_line, describe

Make = Callable[..., Plan]


@pytest.fixture(autouse=True)
def _no_sockets() -> None:
    """Allow them, unlike in the rest: ports are asked of the kernel, none is used."""


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    def make(**given: object) -> Plan:
        values = {"data_dir": tmp_path / "data", "port": 0, "ui_port": 0} | given
        settings = Settings(_env_file=None, **values)  # type: ignore[arg-type]
        return make_plan(settings, {"HOME": "/home/somebody"})

    return make


def test_the_data_folder_is_for_this_user_alone(make: Make) -> None:
    plan = make()

    assert stat.S_IMODE(plan.data_dir.stat().st_mode) == 0o700


def test_free_ports_are_chosen_for_0(make: Make) -> None:
    plan = make()

    assert plan.port != plan.ui_port
    assert min(plan.port, plan.ui_port) > 1023
    assert plan.environ["PORT"] == str(plan.port)
    assert plan.environ["UI_PORT"] == str(plan.ui_port)


@pytest.mark.parametrize("name", ["port", "ui_port"])
def test_a_taken_port_is_named_with_a_way_out(
    make: Make, taken: int, name: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        make(**{name: taken})

    said = caught.value.detail
    assert said.startswith(f"{name.upper()}: {taken} is taken")
    assert f"{name.upper()}=0 make run" in said


def test_one_port_cannot_serve_both(make: Make) -> None:
    free = choose_port("127.0.0.1", 0, name="PORT")

    with pytest.raises(ConfigurationError, match="UI_PORT: must differ"):
        make(port=free, ui_port=free)


def test_a_foreign_address_is_named() -> None:
    with pytest.raises(ConfigurationError, match="HOST"):
        choose_port("no.such.host.invalid", 0, name="PORT")


def test_a_key_is_made_once_and_kept(make: Make) -> None:
    first, second = make(), make()

    assert first.key
    assert first.key == second.key == first.environ["API_KEY"]
    kept = first.data_dir / "api_key"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_a_given_key_is_used_and_not_written_down(make: Make) -> None:
    plan = make(api_key="a-given-key")

    assert plan.key == plan.environ["API_KEY"] == "a-given-key"
    assert not (plan.data_dir / "api_key").exists()


def test_digests_alone_leave_no_key_to_print(make: Make) -> None:
    entry = f"uni:{hashlib.sha256(b'x').hexdigest()}"

    plan = make(api_keys=entry)

    assert plan.key is None
    assert "API_KEY" not in plan.environ
    assert plan.environ["API_KEYS"].startswith(entry + ",default:")
    assert "API_KEYS" in describe(plan)


def test_the_samples_key_is_new_and_known_to_the_service(make: Make) -> None:
    plan = make()

    digest = hashlib.sha256(plan.samples_key.encode()).hexdigest()
    assert plan.environ["API_KEYS"] == f"default:{digest}"
    assert plan.samples_key not in (plan.key, make().samples_key)
    assert plan.samples_key not in describe(plan)


def test_logs_are_for_people_unless_they_are_set(make: Make) -> None:
    assert make().environ["LOG_FORMAT"] == "text"
    assert "LOG_FORMAT" not in make(log_format="json").environ


def test_a_folder_is_held_by_one_start(tmp_path: Path) -> None:
    second = hold_folder(tmp_path)

    with (
        hold_folder(tmp_path),
        pytest.raises(ConfigurationError, match="another `make run`"),
    ):
        second.__enter__()

    with hold_folder(tmp_path):
        pass


def test_an_address_for_all_is_reached_on_this_machine(make: Make) -> None:
    plan = make(host="0.0.0.0")

    assert plan.service_url == f"http://127.0.0.1:{plan.port}"
    assert plan.ui_url == f"http://127.0.0.1:{plan.ui_port}"
    assert plan.environ["SERVICE_URL"] == plan.service_url


@pytest.mark.parametrize("key", ["simple", "with 'quotes' and $HOME", "back\\slash"])
def test_the_printed_line_survives_the_shell(make: Make, key: str) -> None:
    question = "Apa itu 'UKT' & berapa $biaya?"

    words = shlex.split(curl_line(make(api_key=key), question))

    assert words[0] == "curl"
    assert f"X-API-Key: {key}" in words
    assert json.loads(words[-1]) == {"message": question}


def test_the_block_names_addresses_key_and_limit(make: Make) -> None:
    plan = make(rate_limit_per_hour=7)

    block = describe(plan)

    assert plan.ui_url in block
    assert f"{plan.service_url}/docs" in block
    assert str(plan.key) in block
    assert "7 requests an hour" in block
    assert "RATE_LIMIT_PER_HOUR" in block
    assert block.count("curl -sS ") == 2
