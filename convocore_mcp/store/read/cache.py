"""A cache of answers, so that asking again costs nothing while nothing has changed."""

import threading
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from cachetools import LRUCache

T = TypeVar("T")


class ResultCache:
    """The most recently used answers, shared by threads.

    A key names everything that its answer depends on, so no entry is ever out of date.
    """

    def __init__(self, size: int) -> None:
        """`size` is the number of answers kept."""
        self._answers: LRUCache[Hashable, Any] = LRUCache(size)
        self._lock = threading.Lock()

    def get(self, key: Hashable, compute: Callable[[], T]) -> T:
        """The cached answer, or else what `compute` returns."""
        with self._lock:
            if key in self._answers:
                cached: T = self._answers[key]
                return cached
        answer = compute()
        with self._lock:
            self._answers[key] = answer
        return answer
