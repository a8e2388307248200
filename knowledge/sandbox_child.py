"""
The other side of the sandbox: a nursery that forks one child a document.

Started as `python -m knowledge.sandbox_child FD`. It waits for orders on a socket,
imports the parser a document needs, and forks; the child limits itself, parses,
writes JSON and ends. Only the standard library and the loaders are imported here.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
import sys
from pathlib import Path
from typing import NoReturn, TypedDict, cast

from knowledge.loaders.blocks import DocumentUnreadable, pack_extract
from knowledge.loaders.formats import Format
from knowledge.loaders.load import find_loader, load

# Exit codes of a child; everything else is a crash.
DONE, UNREADABLE, OUT_OF_MEMORY, TOO_MUCH_TEXT, BROKEN = 0, 10, 11, 12, 13
# An idle nursery goes away, with the memory its parsers hold.
IDLE_SECONDS = 60.0
_NEW_NETWORK_AND_USER = 0x40000000 | 0x10000000
_FORBIDDEN_EVENTS = (
    "socket.",
    "subprocess.",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.chmod",
    "os.chown",
    "os.link",
    "os.symlink",
    "os.truncate",
    "shutil.",
    "pty.",
    "ftplib.",
    "http.client.",
    "urllib.",
    "webbrowser.",
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Order(TypedDict):
    """What the parent asks for, beside the two files it hands over."""

    kind: Format
    cpu_seconds: int
    wall_seconds: int
    memory_bytes: int
    output_bytes: int


def main() -> None:
    """Serve orders until the parent is gone or idle time is over."""
    _leave_network()
    door = socket.socket(fileno=int(sys.argv[1]))
    door.settimeout(IDLE_SECONDS)
    while True:
        try:
            raw, files, _, _ = socket.recv_fds(door, 4096, 2)
        except TimeoutError:
            return
        if not raw:
            return
        order = cast("Order", json.loads(raw))
        status = _serve(order, files[0], files[1], door)
        for file in files:
            os.close(file)
        door.sendall(json.dumps({"status": status}).encode() + b"\n")


def _serve(order: Order, source: int, target: int, door: socket.socket) -> int:
    """Fork a child for one document and return its exit status."""
    find_loader(order["kind"])
    child = os.fork()
    if child == 0:
        door.close()
        _parse_and_exit(order, source, target)
    return os.waitpid(child, 0)[1]


def _parse_and_exit(order: Order, source: int, target: int) -> NoReturn:
    code = BROKEN
    try:
        _limit(order)
        with open(source, "rb", closefd=False) as file:
            content = file.read()
        code = _parse(content, order, target)
    except MemoryError:
        code = OUT_OF_MEMORY
    except OSError:
        code = TOO_MUCH_TEXT
    except BaseException:  # noqa: BLE001 - whatever a hostile file provokes ends here
        code = BROKEN
    finally:
        os._exit(code)


def _parse(content: bytes, order: Order, target: int) -> int:
    try:
        result = pack_extract(load(content, order["kind"]))
        code = DONE
    except DocumentUnreadable as exc:
        result = {"reason": str(exc)}
        code = UNREADABLE
    raw = json.dumps(result).encode()
    if len(raw) > order["output_bytes"]:
        return TOO_MUCH_TEXT
    view = memoryview(raw)
    while view:
        view = view[os.write(target, view) :]
    return code


def _limit(order: Order) -> None:
    signal.alarm(order["wall_seconds"])
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for what, value in (
        (resource.RLIMIT_CPU, order["cpu_seconds"]),
        (resource.RLIMIT_AS, _used_memory() + order["memory_bytes"]),
        (resource.RLIMIT_FSIZE, order["output_bytes"]),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(what)[1]
        limit = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (limit, limit))
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    """Let a parser read and compute, nothing else. Parsers in C are not seen here."""
    if event.startswith(_FORBIDDEN_EVENTS):
        raise PermissionError(event)
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING:
        raise PermissionError(event)


def _used_memory() -> int:
    """Return the address space in use, bytes; a guess where /proc is missing."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, ValueError):
        return 512_000_000
    return pages * resource.getpagesize()


def _leave_network() -> None:
    """Move to a namespace without a network, where the kernel allows it."""
    try:
        ctypes.CDLL(None).unshare(_NEW_NETWORK_AND_USER)
    except (OSError, AttributeError):
        return


if __name__ == "__main__":
    main()
