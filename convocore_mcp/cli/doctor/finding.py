"""What one check of the doctor has found."""

from dataclasses import dataclass

from convocore_mcp.cli.error_reports import shell_hint
from convocore_mcp.errors import ConvocoreError


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, what is so, and what to do about it."""

    about: str
    found: str
    to_do: str = ""
    """Empty if all is well."""
    setting: bool = False
    """Whether a setting is missing or wrong."""

    @property
    def ok(self) -> bool:
        """Whether there is nothing to do."""
        return not self.to_do

    @classmethod
    def of_error(cls, about: str, error: ConvocoreError, *, setting: bool = False) -> "Finding":
        """What an error says, with its hint as what to do."""
        return cls(about, error.message, shell_hint(error) or "Run this again.", setting=setting)
