"""What `install` wrote, so that `uninstall` can take back exactly that. No secret is in it."""

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from convocore_mcp.cli.replaced_file import replaced_file
from convocore_mcp.errors import ConvocoreError


@dataclass(frozen=True, slots=True)
class Receipt:
    """One entry in one client's file."""

    path: str
    after: str
    """The digest of the file as `install` left it."""
    before: str | None
    """The digest of the file as `install` found it, which the backup has; `None`: not known."""
    existed: bool
    """Whether there was a file."""
    had_section: bool
    """Whether the file listed servers."""
    backup: str | None
    account: str | None
    """What the key is stored under in the keyring, if it is."""


_RECEIPTS = TypeAdapter(dict[str, Receipt])


class Receipts:
    """The receipts of this user, in a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def find(self, client: str, name: str) -> Receipt | None:
        """The receipt of an entry; `None` if `install` has not written it."""
        return self._all().get(f"{client} {name}")

    def keep(self, client: str, name: str, receipt: Receipt | None) -> None:
        """Keep the receipt of an entry; `None` removes it."""
        kept = self._all()
        kept.pop(f"{client} {name}", None)
        if receipt is not None:
            kept[f"{client} {name}"] = receipt
        if kept:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with replaced_file(self._file) as file:
                file.write(_RECEIPTS.dump_json(kept, indent=1))
        else:
            self._file.unlink(missing_ok=True)

    def accounts(self) -> list[str]:
        """What keys are stored under for all entries."""
        return [receipt.account for receipt in self._all().values() if receipt.account]

    def _all(self) -> dict[str, Receipt]:
        if not self._file.exists():
            return {}
        try:
            return _RECEIPTS.validate_json(self._file.read_bytes())
        except ValidationError:
            raise ConvocoreError(
                f"{self._file} is damaged, so what install wrote is not known.",
                hint="Delete it, and remove the entry from the client's file by hand.",
            ) from None


def digest(content: bytes) -> str:
    """A digest of a file's content."""
    return blake2b(content, digest_size=16).hexdigest()
