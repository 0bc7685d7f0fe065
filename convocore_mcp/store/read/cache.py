"""Answers that are kept until something changes, so that asking again costs nothing."""

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from cachetools import LRUCache

T = TypeVar("T")


class AnswerCache:
    """The newest answers by their questions, shared by threads.

    A question names everything that its answer depends on; so nothing here is ever out of date.
    """

    def __init__(self, most: int) -> None:
        """`most` is how many are kept."""
        self._answers: LRUCache[Hashable, Any] = LRUCache(most)
        self._lock = threading.Lock()

    def answer(self, question: Hashable, work_out: Callable[[], T]) -> T:
        """The answer that is known, or else the one that `work_out` gives."""
        with self._lock:
            if question in self._answers:
                known: T = self._answers[question]
                return known
        found = work_out()
        with self._lock:
            self._answers[question] = found
        return found
