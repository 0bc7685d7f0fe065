"""What happened since last time: `list_changes`. Asked after `happen`."""

from collections.abc import Callable

from benchmarks.questions.asking import BOOKMARK, Answers, Call, Question, path
from benchmarks.questions.plain import Facts, Row
from benchmarks.questions.world import World
from convocore_mcp.sandbox import Sandbox


def news(**arguments: object) -> Call:
    """One call."""
    return "list_changes", dict(arguments)


def happen(sandbox: Sandbox) -> None:
    """An afternoon: two new visitors, a deal won, a deal moved on, somebody asks for a human."""
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


# In no order: what one reading found was seen at one moment, and it doesn't say what came first.


def _told(answers: Answers) -> Facts:
    return sorted([change["kind"], change["id"]] for change in answers[-1]["changes"])


def _of(name: str) -> Callable[[Answers], Facts]:
    """Where one field changed, from what to what."""

    def read(answers: Answers) -> Facts:
        changes = answers[-1]["changes"]
        return sorted(
            [c["id"], *c["changed"][name]] for c in changes if name in c.get("changed", {})
        )

    return read


def _moved(name: str) -> Callable[[World], Facts]:
    def truth(world: World) -> Facts:
        return sorted(
            [after["ID"], before.get(name), after.get(name)]
            for before, after in world.changed()
            if before and before.get(name) != after.get(name)
        )

    return truth


def _all(world: World) -> Facts:
    return sorted(["updated" if old else "created", row["ID"]] for old, row in world.changed())


def _new(world: World) -> list[Row]:
    return [row for before, row in world.changed() if before is None]


QUESTIONS = (
    Question(
        "(automation) What is new since the cursor I kept?", "en", [news(cursor=BOOKMARK)],
        _told, _all,
    ),
    Question(
        "(automation) Start following from now on.", "en", [news()],
        lambda a: {"changes": a[-1]["changes"], "goes on": bool(a[-1].get("next_cursor"))},
        lambda _: {"changes": [], "goes on": True},
    ),
    Question(
        "Which deals moved to another stage since my last check?", "en",
        [news(cursor=BOOKMARK, kind=["updated"])], _of("stage"), _moved("stage"),
    ),
    Question(
        "Wer ist in der letzten Stunde neu dazugekommen?", "de",
        [news(since="1h", kind=["created"])],
        lambda a: sorted(change.get("name") for change in a[-1]["changes"]),
        lambda w: sorted(row["userName"] for row in _new(w)),
    ),
    Question(
        "¿Quién ha pedido una persona desde mi última revisión?", "es",
        [news(cursor=BOOKMARK, kind=["updated"])], _of("state"), _moved("state"),
    ),
    Question(
        "Has any conversation been deleted since then?", "en",
        [news(cursor=BOOKMARK, kind=["removed"])], path("changes"), lambda _: [],
    ),
)  # fmt: skip
