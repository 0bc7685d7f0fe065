"""The size of a text in tokens of o200k; the vocabulary comes with the library."""

import json
from functools import cache
from typing import Any


@cache
def vocabulary() -> Any:
    """The vocabulary o200k."""
    import bpe_openai  # noqa: PLC0415  it reads three vocabularies, which takes most of a second

    return bpe_openai.get_encoding("o200k_base")


def tokens(*texts: str) -> int:
    """The tokens of all texts together; special tokens count as text."""
    return sum(len(vocabulary().encode_ordinary(text)) for text in texts)


def compact_json(arguments: object) -> str:
    """Arguments as a model writes them: compact JSON."""
    return json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
