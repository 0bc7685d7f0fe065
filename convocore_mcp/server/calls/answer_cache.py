"""A cache of answers: in the same state, the same question has the same answer."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")
MAX_ANSWERS = 64
"""Answers that are kept. Each takes at most 200 kB, as an object and as text together."""


class AnswerCache(Generic[T]):
    """Makes each answer once for each state, however many ask at the same time."""

    def __init__(self, *, keep: Callable[[T], bool]) -> None:
        """`keep` tells which answers may be given again."""
        self._keep = keep
        self._state: Hashable = None
        self._answers: dict[Hashable, asyncio.Future[T]] = {}

    async def get(self, state: Hashable, question: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """What `make` answers to `question`, or has answered in this state.

        `state` names everything that an answer depends on; `None` if that is about to change.
        If the caller that makes an answer fails or is cancelled, those that wait make it again.
        """
        if state is None:
            return await make()
        if state != self._state:
            self._state, self._answers = state, {}
        answers = self._answers
        if (made := answers.get(question)) is not None:
            await asyncio.wait([made])
            if not made.cancelled():
                return made.result()
        if len(answers) >= MAX_ANSWERS:
            return await make()
        return await self._make(answers, question, make)

    async def _make(
        self,
        answers: dict[Hashable, asyncio.Future[T]],
        question: Hashable,
        make: Callable[[], Awaitable[T]],
    ) -> T:
        made = answers[question] = asyncio.get_running_loop().create_future()
        try:
            answer = await make()
            made.set_result(answer)
        finally:
            if not (made.done() and self._keep(made.result())) and answers.get(question) is made:
                del answers[question]
            made.cancel()  # without an effect on a result: a waiting caller makes it again
        return answer
