"""`python -m knowledge`: documents by command line."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from config import Settings, load_settings
from domain.errors import AppError, ConfigurationError
from knowledge import curated
from knowledge.commands import (
    add,
    export,
    list_documents,
    reindex,
    remove,
    search,
    show,
)
from knowledge.desk import Desk, DeskError, LocalDesk

if TYPE_CHECKING:
    from knowledge.shelf import Shelf

FINE, SOME_FAILED, USAGE = 0, 1, 2


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m knowledge",
        description="Take documents in, look at them, remove them.",
        epilog="Exit status: 0 all fine, 1 something failed, 2 wrong usage or setting.",
    )
    parser.add_argument("--tenant", default="default", help="owner of the documents")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    adding = commands.add_parser("add", help="take files and folders in")
    adding.add_argument("paths", nargs="+", metavar="PATH", type=Path)
    adding.add_argument("--title", help="title of a single document")
    adding.add_argument("--url", help="where readers find a single document")
    adding.add_argument("--language", choices=("en", "id"), help="default: detected")
    adding.set_defaults(run=add)
    listing = commands.add_parser("list", help="list documents, newest first")
    listing.set_defaults(run=list_documents)
    showing = commands.add_parser("show", help="show a document and its passages")
    showing.add_argument("id", metavar="ID")
    showing.set_defaults(run=show)
    removing = commands.add_parser("remove", help="remove documents by id or path")
    removing.add_argument("targets", nargs="+", metavar="ID|PATH")
    removing.set_defaults(run=remove)
    searching = commands.add_parser("search", help="find passages for a question")
    searching.add_argument("question")
    searching.add_argument("--limit", type=int, default=5, help="passages, 1 to 50")
    searching.set_defaults(run=search)
    again = commands.add_parser(
        "reindex", help="write all passages anew, after a change of embedding model"
    )
    again.set_defaults(run=reindex)
    exporting = commands.add_parser("export", help="print everything as JSON lines")
    exporting.set_defaults(run=export)
    curating = commands.add_parser(
        "curated", help="answers that people wrote: add, list, remove"
    )
    curated.describe(curating)
    commands.add_parser("work", help="work on documents that others hand in, for ever")
    for command in commands.choices.values():
        command.add_argument(
            "--tenant", default=argparse.SUPPRESS, help=argparse.SUPPRESS
        )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    parsed = build_parser().parse_args(arguments)
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    try:
        settings = load_settings()
        if parsed.command == "work":
            return _work(settings)
        if parsed.command == "curated":
            return _curate(settings, parsed)
        desk = open_desk(settings, tenant=parsed.tenant)
    except (ConfigurationError, DeskError) as exc:
        sys.stderr.write(f"{exc}\n")
        return USAGE
    except AppError as exc:
        sys.stderr.write(f"{exc.detail}\n")
        return SOME_FAILED
    try:
        return _run(parsed, desk)
    finally:
        desk.close()


def _run(parsed: argparse.Namespace, desk: Desk) -> int:
    run: Callable[[Desk, argparse.Namespace], int] = parsed.run
    try:
        return run(desk, parsed)
    except DeskError as exc:
        sys.stderr.write(f"{exc}\n")
    except BrokenPipeError:
        # The reader of our output has seen enough, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FINE
    except KeyboardInterrupt:
        sys.stderr.write("Stopped; what waits is taken in at the next start.\n")
    return SOME_FAILED


def open_desk(settings: Settings, *, tenant: str) -> Desk:
    """
    Return the stores themselves, or the service that owns them.

    Raises:
        ConfigurationError: Neither can be had.
    """
    if settings.service_url is not None and settings.embedded_vectors:
        return _service_desk(settings, settings.own_url, tenant)
    # Imported here: help and mistakes in the arguments answer at once.
    from app import build_library  # noqa: PLC0415

    shelf = build_library(settings)
    try:
        shelf.open()
    except ConfigurationError:
        shelf.shut()
        url = _find_service(settings) if settings.embedded_vectors else None
        if url is not None:
            return _service_desk(settings, url, tenant)
        raise
    return _local_desk(shelf, tenant)


def _local_desk(shelf: Shelf, tenant: str) -> LocalDesk:
    from knowledge.search import PassageSearch  # noqa: PLC0415

    finder = PassageSearch(shelf.passages)
    return LocalDesk(
        shelf.library,
        tenant=tenant,
        search=finder.search_now,
        help_out=lambda: None,
        shut=shelf.shut,
    )


def _find_service(settings: Settings) -> str | None:
    """Return where the service that owns the store answers, or None."""
    from knowledge.client import is_serving  # noqa: PLC0415

    candidates = [settings.own_url]
    with contextlib.suppress(OSError):
        # Left there by the service, whatever port it took.
        candidates.insert(0, (settings.data_dir / "service_url").read_text().strip())
    return next((url for url in candidates if url and is_serving(url)), None)


def _service_desk(settings: Settings, url: str, tenant: str) -> Desk:
    from auth.keys import load_or_make_key  # noqa: PLC0415
    from knowledge.client import connect  # noqa: PLC0415

    if tenant != "default":
        raise ConfigurationError(
            "--tenant: the running service knows the tenant by the key in API_KEY"
        )
    if settings.api_key is not None:
        key = settings.api_key.get_secret_value()
    elif settings.api_keys:
        raise ConfigurationError(
            "API_KEY: API_KEYS holds digests only; set a key to speak to the service"
        )
    else:
        key = load_or_make_key(settings.data_dir / "api_key")
    return connect(url, key)


def _curate(settings: Settings, parsed: argparse.Namespace) -> int:
    """Work on the curated answers; a running service sees them within seconds."""
    from stores.curated import SQLCuratedAnswers  # noqa: PLC0415
    from stores.sql import Database  # noqa: PLC0415

    database = Database(settings.sql_url)
    try:
        database.migrate()
        return curated.run(SQLCuratedAnswers(database), parsed)
    finally:
        database.close()


def _work(settings: Settings) -> int:
    """Work on the shared queue until a signal comes."""
    from app import build_library  # noqa: PLC0415
    from knowledge.jobs_redis import RedisQueue  # noqa: PLC0415
    from utils.logging_config import configure_logging  # noqa: PLC0415

    # It runs like the service, unwatched; the other commands talk to a person.
    configure_logging(settings)
    shelf = build_library(settings)
    queue = shelf.jobs
    if not isinstance(queue, RedisQueue):
        raise ConfigurationError(
            "`work` needs a Redis server (REDIS_URL) and a Qdrant server (QDRANT_URL);"
            " without them the service works on its documents itself"
        )
    shelf.open()
    try:
        queue.work_forever(shelf.library.work, shelf.library.give_up)
    finally:
        shelf.shut()
    return FINE


if __name__ == "__main__":
    sys.exit(main())
