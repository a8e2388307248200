"""The sandbox's child processes: limits, isolation, repair. Real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge.loaders.blocks import DocumentUnreadable
from knowledge.sandbox import Limits, Sandbox
from tests.fakes.bombs import make_docx

ROOT = Path(__file__).resolve().parents[2]
WORDS = b"The library opens at nine. " * 20


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()


def nursery_of(sandbox: Sandbox) -> int:
    assert sandbox._nursery is not None
    return sandbox._nursery.pid


def test_a_second_document_uses_the_nursery_of_the_first(sandbox: Sandbox) -> None:
    sandbox.parse(WORDS, "text")
    first = nursery_of(sandbox)

    sandbox.parse(WORDS, "text")

    assert nursery_of(sandbox) == first


def test_a_child_that_takes_too_long_is_ended() -> None:
    sandbox = Sandbox(Limits(cpu_seconds=1, cpu_seconds_per_megabyte=0))
    page = b"<p>" + b"<b>x</b> " * 400_000

    begun = time.monotonic()
    with pytest.raises(DocumentUnreadable, match="too long"):
        sandbox.parse(page, "html")

    assert time.monotonic() - begun < 30
    assert sandbox.parse(WORDS, "text").blocks
    sandbox.close()


def test_a_child_that_wants_too_much_memory_is_refused() -> None:
    sandbox = Sandbox(Limits(memory_megabytes=30, memory_megabytes_per_megabyte=0))

    with pytest.raises(DocumentUnreadable, match="memory"):
        sandbox.parse(b"words and words\n" * 2_000_000, "text")

    assert sandbox.parse(WORDS, "text").blocks
    sandbox.close()


def test_more_text_than_allowed_is_refused() -> None:
    sandbox = Sandbox(Limits(output_megabytes=0.01, output_megabytes_per_megabyte=0))

    with pytest.raises(DocumentUnreadable, match="too much text"):
        sandbox.parse(WORDS * 100, "text")

    sandbox.close()


def test_a_nursery_that_was_killed_is_replaced(sandbox: Sandbox) -> None:
    sandbox.parse(WORDS, "text")
    os.kill(nursery_of(sandbox), signal.SIGKILL)

    assert sandbox.parse(WORDS, "text").blocks


def test_a_nursery_that_hangs_is_replaced() -> None:
    sandbox = Sandbox(Limits(cpu_seconds=1, wall_factor=1))
    sandbox.parse(WORDS, "text")
    hanging = nursery_of(sandbox)
    os.kill(hanging, signal.SIGSTOP)

    with pytest.raises(DocumentUnreadable, match="too long"):
        sandbox.parse(WORDS, "text")

    assert sandbox.parse(WORDS, "text").blocks
    assert nursery_of(sandbox) != hanging
    sandbox.close()


def test_threads_take_turns(sandbox: Sandbox) -> None:
    found: list[str] = []

    def parse(number: int) -> None:
        found.append(sandbox.parse(f"Text {number}.".encode(), "text").blocks[0].text)

    threads = [threading.Thread(target=parse, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(found) == [f"Text {number}." for number in range(8)]


def test_the_child_knows_no_secret_and_inherits_no_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("API_KEY", "canary-8231")
    with socket.socket() as inherited:
        inherited.bind(("127.0.0.1", 0))
        inherited.set_inheritable(True)
        sandbox = Sandbox()
        sandbox.parse(WORDS, "text")
        child = Path(f"/proc/{nursery_of(sandbox)}")

        environ = (child / "environ").read_bytes()
        links = {str(link.readlink()) for link in (child / "fd").iterdir()}

        assert b"canary-8231" not in environ
        assert f"socket:[{os.fstat(inherited.fileno()).st_ino}]" not in links
        sandbox.close()


def test_closing_leaves_no_process() -> None:
    sandbox = Sandbox()
    sandbox.parse(WORDS, "text")
    child = nursery_of(sandbox)

    sandbox.close()

    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def test_an_entity_that_names_a_file_stays_empty(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("canary-4410")
    name = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    xml = (
        f'<!DOCTYPE d [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>'
        f'<w:document xmlns:w="{name}"><w:body><w:p><w:r><w:t>a &x; b</w:t></w:r></w:p>'
        "</w:body></w:document>"
    )

    blocks = sandbox.parse(make_docx(xml.encode()), "docx").blocks

    assert "canary-4410" not in " ".join(block.text for block in blocks)


@pytest.mark.parametrize(
    "attack",
    [
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import socket; socket.getaddrinfo('a.example', 80)",
        "import subprocess; subprocess.run(['true'])",
        "import os; os.system('true')",
        "import os; os.fork()",
        "open('/tmp/canary-of-tanya', 'w')",
        "import os; os.open('/tmp/canary-of-tanya', os.O_CREAT | os.O_WRONLY)",
        "import os; os.remove('/tmp/canary-of-tanya')",
        "import os; os.execv('/bin/true', ['true'])",
    ],
)
def test_a_parser_may_read_and_compute_and_nothing_else(attack: str) -> None:
    script = (
        "import sys\nfrom knowledge.sandbox_child import _limit\n"
        "_limit({'kind': 'text', 'cpu_seconds': 5, 'wall_seconds': 20,"
        " 'memory_bytes': 500000000, 'output_bytes': 1000000})\n"
        f"try:\n    exec({json.dumps(attack)})\n"
        "except PermissionError as exc:\n    sys.exit(7)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, timeout=60, check=False
    )

    assert done.returncode == 7
    assert not Path("/tmp/canary-of-tanya").exists()
