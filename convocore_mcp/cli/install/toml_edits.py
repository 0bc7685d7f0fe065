"""Entries in a TOML file that people edit: comments and everything else stay as they are."""

from collections.abc import Mapping

import tomlkit
from tomlkit.exceptions import TOMLKitError

from convocore_mcp.errors import InvalidArgumentError


def entries_in(text: str, section: str) -> dict[str, object]:
    """The entries of a section, by name.

    Raises:
        InvalidArgumentError: the text is no TOML, or the section is no table.
    """
    found = _parsed(text).unwrap().get(section, {})
    if not isinstance(found, dict):
        raise InvalidArgumentError(
            f"Its {section!r} is not a table.", hint="Correct the file first; nothing was changed."
        )
    return found


def with_entry(text: str, section: str, name: str, entry: Mapping[str, object]) -> str:
    """`text` with the entry in its section; both are added where they are missing.

    Raises:
        InvalidArgumentError: as `entries_in`.
    """
    entries_in(text, section)
    document = _parsed(text)
    if section not in document:
        document[section] = tomlkit.table(is_super_table=True)
    table = tomlkit.table()
    for key, value in entry.items():
        table[key] = value
    document[section][name] = table
    return tomlkit.dumps(document)


def without_entry(text: str, section: str, name: str, *, drop_section: bool = False) -> str:
    """`text` without the entry; with `drop_section` also without its section, if that is empty.

    Raises:
        InvalidArgumentError: as `entries_in`.
    """
    if name not in entries_in(text, section):
        return text
    document = _parsed(text)
    del document[section][name]
    if drop_section and not document[section]:
        del document[section]
    return tomlkit.dumps(document)


def _parsed(text: str) -> tomlkit.TOMLDocument:
    try:
        return tomlkit.parse(text)
    except TOMLKitError as error:
        raise InvalidArgumentError(
            f"It is not valid TOML ({type(error).__name__}).",
            hint="Correct the file first; nothing was changed.",
        ) from None
