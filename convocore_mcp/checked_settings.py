"""What all settings have in common: the variables that hold them, and what none may hold."""

import os
import re
from collections.abc import Sequence

from pydantic import AliasChoices, field_validator
from pydantic_settings import BaseSettings

_PORT = r"[0-5]?\d{1,4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5]"
HOST_AND_PORT = re.compile(rf"(?:[\w.-]+|\[[\da-f:.]+\])(?::(?:{_PORT}))?", re.IGNORECASE)
"""A host and perhaps a port, without the user name and password that a URL may have."""
MAX_SECONDS = 3_200_000_000
"""A hundred years: a longer time can't be computed with, and neither can `inf`."""
_UNEXPANDED = re.compile(r"\$\{[^}]*\}|^\s*(?:\$\w+|%\w+%)\s*$")
_PLACEHOLDER = re.compile(
    r"<.*>|\{\{.*\}\}|your\b.*|your[-_].*|x{3,}|\.{3}|\u2026|change[-_ ]?me|replace[-_ ]?me|todo|"
    r"placeholder|(?:insert|paste|put)\b.*\bhere|"
    r"(?:.*[-_])?(?:key|secret|token|id|value|url)[-_]here",
    re.IGNORECASE,
)


def split_list(value: object, *, separators: str = ",") -> object:
    """The distinct parts of a text, in their order; a value that is not a text stays as it is.

    `separators` are the characters that separate parts, as in a regular expression's set.
    """
    if not isinstance(value, str):
        return value
    parts = (part.strip() for part in re.split(f"[{separators}]", value))
    return tuple(dict.fromkeys(part for part in parts if part))


def what_is_wrong_with(text: str) -> str | None:
    """What is wrong with the text of any setting, or `None`.

    That is a `${NAME}` that was not expanded, quotes around the value, or a placeholder.

    The sentence goes on after the variable's name and does not repeat the value.
    """
    bare = text.strip()
    if _UNEXPANDED.search(text):
        return "holds ${NAME} that nobody expanded: write the value itself, or have it expanded"
    if len(bare) > 1 and bare[0] == bare[-1] and bare[0] in "\"'`":
        return "has quotes around its value: leave them out"
    if _PLACEHOLDER.fullmatch(bare):
        return "still holds a placeholder: put your own value in its place"
    return None


def variables_of(settings: type[BaseSettings], attribute: str) -> list[str]:
    """The environment variables that hold a setting, ours first."""
    alias = settings.model_fields[attribute].validation_alias
    if isinstance(alias, AliasChoices):
        return [str(variable) for variable in alias.choices]
    return [settings.model_config["env_prefix"] + attribute.upper()]


def variable_of(settings: type[BaseSettings], location: Sequence[int | str]) -> str:
    """The environment variable that holds a setting, which pydantic names by the attribute."""
    name = str(location[0]) if location else ""
    for attribute in settings.model_fields:
        variables = variables_of(settings, attribute)
        if name in {attribute, *variables}:
            return next((v for v in variables if os.environ.get(v)), variables[0])
    return name


class CheckedSettings(BaseSettings):
    """Settings of which none may hold `${NAME}`, quotes or a placeholder in place of a value."""

    @field_validator("*", mode="before")
    @classmethod
    def _check_text(cls, value: object) -> object:
        """Refuse what can't be a value here, where the error can name the setting.

        Blanks around a value came along when it was pasted.
        """
        if not isinstance(value, str):
            return value
        if wrong := what_is_wrong_with(value):
            raise ValueError(wrong)
        return value.strip()
