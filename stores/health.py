"""What is known of the parts, kept by the parts themselves; no questions asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from domain.conversations import StateMode

COMPONENTS = ("qdrant", "database", "model", "speech_to_text", "text_to_speech")


class HealthBoard:
    """
    Collects what each part last said of itself.

    Args:
        state: Returns how conversations are kept now, without I/O.
        parts: By component, returns its state without I/O; a missing one is `off`.
    """

    def __init__(
        self,
        *,
        state: Callable[[], StateMode],
        parts: Mapping[str, Callable[[], str]],
    ) -> None:
        self._state = state
        self._parts = dict(parts)
        self._checks: list[Callable[[], str | None]] = []

    def watch(self, check: Callable[[], str | None]) -> None:
        """Ask *check* too why a turn could not be taken; None: it could."""
        self._checks.append(check)

    def components(self) -> Mapping[str, str]:
        """Return the state of each component, `off` when nobody speaks for it."""
        return {
            name: self._parts[name]() if name in self._parts else "off"
            for name in COMPONENTS
        }

    def state(self) -> StateMode:
        """Return how conversations are kept at this moment."""
        return self._state()

    def not_ready_reasons(self) -> Sequence[str]:
        """Return why a turn could not be taken now."""
        reasons = []
        if self._state() == "unavailable":
            reasons.append("state_unavailable")
        reasons += filter(None, (check() for check in self._checks))
        return reasons
