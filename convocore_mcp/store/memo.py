"""Answers that are kept until something changes, so that asking again costs nothing."""

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from cachetools import LRUCache

T = TypeVar("T")
MOST = 2_000
"""Answers kept: counts and sums, a few hundred bytes each."""


class Memo:
    """The newest answers by their questions, shared by threads.

    A question names everything that its answer depends on; so nothing here is ever out of date.
    """

    def __init__(self) -> None:
        self._answers: LRUCache[Hashable, Any] = LRUCache(MOST)
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
