"""Clients of a campaign: they ask, try again with the same key, and remember."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import httpx

from tests.fakes.fault_stage import QUESTION, Guest, Stage

# Statuses after which the same key is sent again.
RETRIED = frozenset({409, 502, 503, 504})
# The longest that one turn may take before a campaign calls it lost.
PATIENCE_SECONDS = 90.0


@dataclass
class Promise:
    """A turn that was answered with 200: from then on it must not be lost."""

    conversation: str
    question: str
    message_id: str
    tries: int
    seconds: float


@dataclass
class Report:
    """What happened, filled by many threads."""

    promises: list[Promise] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    gapped: set[str] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def promise(self, promise: Promise) -> None:
        """Note an answered turn."""
        with self._lock:
            self.promises.append(promise)
            self.outcomes["200"] += 1

    def outcome(self, kind: str) -> None:
        """Count an attempt that was not answered with 200."""
        with self._lock:
            self.outcomes[kind] += 1

    def fault(self, what: str) -> None:
        """Note something that must not happen."""
        with self._lock:
            self.faults.append(what)

    def gap(self, conversation: str) -> None:
        """Note that the loss of earlier turns was said."""
        with self._lock:
            self.gapped.add(conversation)

    @property
    def gaps(self) -> int:
        """Conversations of which a loss was said."""
        return len(self.gapped)

    @property
    def retried(self) -> int:
        """Turns that needed more than one attempt."""
        return sum(one.tries > 1 for one in self.promises)


class Asker(threading.Thread):
    """
    One client with some conversations; asks until it is told to stop.

    Args:
        pause: Seconds between two turns, at most.
        shared: Conversations that others ask in as well, instead of its own.
    """

    def __init__(
        self,
        stage: Stage,
        report: Report,
        *,
        name: str,
        stop: threading.Event,
        conversations: int = 3,
        pause: float = 0.02,
        seed: int = 0,
        shared: Sequence[str] = (),
    ) -> None:
        super().__init__(daemon=True, name=name)
        self._stage = stage
        self._report = report
        self._stop_asking = stop
        own = [f"{name}-{number}" for number in range(conversations)]
        self._names = list(shared) or own
        self._pause = pause
        self._random = random.Random(f"{seed}/{name}")
        self._turn = 0

    def run(self) -> None:
        """Ask turn after turn; each is seen through."""
        while not self._stop_asking.is_set():
            conversation = self._random.choice(self._names)
            self._turn += 1
            question = f"{QUESTION} Nomor {self._turn} ({self.name})."
            self._see_through(conversation, question)
            time.sleep(self._random.uniform(0, self._pause))

    def _see_through(self, conversation: str, question: str) -> None:
        key = uuid.uuid4().hex
        began = time.monotonic()
        tries = 0
        while time.monotonic() - began < PATIENCE_SECONDS:
            tries += 1
            outcome = self._once(conversation, question, key)
            if outcome is not None:
                seconds = time.monotonic() - began
                self._report.promise(
                    Promise(conversation, question, outcome, tries, seconds)
                )
                return
            time.sleep(self._random.uniform(0.05, 0.3))
        self._report.fault(f"{conversation}: never answered after {tries} tries")

    def _once(self, conversation: str, question: str, key: str) -> str | None:
        try:
            with Guest(self._stage.service, timeout=30) as guest:
                reply = guest.ask(conversation, question, key=key)
        except httpx.TransportError as exc:
            self._report.outcome(type(exc).__name__)
            return None
        if reply.status_code == 200:
            body = reply.json()
            if "history_gap" in body["degraded"]:
                self._report.gap(conversation)
            return str(body["message_id"])
        code = reply.json().get("code", "?")
        self._report.outcome(f"{reply.status_code} {code}")
        if reply.status_code not in RETRIED:
            self._report.fault(f"{conversation}: {reply.status_code} {code}")
        return None


def check_conversations(stage: Stage, report: Report, *, ordered: bool = True) -> None:
    """
    Compare what is stored with what was promised; faults go into the report.

    A turn may be missing only where its loss was said.

    Args:
        ordered: One client a conversation: its turns are stored as they were answered.
    """
    promised: dict[str, list[Promise]] = {}
    for one in report.promises:
        promised.setdefault(one.conversation, []).append(one)
    with stage.guest() as guest:
        for conversation, wanted in promised.items():
            messages = guest.messages(conversation)
            roles = [one["role"] for one in messages]
            if roles != ["user", "assistant"] * (len(messages) // 2):
                report.fault(f"{conversation}: half turns: {roles}")
            stored = [
                (question["text"], answer["id"])
                for question, answer in zip(messages[::2], messages[1::2], strict=False)
            ]
            told = [(one.question, one.message_id) for one in wanted]
            _compare(conversation, told, stored, report)
            if ordered and sorted(told) == sorted(stored) and told != stored:
                report.fault(f"{conversation}: out of order")


def _compare(
    conversation: str,
    told: list[tuple[str, str]],
    stored: list[tuple[str, str]],
    report: Report,
) -> None:
    counts = Counter(question for question, _ in stored)
    for question, times in counts.items():
        if times > 1:
            report.fault(f"{conversation}: {question!r} is there {times} times")
    for missing in [one for one in told if one not in stored]:
        if conversation in report.gapped:
            continue
        report.fault(f"{conversation}: lost {missing}")
    for extra in [one for one in stored if one not in told]:
        report.fault(f"{conversation}: never promised {extra}")
