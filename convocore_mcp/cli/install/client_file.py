"""The configuration file of one client, with its entries."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self, TypeVar

from convocore_mcp.cli.install import json_edits, toml_edits
from convocore_mcp.cli.install.clients import ClientName, Machine, section_of
from convocore_mcp.errors import ConvocoreError, InvalidArgumentError

T = TypeVar("T")


class Edits(Protocol):
    """Reads and changes entries in the text of a file: `json_edits` or `toml_edits`."""

    def entries_in(self, text: str, section: str, /) -> dict[str, object]:
        """The entries of a section, by name."""
        ...

    def with_entry(self, text: str, section: str, name: str, entry: Mapping[str, object], /) -> str:
        """The text with an entry."""
        ...

    def without_entry(
        self, text: str, section: str, name: str, /, *, drop_section: bool = False
    ) -> str:
        """The text without an entry."""
        ...


@dataclass(frozen=True, slots=True)
class ClientFile:
    """A client's configuration, as it was read."""

    client: ClientName
    path: Path
    content: bytes | None
    """`None` if there is no file."""

    @classmethod
    def of(cls, client: ClientName, machine: Machine) -> Self:
        """Read a client's file.

        Raises:
            ConvocoreError: it is there, and can't be read.
        """
        path = machine.file_of(client)
        try:
            return cls(client, path, path.read_bytes() if path.exists() else None)
        except OSError as error:
            raise ConvocoreError(
                f"{path} can't be read ({error.strerror}).", hint="Check its owner and mode."
            ) from None

    def entries(self) -> dict[str, object]:
        """The servers that the file lists, by name.

        Raises:
            InvalidArgumentError: the file is not what the client reads.
        """
        return self._apply(lambda edits, text, section: edits.entries_in(text, section))

    def with_entry(self, name: str, entry: Mapping[str, object]) -> bytes:
        """The content with this entry.

        Raises:
            InvalidArgumentError: as `entries`.
        """
        return self._apply(
            lambda edits, text, section: edits.with_entry(text, section, name, entry)
        ).encode()

    def without_entry(self, name: str, *, drop_section: bool) -> bytes:
        """The content without this entry.

        Raises:
            InvalidArgumentError: as `entries`.
        """
        return self._apply(
            lambda edits, text, section: edits.without_entry(
                text, section, name, drop_section=drop_section
            )
        ).encode()

    def _apply(self, edit: Callable[[Edits, str, str], T]) -> T:
        edits: Edits = toml_edits if self.client is ClientName.codex else json_edits
        try:
            return edit(edits, (self.content or b"").decode(), section_of(self.client))
        except UnicodeDecodeError:
            raise InvalidArgumentError(
                f"{self.path}: it is not UTF-8.",
                hint="Correct the file first; nothing was changed.",
            ) from None
        except InvalidArgumentError as error:
            raise InvalidArgumentError(f"{self.path}: {error.message}", hint=error.hint) from None
