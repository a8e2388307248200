"""Two workers, two tenants, one fake vector store: what hostile requests meet."""

from __future__ import annotations

import contextlib
import hashlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from tests.e2e.hostile_cases import Case
from tests.fakes.problems import assert_problem
from tests.fakes.qdrant_server import serve_qdrant
from tests.fakes.raw_client import RawAnswer, connect, exchange, get, read_answer
from tests.service import RunningService, start_service

OTHER_KEY = "tanya_key-of-the-other-tenant-51c9a0f2e7"
SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}


@contextlib.contextmanager
def hostile_service(**env: str) -> Iterator[RunningService]:
    """Start gunicorn with two workers and the keys of two tenants."""
    digest = hashlib.sha256(OTHER_KEY.encode()).hexdigest()
    with (
        serve_qdrant() as qdrant,
        start_service(
            {
                "API_KEYS": f"other:{digest}",
                "QDRANT_URL": qdrant.url,
                "WEB_CONCURRENCY": "2",
                "RATE_LIMIT_PER_HOUR": "10000000",
                **env,
            }
        ) as service,
    ):
        yield service


@dataclass(frozen=True)
class Talk:
    """An answer as `assert_problem` looks at it."""

    answer: RawAnswer

    @property
    def status_code(self) -> int:
        return self.answer.status

    @property
    def headers(self) -> dict[str, str]:
        return self.answer.headers

    @property
    def text(self) -> str:
        return self.answer.body.decode("utf-8", "replace")

    def json(self) -> object:
        return self.answer.json()


def talk(service: RunningService, case: Case) -> tuple[RawAnswer, bool]:
    """Send *case*; return the answer and whether the connection ended with it."""
    with connect(service.port, timeout=20) as sock:
        with contextlib.suppress(ConnectionError):
            sock.sendall(case.bytes_for(service.key, OTHER_KEY))
        answer = read_answer(sock)
        return answer, _ended(sock) if case.alone else False


def check(service: RunningService, case: Case) -> None:
    """Send *case* and compare its answer with what it must be."""
    answer, ended = talk(service, case)
    reply = Talk(answer)
    for name, value in SECURITY.items():
        assert answer.headers.get(name) == value, (name, answer.headers)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "server" not in answer.headers
    assert answer.headers["x-request-id"]
    if case.code is None:
        assert answer.status == case.status, reply.text
    else:
        assert_problem(reply, case.status, case.code)
    for secret in (service.key, OTHER_KEY, str(service.data_dir)):
        assert secret not in reply.text
        assert secret not in str(answer.headers)
    if case.alone:
        assert ended, "the connection went on"


def assert_serves(service: RunningService) -> None:
    """Check that the next request, on its own connection, is answered."""
    next_one = get("/v1/conversations?limit=1", f"X-API-Key: {service.key}")
    assert exchange(service.port, next_one, timeout=10).status == 200


def _ended(sock: socket.socket) -> bool:
    """Whether nothing but the end comes."""
    sock.settimeout(10)
    try:
        return sock.recv(65_536) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False
