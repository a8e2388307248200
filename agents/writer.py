"""What a chat model does in a turn: rewrite a follow-up, write the answer."""

from __future__ import annotations

import contextlib
import datetime
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

from agents.follow_ups import Understanding
from agents.grounding import AnswerChecker
from agents.prompting import build_answer_messages, build_rewrite_messages
from agents.selection import SELECTION_ID
from agents.upstream import ChatModel
from domain.conversations import Message
from domain.deadlines import Deadline
from domain.documents import Passage
from domain.errors import Unavailable, UpstreamError
from domain.turns import Question
from language.analysis import stems
from language.sentences import split_sentences

log = logging.getLogger(__name__)

_LONGEST_REWRITE = 400
_QUOTE_NEIGHBOURS = 1


class ModelWriter:
    """Asks *model*; it has no tools, and its text is checked before it is shown."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model

    async def rewrite(
        self,
        understanding: Understanding,
        history: Sequence[Message],
        *,
        deadline: Deadline,
    ) -> Understanding:
        """Return *understanding* with the model's wording, or as it was."""
        messages = build_rewrite_messages(
            understanding.text, history=history, language=understanding.language
        )
        try:
            text = await self._model.complete(messages, deadline=deadline)
        except (UpstreamError, Unavailable) as error:
            # The rules' wording is good enough to search by.
            log.info("rewrite_failed", extra={"code": error.code})
            return understanding
        line = " ".join(text.split()).strip("\"'“”")
        known = set(stems(understanding.standalone, understanding.language))
        if not 0 < len(line) <= _LONGEST_REWRITE or not known & set(
            stems(line, understanding.language)
        ):
            return understanding
        log.info("question_rewritten", extra={"private_rewrite": line})
        return replace(understanding, rewritten=line)

    async def write(
        self,
        question: Question,
        passages: Sequence[Passage],
        *,
        history: Sequence[Message],
        understanding: Understanding,
        deadline: Deadline,
        say: Callable[[str], None],
    ) -> AnswerChecker:
        """
        Stream an answer from *passages* through the checker, and return the checker.

        Args:
            question: As asked, with page and user.
            passages: Numbered from 1 as they come.
            history: Quoted to the model, bounded.
            understanding: Its language is that of the answer.
            deadline: Of the turn.
            say: Takes what may be shown, as it comes.

        Raises:
            AppError: The model failed.
        """
        if understanding.rewritten:
            both = f"{question.text} ({understanding.rewritten})"
            question = replace(question, text=both)
        messages = build_answer_messages(
            question,
            passages,
            history=history,
            language=understanding.language,
            selection=any(one.id == SELECTION_ID for one in passages),
            today=datetime.datetime.now(tz=datetime.UTC).date(),
        )
        checker = AnswerChecker(
            passages,
            question=understanding.standalone,
            language=understanding.language,
        )
        async with contextlib.aclosing(
            self._model.stream(messages, deadline=deadline)
        ) as pieces:
            async for piece in pieces:
                shown = checker.feed(piece)
                if shown:
                    say(shown)
        rest = checker.finish()
        if rest:
            say(rest)
        return checker


def find_quote(passage: Passage, sentence: str) -> str:
    """Return the words of *passage* that carry *sentence*: its closest sentence."""
    language = passage.language if passage.language in {"en", "id"} else "en"
    wanted = set(stems(sentence, language))
    sentences = [
        one.text
        for one in split_sentences(passage.text)
        if not any(flagged in one.text for flagged in passage.flagged)
    ]
    if not sentences:
        return ""
    return max(
        sentences, key=lambda text: len(wanted & set(stems(text, language)))
    ).strip()
