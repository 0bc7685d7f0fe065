"""Everything we raise on purpose. Any other exception that escapes is a bug.

ConvocoreError               what failed, on what, and what to do next
├── InvalidArgumentError     the caller asked for something that has no meaning here
├── NotConfiguredError       a setting is missing or wrong
├── MissingError             the mirror has no such lead or conversation
├── MirrorError              the local copy can't be used
│   ├── ForeignMirrorError   it belongs to another key, region or time zone
│   ├── ReplacedMirrorError  it was deleted, replaced, overwritten or damaged
│   ├── DamagedMirrorError   a stored value is not what was stored: a new mirror is made
│   ├── DamagedRecordError   a stored record is not what was stored
│   ├── LostConnectionError  the database ended the connection: the call is made once more
│   └── LostSyncLockError    another process has taken over the sync of this one
└── ApiError                 Convocore did not give us what we asked for
    ├── BadRequestError      400: our request was refused
    ├── UnauthorizedError    401: the key was refused
    ├── ForbiddenError       403: the plan does not include it
    ├── NotFoundError        404
    ├── RateLimitedError     429                                          retried
    ├── UnavailableError     5xx, timeouts, resets, a proxy's HTML page    retried
    ├── UntrustedError       the server's certificate is not trusted
    ├── BrokenRecordError    500: Convocore can't serve one record, whatever is tried
    ├── GarbledError         a body that is cut off or is not JSON         retried
    └── ContractError        an answer of an unknown shape
"""

from collections.abc import Sequence


class ConvocoreError(Exception):
    """Says what failed; `hint` says what to do about it, `code` is the code that clients see."""

    code = "internal"
    names: tuple[str, ...] = ()
    """Names of people in the message or the hint, which may have to be masked."""
    retryable = False
    """Whether the same request may succeed when it is sent again."""

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.retry_after = retry_after
        """Seconds to wait before the next attempt, if they are known."""


class InvalidArgumentError(ConvocoreError):
    """The caller asked for something that has no meaning here; the message names the argument."""

    code = "invalid_argument"


class NotConfiguredError(ConvocoreError):
    """A setting is missing or wrong; the hint names it.

    `in_shell` is the hint for a person who typed a command; without it, `hint` fits them, too.
    """

    code = "not_configured"

    def __init__(self, message: str, *, hint: str = "", in_shell: str = "") -> None:
        super().__init__(message, hint=hint)
        self.in_shell = in_shell


def no_agent() -> NotConfiguredError:
    """The error of whatever needs an agent and finds none configured."""
    return NotConfiguredError(
        "No agent is configured.",
        hint="Set CONVOCORE_AGENT_ID to your agent's ID, or to several with commas.",
    )


class MissingError(ConvocoreError):
    """The mirror has no such lead or conversation; `names` are those that the hint suggests."""

    code = "not_found"

    def __init__(self, message: str, *, hint: str = "", names: Sequence[str] = ()) -> None:
        super().__init__(message, hint=hint)
        self.names = tuple(names)


class MirrorError(ConvocoreError):
    """The local copy can't be opened, read or written: disk, lock or database."""

    code = "mirror_unavailable"


class ForeignMirrorError(MirrorError):
    """The mirror belongs to another key, region or time zone, and nobody has confirmed ours yet."""


class ReplacedMirrorError(MirrorError):
    """The mirror is another one than before: it was deleted, replaced, overwritten or damaged."""


class DamagedRecordError(MirrorError):
    """A stored record is not the JSON that was stored."""

    def __init__(self, message: str, *, hint: str = "", record: str = "") -> None:
        super().__init__(message, hint=hint)
        self.record = record
        """The record as it is stored now."""


class DamagedMirrorError(MirrorError):
    """A stored value has another form than what was stored, so the disk or somebody changed it."""


class LostConnectionError(MirrorError):
    """The database ended the connection or the transaction; the same call may succeed at once."""


class LostSyncLockError(MirrorError):
    """This process was stopped for a while, and another one has taken over its sync."""


class ApiError(ConvocoreError):
    """Convocore did not give us what we asked for."""

    code = "upstream_invalid"


class BadRequestError(ApiError):
    """400: our request was refused; `about_cursor` if the refusal is about the cursor."""

    def __init__(self, message: str, *, hint: str = "", about_cursor: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.about_cursor = about_cursor


class UnauthorizedError(ApiError):
    """401: the key was refused. A valid key in the wrong region gets the same answer."""

    code = "unauthorized"


class ForbiddenError(ApiError):
    """403: mostly, the workspace's plan does not include this. `said` is what Convocore says."""

    code = "forbidden"

    def __init__(self, message: str, *, hint: str = "", said: str = "") -> None:
        super().__init__(message, hint=hint)
        self.said = said


class NotFoundError(ApiError):
    """404: no such agent, or no such conversation."""

    code = "not_found"


class RateLimitedError(ApiError):
    """429: Convocore asked us to slow down."""

    code = "rate_limited"
    retryable = True


class UnavailableError(ApiError):
    """Convocore, or the network between, is down or too slow."""

    code = "upstream_unavailable"
    retryable = True


class UntrustedError(ApiError):
    """The certificate of the server is not trusted: another attempt would change nothing."""

    code = "upstream_unavailable"


class GarbledError(ApiError):
    """A body that was cut off or is not JSON. The next attempt often succeeds."""

    retryable = True


class BrokenRecordError(ApiError):
    """500 "Output validation failed": Convocore can't serve this record until somebody edits it.

    Other records are not affected, so it counts as an answer and not as an outage.
    """


class ContractError(ApiError):
    """An answer of an unknown shape, or a list whose pages do not advance."""
