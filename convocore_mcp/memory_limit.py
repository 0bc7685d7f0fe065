"""Runs in little address space, where somebody has limited it (`ulimit -v`, RLIMIT_AS)."""

import os
import sys

if sys.platform != "win32":
    import resource

ARENAS = "MALLOC_ARENA_MAX"
"""The variable by which glibc is told, before a process starts, how many arenas it may have."""
_NO_MEMORY = ("failed to map segment", "cannot allocate memory", "can't start new thread")
"""What the dynamic linker and Python say instead of raising a MemoryError."""
OUT_OF_MEMORY = (
    "There is too little memory to start. Raise the limit of this process's memory "
    "(ulimit -v, RLIMIT_AS, the container's); 300 MB are enough."
)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was no memory: for an object, for a library, or for a thread's stack."""
    if isinstance(error, BaseExceptionGroup):
        return any(map(is_out_of_memory, error.exceptions))
    return isinstance(error, MemoryError) or any(said in str(error) for said in _NO_MEMORY)


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
