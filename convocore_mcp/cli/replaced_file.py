"""A file that is written as a whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

OWNER_ONLY_MODE = 0o600
"""The mode of a new file, because it holds personal data or names a key."""


@contextmanager
def replaced_file(path: Path) -> Iterator[BinaryIO]:
    """Write to a temporary file beside `path`, which takes its place at the end of the block.

    After an error `path` is as it was. A symbolic link stays one: the file that it names is
    replaced. An existing file keeps its mode. What is no file, as a device or a pipe, can't be
    replaced: it is written to.

    Raises:
        OSError: the folder can't be written, or `path` is one.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        with target.open("wb") as other:
            yield other
        return
    mode = target.stat().st_mode & 0o777 if target.exists() else OWNER_ONLY_MODE
    number, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
