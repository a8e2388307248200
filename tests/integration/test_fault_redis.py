"""Redis goes wrong in every way, before, during and after turns, seen over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx
import pytest

from tests.fakes.fault_stage import Guest, Stage, set_stage, wait_until
from tests.fakes.problems import assert_problem
from tests.fakes.redis_server import RedisServer

# One answer and one connect of the client; the rest is room for a busy machine.
PROMISED_SECONDS = 1.5
SLACK_SECONDS = 2.0
# The model thinks for so long that a fault can come in the middle.
THINKING_SECONDS = 0.4

Fault = tuple[Callable[[Stage], object], Callable[[Stage], object]]


def _way(**faults: object) -> Fault:
    def spoil(stage: Stage) -> None:
        assert stage.redis_way is not None
        stage.redis_way.set(**faults)

    def heal(stage: Stage) -> None:
        assert stage.redis_way is not None
        stage.redis_way.heal()

    return spoil, heal


def _server(spoil: str, heal: str) -> Fault:
    return (
        lambda stage: getattr(stage.redis, spoil)(),
        lambda stage: getattr(stage.redis, heal)(),
    )


def _command(spoil: tuple[str, ...], heal: tuple[str, ...]) -> Fault:
    def send(stage: Stage, words: tuple[str, ...]) -> None:
        if words:
            assert stage.redis is not None
            stage.redis.command(*words)

    return (lambda stage: send(stage, spoil)), (lambda stage: send(stage, heal))


FAULTS: dict[str, Fault] = {
    "killed": _server("kill", "start"),
    "stopped": _server("pause", "resume"),
    # It ends by itself: a paused server takes no command that would end it.
    "paused": _command(("CLIENT", "PAUSE", "3000", "ALL"), ()),
    "refused": _way(up=False),
    "reset": _way(reset=True),
    "slow": _way(delay=3.0),
    "swallowed": _way(blackhole=True),
    "dripping": _way(drip=0.2),
    "garbled": _way(garbage=1.0),
    "cut": _way(cut_after=3),
}


@pytest.fixture(scope="module")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("fault")
    with (
        RedisServer(folder / "redis") as redis,
        set_stage(
            folder,
            redis=redis,
            model="good",
            model_options={"first_delay": THINKING_SECONDS},
            env={"STATE_FALLBACK": request.param},
        ) as one,
    ):
        yield one


@pytest.fixture
def guest(stage: Stage) -> Iterator[Guest]:
    with stage.guest() as one:
        yield one


# How a server is lost makes no difference to what is refused; four stand for all.
CASES = [("file", name) for name in FAULTS] + [
    ("refuse", name) for name in ("killed", "stopped", "dripping", "cut")
]


@pytest.mark.parametrize(("stage", "name"), CASES, indirect=["stage"])
def test_a_fault_of_redis_is_said_in_time_and_loses_no_turn(
    stage: Stage, guest: Guest, name: str, request: pytest.FixtureRequest
) -> None:
    falls_back = request.node.callspec.params["stage"] == "file"
    spoil, heal = FAULTS[name]
    before = guest.told(name, key=f"{name}-1")

    with ThreadPoolExecutor(1) as pool:
        turn = _begin_turn(pool, stage, name, key=f"{name}-2")
        spoil(stage)
        try:
            during = turn.result()
            began = time.monotonic()
            under = guest.ask(name, "Sekarang pukul berapa disewakan?", key=f"{name}-3")
            took = time.monotonic() - began
            health, ready = guest.health(), guest.ready()
        finally:
            heal(stage)
    healed = wait_until(lambda: guest.ready()[0] == 200)
    wait_until(lambda: guest.health()["redis"] == "ok")
    second = guest.told(name, "Perahu dayung Kenari?", key=f"{name}-2")
    third = guest.told(name, "Sekarang pukul berapa disewakan?", key=f"{name}-3")
    after = guest.told(name, "Pukul berapa perahu dayung Kenari?", key=f"{name}-4")

    assert took < PROMISED_SECONDS + THINKING_SECONDS + SLACK_SECONDS
    assert healed < 10
    if falls_back:
        assert during.status_code == under.status_code == 200, under.text
        assert during.json()["degraded"] == under.json()["degraded"] == ["state"]
        assert (health["redis"], ready) == ("file", (200, []))
    else:
        assert_problem(during, 503, "state_unavailable")
        assert_problem(under, 503, "state_unavailable")
        assert under.headers["retry-after"] == "5"
        assert (health["redis"], ready) == ("unavailable", (503, ["state_unavailable"]))
    assert health["status"] == "degraded"
    # Every answer that was given is there, once, in order; no half turn.
    told = [one["message_id"] for one in (before, second, third, after)]
    assert [answer for _, answer in guest.turns(name)] == told
    assert after["degraded"] == []


def _begin_turn(
    pool: ThreadPoolExecutor, stage: Stage, name: str, *, key: str
) -> Future[httpx.Response]:
    """Start a turn and return once the model is asked."""
    assert stage.model is not None
    calls = stage.model.stats.chat_calls

    def ask() -> httpx.Response:
        with stage.guest() as guest:
            return guest.ask(name, "Perahu dayung Kenari?", key=key)

    turn = pool.submit(ask)
    assert stage.model is not None
    model = stage.model
    wait_until(lambda: model.stats.chat_calls > calls, pause=0.005)
    return turn
