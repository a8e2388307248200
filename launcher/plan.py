"""Which ports, which keys, which folder: decided before anything is started."""

from __future__ import annotations

import fcntl
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from auth.keys import digest_key, load_or_make_key, new_key
from config import ROOT, Settings
from domain.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Plan:
    """
    What is started, and how one reaches it.

    Attributes:
        key: API key of the callers; None when only digests are configured.
        samples_key: Key the sample documents are added with, known to nobody else:
            they take nothing from the hourly allowance of `key`.
        environ: Environment of the children.
    """

    host: str
    port: int
    ui_port: int
    data_dir: Path
    embedded_redis: bool
    redis_server_bin: Path | None
    rate_limit_per_hour: int
    key: str | None
    samples_key: str
    environ: Mapping[str, str]

    @property
    def service_url(self) -> str:
        """Where the service is found from this machine."""
        return f"http://{_reachable(self.host)}:{self.port}"

    @property
    def ui_url(self) -> str:
        """Where the web chat is found from this machine."""
        return f"http://{_reachable(self.host)}:{self.ui_port}"


def make_plan(settings: Settings, environ: Mapping[str, str]) -> Plan:
    """
    Decide ports and keys, and make the data folder.

    Raises:
        ConfigurationError: A port is taken, or the folder cannot be used.
    """
    data_dir = (ROOT / settings.data_dir).resolve()
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        reason = exc.strerror or "it cannot be made"
        raise ConfigurationError(f"DATA_DIR: {reason}") from None
    port = choose_port(settings.host, settings.port, name="PORT")
    ui_port = choose_port(settings.host, settings.ui_port, name="UI_PORT")
    while port == ui_port and settings.ui_port == 0:
        ui_port = choose_port(settings.host, 0, name="UI_PORT")
    if port == ui_port:
        raise ConfigurationError("UI_PORT: must differ from PORT")
    key = settings.api_key.get_secret_value() if settings.api_key else None
    if key is None and not settings.api_keys:
        key = load_or_make_key(data_dir / "api_key")
    samples_key = new_key()
    digests = [settings.api_keys.strip(" ,"), f"default:{digest_key(samples_key)}"]
    children = {
        "PORT": str(port),
        "UI_PORT": str(ui_port),
        "SERVICE_URL": f"http://{_reachable(settings.host)}:{port}",
        "DATA_DIR": str(data_dir),
        "API_KEYS": ",".join(filter(None, digests)),
        "PYTHONUNBUFFERED": "1",
    }
    if key:
        children["API_KEY"] = key
    if "log_format" not in settings.model_fields_set:
        children["LOG_FORMAT"] = "text"
    return Plan(
        host=settings.host,
        port=port,
        ui_port=ui_port,
        data_dir=data_dir,
        embedded_redis=settings.embedded_redis,
        redis_server_bin=settings.redis_server_bin,
        rate_limit_per_hour=settings.rate_limit_per_hour,
        key=key,
        samples_key=samples_key,
        environ={**environ, **children},
    )


def choose_port(host: str, port: int, *, name: str) -> int:
    """
    Return *port* when it is free, or any free one for 0.

    Raises:
        ConfigurationError: Somebody listens there, or this user may not.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # As the servers do: a connection that was closed a minute ago is no owner.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            return int(probe.getsockname()[1])
    except PermissionError:
        reason = f"this user may not listen on {port}; choose one above 1023"
    except socket.gaierror:
        raise ConfigurationError("HOST: is no address of this machine") from None
    except OSError:
        reason = (
            f"{port} is taken by another program, perhaps by an earlier start;"
            f" end that, or choose another one: {name}=0 make run takes a free one"
        )
    raise ConfigurationError(f"{name}: {reason}")


@contextmanager
def hold_folder(data_dir: Path) -> Iterator[None]:
    """Hold the data folder against a second start."""
    with (data_dir / "run.lock").open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(
                "DATA_DIR: another `make run` uses this folder; end that first"
            ) from None
        yield


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in {"", "0.0.0.0", "::"} else host  # noqa: S104
