"""What one check of the doctor has found."""

from dataclasses import dataclass

from convocore_mcp.cli.error_reports import shell_hint
from convocore_mcp.errors import ConvocoreError


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was checked, what was found, and what to do about it."""

    about: str
    message: str
    hint: str = ""
    """Empty if all is well."""
    setting: bool = False
    """Whether a setting is missing or wrong."""

    @property
    def ok(self) -> bool:
        """Whether there is nothing to do."""
        return not self.hint

    @classmethod
    def of_error(cls, about: str, error: ConvocoreError, *, setting: bool = False) -> "Finding":
        """What an error says, with its hint as what to do."""
        return cls(about, error.message, shell_hint(error) or "Run this again.", setting=setting)
