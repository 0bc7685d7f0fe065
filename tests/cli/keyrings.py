"""A real keyring in a file of its own, in place of the keyring of the user who runs the tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keyring
from keyrings.alt.file import PlaintextKeyring


@contextmanager
def keyring_in(folder: Path) -> Iterator[Path]:
    """Use a keyring that keeps its keys in a file in `folder`."""
    before = keyring.get_keyring()
    ours = PlaintextKeyring()
    ours.file_path = str(folder / "keyring.cfg")
    keyring.set_keyring(ours)
    try:
        yield Path(ours.file_path)
    finally:
        keyring.set_keyring(before)
