"""Runs in little address space, where somebody has limited it (`ulimit -v`, RLIMIT_AS)."""

import os
import sys

if sys.platform != "win32":
    import resource

ARENAS = "MALLOC_ARENA_MAX"
"""The environment variable that limits the arenas of glibc; read when a process starts."""
_NO_MEMORY = (
    "failed to map segment",
    "cannot allocate memory",
    "can't start new thread",
    "without exception set",
    "without setting an exception",
)
"""What the dynamic linker and Python say instead of raising a MemoryError; the last two are
Python's own bugs where an allocation fails amid an import."""
MIN_MB = 120
"""With less address space, nothing starts. Then any import may fail, with or without an error that
says why."""
OUT_OF_MEMORY = (
    "There is too little memory to start. Raise the limit of this process's memory "
    "(ulimit -v, RLIMIT_AS, the container's); 300 MB are enough."
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was no memory: for an object, for a library, or for a thread's stack."""
    if isinstance(error, BaseExceptionGroup):
        return any(map(is_out_of_memory, error.exceptions))
    return isinstance(error, MemoryError) or any(said in str(error) for said in _NO_MEMORY)


def has_enough_memory() -> bool:
    """Whether the address space is not limited to less than any command needs to start."""
    if sys.platform == "win32":
        return True
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return limit == resource.RLIM_INFINITY or limit >= MIN_MB * 2**20


def spare_address_space() -> None:
    """Start this process again with one arena, if its address space is limited.

    For each thread, glibc reserves 64 MB of addresses, of which it uses little: with its threads, a
    server would need 430 MB of addresses where it uses 140.
    """
    if sys.platform == "win32" or ARENAS in os.environ:
        return
    if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
        os.environ[ARENAS] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  this program
