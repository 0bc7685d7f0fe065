"""Random choices that can be repeated: each is a function of the seed and a number."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

Choice = TypeVar("Choice")

_MASK: Final = (1 << 64) - 1
_STEP: Final = 0x9E3779B97F4A7C15


def hash64(seed: int, number: int) -> int:
    """Hash `number` to 64 bits (splitmix64); cheaper than a `SeededRandom` for one decision."""
    x = (number * _STEP + seed * 0xD1342543DE82EF95 + _STEP) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)


class SeededRandom:
    """A sequence of random choices for one row or one person, the same on every machine."""

    __slots__ = ("_random",)

    def __init__(self, seed: int, number: int) -> None:
        self._random = Random(hash64(seed, number)).random

    def chance(self, percent: float) -> bool:
        """True with a probability of `percent` per cent."""
        return self._random() * 100 < percent

    def below(self, bound: int) -> int:
        """A number from 0 to `bound - 1`."""
        return int(self._random() * bound)

    def between(self, low: int, high: int) -> int:
        """A number from `low` to `high`, both included."""
        return low + int(self._random() * (high - low + 1))

    def pick(self, choices: Sequence[Choice]) -> Choice:
        """One of `choices`; an entry that occurs twice is picked twice as often."""
        return choices[int(self._random() * len(choices))]
