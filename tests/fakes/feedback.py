"""A `FeedbackStore` in memory."""

from __future__ import annotations

from domain.conversations import Feedback


class MemoryFeedback:
    """Keeps opinions and counts refused questions."""

    def __init__(self) -> None:
        self._opinions: dict[tuple[str, str, str], Feedback] = {}
        self._questions: dict[tuple[str, str], tuple[str, int]] = {}

    def add_feedback(self, feedback: Feedback) -> None:
        """Keep it; see `FeedbackStore`."""
        key = feedback.tenant, feedback.conversation_id, feedback.message_id
        self._opinions[key] = feedback

    def add_unanswered(
        self, tenant: str, question: str, *, language: str, asked_at: float
    ) -> None:
        """Count it; see `FeedbackStore`."""
        del language, asked_at
        key = tenant, " ".join(question.casefold().split()).rstrip("?!. ")
        first, times = self._questions.get(key, (question, 0))
        self._questions[key] = first, times + 1

    def forget_conversation(self, tenant: str, conversation_id: str) -> None:
        """Remove its feedback; see `FeedbackStore`."""
        self._opinions = {
            key: kept
            for key, kept in self._opinions.items()
            if key[:2] != (tenant, conversation_id)
        }

    def list_feedback(self, tenant: str, *, limit: int = 100) -> list[Feedback]:
        """Return the newest opinions of a tenant."""
        mine = [kept for key, kept in self._opinions.items() if key[0] == tenant]
        return sorted(mine, key=lambda kept: -kept.created_at)[:limit]

    def count_unanswered(self, tenant: str) -> dict[str, int]:
        """Return refused questions, as first spelled, and how often they came."""
        return {
            first: times
            for (owner, _), (first, times) in self._questions.items()
            if owner == tenant
        }
