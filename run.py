"""
Everything in the foreground: the service, the web chat, the sample documents.

`make run` executes this after its set-up. Ctrl-C or SIGTERM ends all of it, the
embedded Redis included; what was stored stays in the data folder.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys

import httpx

from config import ROOT, load_settings
from domain.errors import AppError, ConfigurationError
from launcher.children import Children
from launcher.plan import Plan, hold_folder, make_plan
from stores.embedded_redis import EmbeddedRedis

SAMPLES = ROOT / "samples" / "documents"

# A first start compiles byte code; on a slow disk that takes most of this.
START_SECONDS = 90.0

QUESTIONS = (
    ("Indonesian", "Kapan ULS berdiri?"),
    ("English", "When is the application window for the Written Test Route?"),
)


def main() -> int:
    """Run until told to stop; the exit status says how it ended."""
    children = Children()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: children.tell_to_stop())
    os.chdir(ROOT)
    try:
        plan = make_plan(load_settings(), os.environ)
        with hold_folder(plan.data_dir):
            return _run(plan, children)
    except ConfigurationError as exc:
        sys.stderr.write(f"{exc.detail}\n")
        return 2


def _run(plan: Plan, children: Children) -> int:
    redis = EmbeddedRedis(plan.data_dir / "redis", server_bin=plan.redis_server_bin)
    # A server that is there already may belong to a service started by other means;
    # whoever gets hold of the documents in the data folder owns it.
    ours = not redis.running()
    try:
        status, ready = serve(plan, children)
        ours = ours or ready
        return status
    finally:
        if children.stopping.is_set():
            say("Stopping ...")
        children.stop()
        if plan.embedded_redis and ours:
            _stop_redis(redis)


def _stop_redis(redis: EmbeddedRedis) -> None:
    try:
        redis.stop()
    except AppError as exc:
        say(exc.detail)


def serve(plan: Plan, children: Children) -> tuple[int, bool]:
    """
    Start everything and stay until something ends or we are told to stop.

    Returns:
        The exit status, and whether the service was ready once.
    """
    # Until everything runs, a person looks for progress, not for log lines.
    children.hushed.set()
    say("Starting ...")
    gunicorn = ["-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"]
    children.start("The service", gunicorn, environ=plan.environ)
    # Its warnings come over standard error; what it prints is a banner of its own.
    chat = ["streamlit.py", "--logger.level", "warning", "--server.headless", "true"]
    children.start("The web chat", chat, environ=plan.environ, silent=True)
    if not children.wait_for(
        lambda: _answers(f"{plan.service_url}/ready"), seconds=START_SECONDS
    ):
        return _explain(children, f"The service is not ready: {_reasons(plan)}."), False
    _add_samples(plan, children)
    if not children.wait_for(
        lambda: _answers(f"{plan.ui_url}/_stcore/health"), seconds=START_SECONDS
    ):
        return _explain(children, "The web chat does not answer."), True
    say(describe(plan))
    children.hushed.clear()
    while not children.find_ended():
        if children.stopping.wait(0.5):
            return 0, True
    return _explain(children, "Something ended."), True


def _explain(children: Children, sentence: str) -> int:
    """Say why nothing goes on, and return an exit status that says so too."""
    if children.stopping.is_set():
        return 0
    if ended := children.find_ended():
        name, status = ended
        children.hear_out()
        say(f"{name} ended with status {status}; its last lines are above.")
        return status if status > 0 else 1
    say(sentence)
    return 1


def _add_samples(plan: Plan, children: Children) -> None:
    """Add them once: a sample that somebody deletes stays deleted."""
    marker = plan.data_dir / "samples-added"
    if marker.exists() or not SAMPLES.is_dir():
        return
    if plan.key is None:
        say("No sample documents: API_KEYS names the tenants of this deployment.")
        return
    say("Adding the sample documents ...")
    status = children.run(
        ["-m", "knowledge", "add", str(SAMPLES)],
        environ={**plan.environ, "API_KEY": plan.samples_key},
    )
    if status == 0:
        marker.touch(mode=0o600)
    elif status is not None:
        say(
            f"Some sample documents could not be added (status {status});"
            " the next start tries again."
        )


def describe(plan: Plan) -> str:
    """Return the block that is printed when everything runs."""
    lines = [
        "",
        f"  Web chat   {plan.ui_url}",
        f"  Microphone {plan.service_url}/voice",
        f"  Service    {plan.service_url}/v1/chat",
        f"  API page   {plan.service_url}/docs",
    ]
    if plan.key is None:
        lines.append("  API key    one of those whose digests are in API_KEYS")
    else:
        lines.append(f"  API key    {plan.key}")
    lines.append(
        f"  Limit      {plan.rate_limit_per_hour} requests an hour for each key, the"
        " web chat included (RATE_LIMIT_PER_HOUR)"
    )
    for language, question in QUESTIONS:
        lines += ["", f"  Ask in {language}:", curl_line(plan, question)]
    lines += [
        "",
        f"  The same conversation: {plan.ui_url}/?conversation=demo",
        "  Ctrl-C ends everything; conversations and documents stay.",
        "",
    ]
    return "\n".join(lines)


def curl_line(plan: Plan, question: str) -> str:
    """Return a line for bash that asks *question* in the conversation `demo`."""
    header = shlex.quote(f"X-API-Key: {plan.key or 'YOUR-KEY'}")
    body = shlex.quote(json.dumps({"message": question}, ensure_ascii=False))
    return (
        f"curl -sS {plan.service_url}/v1/chat -H {header}"
        " -H 'X-Conversation-Id: demo' -H 'Content-Type: application/json'"
        f" -d {body}"
    )


def say(text: str) -> None:
    """Write *text* for the person at the terminal."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _get(url: str) -> httpx.Response | None:
    try:
        # A proxy of the environment has no business between programs of one machine.
        return httpx.get(url, timeout=2.0, trust_env=False)
    except httpx.HTTPError:
        return None


def _answers(url: str) -> bool:
    response = _get(url)
    return response is not None and response.is_success


def _reasons(plan: Plan) -> str:
    response = _get(f"{plan.service_url}/ready")
    if response is None:
        return "it does not answer"
    try:
        return ", ".join(map(str, response.json()["reasons"]))
    except (ValueError, KeyError, TypeError):
        return f"it answers {response.status_code}"


if __name__ == "__main__":
    sys.exit(main())
