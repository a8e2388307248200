"""Keys of programs and devices: random, known by their SHA-256, several a tenant."""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

from domain.callers import Caller, CallerKind
from domain.errors import ConfigurationError

# 256 random bits: no slow hash is needed to keep a stolen digest from being reversed.
_KEY_BYTES = 32
# Lets scanners for leaked secrets, and people, recognise one.
_KEY_PREFIX = "tanya_"
_KEY_ID_DIGITS = 12
_ENTRY = re.compile(r"([A-Za-z0-9._-]{1,64}):([0-9a-fA-F]{64})")


def new_key() -> str:
    """Return a new random key of 256 bits, 49 characters that need no quoting."""
    return _KEY_PREFIX + secrets.token_urlsafe(_KEY_BYTES)


def digest_key(key: str) -> str:
    """Return the SHA-256 of *key* in hex; any text has one."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def parse_entries(text: str, *, setting: str = "API_KEYS") -> list[tuple[str, str]]:
    """
    Return tenants and digests of `tenant:sha256hex[,tenant:sha256hex...]`.

    Raises:
        ConfigurationError: An entry has another form; the message names *setting*.
    """
    entries = []
    for part in filter(None, map(str.strip, text.split(","))):
        found = _ENTRY.fullmatch(part)
        if found is None:
            raise ConfigurationError(
                f"{setting}: must be tenant:sha256hex, comma separated"
            )
        entries.append((found[1], found[2].lower()))
    return entries


class APIKeys:
    """
    The keys of all tenants; only their digests are held.

    Args:
        entries: Tenant and SHA-256 in hex, any number of keys for a tenant.
        devices: The same for keys that may only speak and listen.

    Raises:
        ConfigurationError: An entry is malformed, or a key has two owners.
    """

    def __init__(
        self,
        entries: Sequence[tuple[str, str]],
        *,
        devices: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._programs = _callers_of(entries, "program")
        self._devices = _callers_of(devices, "device")
        if self._programs.keys() & self._devices.keys():
            raise ConfigurationError("DEVICE_KEYS: one key is also in API_KEYS")

    def find_caller(self, key: str) -> Caller | None:
        """
        Return the program of *key*; the time taken tells nothing about the keys.

        A device is not found here, so that a door which does not ask for devices has
        none.
        """
        return _find(self._programs, key)

    def find_device(self, key: str) -> Caller | None:
        """Return the device of *key*, likewise."""
        return _find(self._devices, key)


def _callers_of(
    entries: Sequence[tuple[str, str]], kind: CallerKind
) -> dict[bytes, Caller]:
    setting = "DEVICE_KEYS" if kind == "device" else "API_KEYS"
    owners: dict[bytes, Caller] = {}
    for tenant, digest in entries:
        if not _ENTRY.fullmatch(f"{tenant}:{digest}"):
            raise ConfigurationError(f"{setting}: a tenant or a digest is malformed")
        caller = Caller(tenant, digest.lower()[:_KEY_ID_DIGITS], kind=kind)
        if owners.setdefault(bytes.fromhex(digest), caller) != caller:
            raise ConfigurationError(f"{setting}: one key belongs to two tenants")
    return owners


def _find(callers: Mapping[bytes, Caller], key: str) -> Caller | None:
    asked = bytes.fromhex(digest_key(key))
    found: Caller | None = None
    for digest, caller in callers.items():
        if hmac.compare_digest(digest, asked):
            found = caller
    return found


def load_or_make_key(path: Path) -> str:
    """
    Return the key kept in *path*, made on the first call, readable by this user only.

    Processes that call it together get the same key.

    Raises:
        ConfigurationError: The file holds something else, or cannot be used.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError:
        raise ConfigurationError("DATA_DIR: the key file cannot be opened") from None
    with os.fdopen(descriptor, "r+", encoding="utf-8", errors="replace") as file:
        # The lock makes "empty, so write" one step; a crash in between leaves an empty
        # file, which the next caller fills.
        fcntl.flock(file, fcntl.LOCK_EX)
        os.fchmod(descriptor, 0o600)
        key = file.read().strip()
        if not key:
            key = new_key()
            file.seek(0)
            file.write(key + "\n")
            file.flush()
            os.fsync(descriptor)
    if not re.fullmatch(r"[\x21-\x7e]{16,256}", key):
        raise ConfigurationError("DATA_DIR: the key file is damaged; remove it")
    return key
