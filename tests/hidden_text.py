"""What is hidden in a text, by the properties of the library `regex`: an oracle apart from ours."""

import unicodedata

import regex

_VALID = regex.compile(
    r"""\U0001f3f4(?:\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063
          \U000e0074|\U000e0077\U000e006c\U000e0073))\U000e007f
      | (?:\p{Emoji}\ufe0f?\p{Emoji_Modifier}?)(?:\u200d\p{Emoji}\ufe0f?\p{Emoji_Modifier}?)+
      | [\p{Emoji}--[0-9\#*]][\ufe0e\ufe0f] | [0-9\#*]\ufe0f(?=\u20e3)
      | [\p{Arabic}\p{Syriac}\p{Mongolian}\p{Nko}\p{Adlam}\p{Phags_Pa}]\p{Mn}*[\u200c\u200d]
      | (?<=[^\u200c\u200d\u200b]|^)[\u200c\u200d](?=[\p{Arabic}\p{Syriac}\p{Mongolian}\p{Nko}])
      | \p{Canonical_Combining_Class=9}[\u200c\u200d]
      | (?<=[^\u200c\u200d\u200b]|^)[\u200c\u200d](?=\p{Canonical_Combining_Class=9})
      | \p{Line_Break=SA}\u200b | (?<=[^\u200b-\u200d]|^)\u200b(?=\p{Line_Break=SA})
      | \p{Unified_Ideograph}[\ufe00-\ufe02\U000e0100-\U000e01ef]
      | \p{Mongolian}[\u180b-\u180f] | (?<=\p{Braille})\u2800 | \u2800(?=\p{Braille})
      | [\p{Sm}\p{Lo}\p{Po}\p{Lu}0\uff10][\ufe00-\ufe02]""",
    regex.VERBOSE | regex.V1,
)
"""Wider than ours in places: it finds what nobody could call valid."""
_HIDDEN = regex.compile(
    r"[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cs}\u2800\u2028\u2029\ufff9-\ufffb--[\n\t]]",
    regex.V1,
)


def hidden_in(text: str) -> str:
    """The characters of `text` that nobody can see, and that have no meaning where they stand."""
    return "".join(_HIDDEN.findall(_VALID.sub("", text)))


def is_safe(text: str) -> bool:
    """Whether nothing is hidden in `text`, and nothing in it renders as a link or an image."""
    marked = any(mark in text for mark in ("](", "![", "][", "]:"))
    tagged = regex.search("<[a-zA-Z/!?]", text) is not None
    return not (hidden_in(text) or marked or tagged) and unicodedata.is_normalized("NFC", text)
