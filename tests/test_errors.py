"""The error tree that is drawn in `convocore_mcp.errors` is the one that the classes form."""

import inspect
import re

import pytest

from convocore_mcp import errors
from convocore_mcp.errors import ConvocoreError
from convocore_mcp.memory_limit import is_out_of_memory
from convocore_mcp.server.rendering import internal_error

CLASSES: dict[str, type[ConvocoreError]] = {
    name: found
    for name, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, ConvocoreError)
}
BRANCH = re.compile(r"^(?P<indent>[│├└─ ]*)(?P<name>\w+Error)\b.*?(?P<retried>\bretried)?$")
INDENT = 4
"""Characters by which a class is drawn further right than its base class."""


def drawn() -> list[tuple[str, str, bool]]:
    """Each class of the drawing, with its base class and whether it is marked as retried."""
    found: list[tuple[str, str, bool]] = []
    ancestors: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if branch := BRANCH.match(line):
            depth = len(branch["indent"]) // INDENT
            ancestors[depth:] = [branch["name"]]
            base = ancestors[depth - 1] if depth else "Exception"
            found.append((branch["name"], base, branch["retried"] is not None))
    return found


def test_the_drawing_shows_every_class_below_its_base_class() -> None:
    """Promised by docs/architecture.md, "Code style": one screen shows what can go wrong."""
    classes = [(name, found.__mro__[1].__name__) for name, found in CLASSES.items()]
    assert sorted((name, base) for name, base, _ in drawn()) == sorted(classes)


def test_the_drawing_marks_what_is_retried() -> None:
    """Promised by docs/upstream.md, "Errors": which failures another attempt can mend."""
    retryable = {name for name, found in CLASSES.items() if found.retryable}
    assert {name for name, _, retried in drawn() if retried} == retryable


@pytest.mark.parametrize("error", CLASSES.values())
def test_every_error_has_a_message_a_hint_and_a_code(error: type[ConvocoreError]) -> None:
    """Promised by docs/contract.md, "Rules for every answer": code, message and hint.

    Holds docs/contract.md #error-codes.
    """
    raised = error("It failed.", hint="Try again.")
    assert (raised.message, raised.hint, str(raised)) == ("It failed.", "Try again.", "It failed.")
    assert re.fullmatch("[a-z_]+", raised.code)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError(), True),
        (ImportError("x.so: failed to map segment from shared object"), True),
        (OSError("cannot allocate memory in static TLS block"), True),
        (RuntimeError("can't start new thread"), True),
        (BaseExceptionGroup("", [ValueError(), ExceptionGroup("", [MemoryError()])]), True),
        (ImportError("No module named 'x'"), False),
    ],
)
def test_too_little_memory_is_known_by_the_message(error: BaseException, *, expected: bool) -> None:
    """Ours: the dynamic linker and threads raise no MemoryError."""
    assert is_out_of_memory(error) is expected


def test_an_answer_that_needs_too_much_memory_is_no_bug() -> None:
    """Promised by docs/operations.md, "Broken machines"."""
    error = internal_error(MemoryError())
    assert (error.code, "memory" in error.message) == ("mirror_unavailable", True)
