"""What a text costs a model to read, in tokens of o200k (the vocabulary is in its wheel)."""

import json
from functools import cache
from typing import Any

import bpe_openai


@cache
def _vocabulary() -> Any:
    return bpe_openai.get_encoding("o200k_base")


def tokens(*texts: str) -> int:
    """How many tokens these texts are together; what looks like a special token is text."""
    return sum(len(_vocabulary().encode_ordinary(text)) for text in texts)


def written(arguments: object) -> str:
    """Arguments as a model writes them."""
    return json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
