"""Questions about what happened since last time: `list_changes`."""

from collections.abc import Callable

from benchmarks.questions.question import SAVED_CURSOR, Answers, Call, Question, path
from benchmarks.questions.truth.dataset import Dataset
from benchmarks.questions.truth.oracle import Facts, Row
from convocore_mcp.sandbox import Sandbox


def changes(**arguments: object) -> Call:
    """A call of the tool."""
    return "list_changes", dict(arguments)


def apply_changes(sandbox: Sandbox) -> None:
    """Two new visitors, a deal won, a deal in another stage, and a request for a human."""
    rows = list(sandbox.rows())[:400]
    sandbox.insert(ID="conv-late-1", userName="Ada Novak", origin="whatsapp", stage="new")
    sandbox.insert(ID="conv-late-2", userName="Omar Haddad", lastMessage="Is anybody there?")
    proposal = next(row for row in rows if row.get("stage") == "proposal")
    sandbox.touch(proposal["ID"], stage="won", lastMessage="Signed.")
    engaged = next(row for row in rows if row.get("stage") == "engaged")
    sandbox.touch(engaged["ID"], stage="demo_req", tags=["vip"])
    chatting = next(
        row for row in rows
        if row.get("state") == "ai-chatting" and row["ID"] not in (proposal["ID"], engaged["ID"])
    )  # fmt: skip
    sandbox.touch(chatting["ID"], state="requested_chat")


# Compared without order: changes that one sync found have no order among each other.


def _kinds_and_ids(answers: Answers) -> Facts:
    return sorted([change["kind"], change["id"]] for change in answers[-1]["changes"])


def _of(name: str) -> Callable[[Answers], Facts]:
    """The changes of one field: id, before, after."""

    def read(answers: Answers) -> Facts:
        changes = answers[-1]["changes"]
        return sorted(
            [c["id"], *c["changed"][name]] for c in changes if name in c.get("changed", {})
        )

    return read


def _moved(name: str) -> Callable[[Dataset], Facts]:
    def expected(dataset: Dataset) -> Facts:
        return sorted(
            [after["ID"], before.get(name), after.get(name)]
            for before, after in dataset.changed()
            if before and before.get(name) != after.get(name)
        )

    return expected


def _all(dataset: Dataset) -> Facts:
    return sorted(["updated" if old else "created", row["ID"]] for old, row in dataset.changed())


def _new(dataset: Dataset) -> list[Row]:
    return [row for before, row in dataset.changed() if before is None]


QUESTIONS = (
    Question(
        "(automation) What is new since the cursor I kept?", "en", [changes(cursor=SAVED_CURSOR)],
        _kinds_and_ids, _all, tokens=900,
    ),
    Question(
        "(automation) Start following from now on.", "en", [changes()],
        lambda a: {"changes": a[-1]["changes"], "goes on": bool(a[-1].get("next_cursor"))},
        lambda _: {"changes": [], "goes on": True},
    ),
    Question(
        "Which deals moved to another stage since my last check?", "en",
        [changes(cursor=SAVED_CURSOR, kind=["updated"])], _of("stage"), _moved("stage"),
    ),
    Question(
        "Wer ist in der letzten Stunde neu dazugekommen?", "de",
        [changes(since="1h", kind=["created"])],
        lambda a: sorted(change.get("name") for change in a[-1]["changes"]),
        lambda d: sorted(row["userName"] for row in _new(d)),
    ),
    Question(
        "¿Quién ha pedido una persona desde mi última revisión?", "es",
        [changes(cursor=SAVED_CURSOR, kind=["updated"])], _of("state"), _moved("state"),
    ),
    Question(
        "Has any conversation been deleted since then?", "en",
        [changes(cursor=SAVED_CURSOR, kind=["removed"])], path("changes"), lambda _: [],
    ),
)  # fmt: skip
