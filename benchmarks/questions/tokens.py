"""The size of a text in tokens of o200k; the vocabulary comes with the library."""

import json
from functools import cache
from typing import Any

import bpe_openai


@cache
def _vocabulary() -> Any:
    return bpe_openai.get_encoding("o200k_base")


def tokens(*texts: str) -> int:
    """The tokens of all texts together; special tokens count as text."""
    return sum(len(_vocabulary().encode_ordinary(text)) for text in texts)


def written(arguments: object) -> str:
    """Arguments as a model writes them: compact JSON."""
    return json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
