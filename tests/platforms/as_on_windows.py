"""Imports the package, or runs one of its commands, in a Python that lacks what Windows lacks.

    python as_on_windows.py import
    python as_on_windows.py run [ARGUMENT...]

The libraries are imported before: they know Windows by themselves. Then Python says that it is
Windows, and what only POSIX has is gone: modules, functions, signals, and what the event loop of
Windows refuses.
"""

import asyncio
import importlib
import os
import pkgutil
import runpy
import signal
import socket
import sys

POSIX_MODULES = ("fcntl", "grp", "pwd", "resource", "termios", "tty", "pty", "syslog", "uvloop")
POSIX_FUNCTIONS = (
    "fork", "getuid", "geteuid", "getgid", "fchmod", "fchown", "chown", "mkfifo", "uname",
    "sysconf", "getpgid", "killpg", "setsid", "getloadavg", "sched_getaffinity",
)  # fmt: skip
POSIX_SIGNALS = ("SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGPIPE", "SIGCHLD")


def names_of_modules() -> list[str]:
    package = importlib.import_module("convocore_mcp")
    found = (module.name for module in pkgutil.walk_packages(package.__path__, "convocore_mcp."))
    return [name for name in found if not name.endswith("__main__")]


def not_there(*_: object) -> None:
    raise NotImplementedError


def become_windows() -> None:
    for module in names_of_modules():
        importlib.import_module(module)
    for name in [name for name in sys.modules if name.partition(".")[0] == "convocore_mcp"]:
        del sys.modules[name]
    for name in POSIX_MODULES:
        sys.modules[name] = None  # type: ignore[assignment]
    for name in POSIX_FUNCTIONS:
        delattr(os, name)
    for name in POSIX_SIGNALS:
        delattr(signal, name)
    loop = asyncio.SelectorEventLoop
    for name in ("add_signal_handler", "add_reader", "add_writer", "create_unix_server"):
        setattr(loop, name, not_there)
    asyncio.ProactorEventLoop = loop  # type: ignore[attr-defined, unused-ignore]
    socket.SO_EXCLUSIVEADDRUSE = socket.SO_KEEPALIVE  # type: ignore[attr-defined, unused-ignore]
    sys.platform = "win32"


if __name__ == "__main__":
    become_windows()
    if sys.argv[1] == "import":
        imported = [importlib.import_module(name) for name in names_of_modules()]
        sys.stdout.write(str(len(imported)))
    else:
        sys.argv = ["convocore-mcp", *sys.argv[2:]]
        runpy.run_module("convocore_mcp", run_name="__main__")
