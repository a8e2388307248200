"""
The child's end of `speech.workers`: limits first, then one request after the other.

Engines are imported when their first request comes, so a decoder never loads a
recogniser.
"""

from __future__ import annotations

import json
import os
import resource
import struct
import sys
from collections.abc import Callable, Mapping
from typing import BinaryIO

from domain.errors import AppError

# A typed turn must not wait for a recording; what listens takes what is left.
NICENESS = 5

Reply = tuple[Mapping[str, object], bytes]
Handler = Callable[[Mapping[str, object], bytes], Reply]


def limit_process(*, memory_mb: int) -> None:
    """Bound memory, files and core dumps of this process for good."""
    memory = memory_mb * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))


def serve(handlers: Mapping[str, Handler], stdin: BinaryIO, stdout: BinaryIO) -> None:
    """Answer requests until the other end closes."""
    while len(prefix := stdin.read(4)) == 4:
        request = json.loads(stdin.read(struct.unpack(">I", prefix)[0]))
        payload = stdin.read(request["bytes"])
        reply, body = _answer(handlers, request, payload)
        header = json.dumps({**reply, "bytes": len(body)}).encode()
        stdout.write(struct.pack(">I", len(header)) + header + body)
        stdout.flush()


def _answer(
    handlers: Mapping[str, Handler], request: Mapping[str, object], payload: bytes
) -> Reply:
    try:
        return handlers[str(request["op"])](request, payload)
    except AppError as exc:
        return {"error": exc.code, "detail": exc.detail}, b""
    except MemoryError:
        return {"error": "audio_unreadable"}, b""


def own_stdout() -> BinaryIO:
    """
    Return the pipe to the parent and point file descriptor 1 at nothing.

    C libraries print to descriptor 1 and would break a frame.
    """
    pipe = os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123 - a device, not a path
        os.dup2(nothing.fileno(), 1)
    return pipe


def main(handlers: Mapping[str, Handler]) -> None:
    """Run a child with the options of its first argument."""
    stdout = own_stdout()
    options = json.loads(sys.argv[1])
    limit_process(memory_mb=int(options["memory_mb"]))
    os.nice(NICENESS)
    serve(handlers, sys.stdin.buffer, stdout)
