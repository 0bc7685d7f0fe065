"""Replaces a system call of SQLite in this process, as its own tests do (`xSetSystemCall`)."""

import _sqlite3
import ctypes
import errno
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_char_p, c_int, c_long, c_size_t, c_void_p
from typing import Any

_F_GETLK, _F_SETLK, _F_SETLKW = 5, 6, 7
_SET = ctypes.CFUNCTYPE(c_int, c_void_p, c_char_p, c_void_p)
_SKIPPED = 13
"""Functions between `pAppData` and `xSetSystemCall`."""


class _Vfs(ctypes.Structure):
    """`sqlite3_vfs`, version 3."""

    _fields_ = (
        ("iVersion", c_int), ("szOsFile", c_int), ("mxPathname", c_int), ("pNext", c_void_p),
        ("zName", c_char_p), ("pAppData", c_void_p),
        *((f"skipped{i}", c_void_p) for i in range(_SKIPPED)), ("xSetSystemCall", _SET),
    )  # fmt: skip


_library: Any = ctypes.CDLL(_sqlite3.__file__)
_library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
_libc: Any = ctypes.CDLL(None, use_errno=True)
_libc.fcntl.argtypes = [c_int, c_int, c_void_p]


def _without_shared_memory(*_: object) -> int | None:
    ctypes.set_errno(errno.ENODEV)
    return c_void_p(-1).value


def _without_locks(descriptor: int, command: int, argument: int) -> int:
    if command in {_F_GETLK, _F_SETLK, _F_SETLKW}:
        ctypes.set_errno(errno.ENOSYS)
        return -1
    return int(_libc.fcntl(descriptor, command, argument))


_MMAP = ctypes.CFUNCTYPE(c_void_p, c_void_p, c_size_t, c_int, c_int, c_int, c_long, use_errno=True)
_FCNTL = ctypes.CFUNCTYPE(c_int, c_int, c_int, c_void_p, use_errno=True)
REPLACED = {"mmap": _MMAP(_without_shared_memory), "fcntl": _FCNTL(_without_locks)}


@contextmanager
def replaced(name: str) -> Iterator[None]:
    """Within the block, `mmap` or the locks of `fcntl` are what some network mounts lack."""
    vfs = _library.sqlite3_vfs_find(None)
    set_call = vfs.contents.xSetSystemCall
    assert set_call(vfs, name.encode(), ctypes.cast(REPLACED[name], c_void_p)) == 0
    try:
        yield
    finally:
        assert set_call(vfs, name.encode(), None) == 0
