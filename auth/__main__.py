"""`python -m auth TENANT` makes an API key; it is shown once and kept nowhere."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence

from auth.keys import digest_key, new_key


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a new key and its entry for a setting; exit status 2 on a bad tenant."""
    parser = argparse.ArgumentParser(prog="python -m auth", description=__doc__)
    parser.add_argument("tenant", help="letters, digits, '.', '_' or '-', at most 64")
    tenant = parser.parse_args(arguments).tenant
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", tenant):
        parser.error("the tenant must be 1 to 64 letters, digits, '.', '_' or '-'")
    key = new_key()
    print(f"key for the client (shown once): {key}")
    print(f"entry for API_KEYS, or DEVICE_KEYS of a kiosk: {tenant}:{digest_key(key)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
