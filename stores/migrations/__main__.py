"""`python -m stores.migrations` brings the database of the settings up to date."""

from __future__ import annotations

import sys

from config import load_settings
from domain.errors import AppError
from stores.sql import Database


def main() -> int:
    """Migrate; return the exit status."""
    try:
        settings = load_settings()
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        database = Database(settings.sql_url)
        try:
            database.migrate()
        finally:
            database.close()
    except AppError as exc:
        sys.stderr.write(f"{exc.detail}\n")
        return 1
    print("The database is up to date.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
