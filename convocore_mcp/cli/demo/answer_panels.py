"""How the demo shows the answer of each tool: as a person would say it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table

from convocore_mcp.cli.demo.questions import Answer
from convocore_mcp.cli.demo.spoken import ago, amount, due, named, sums
from convocore_mcp.cli.terminal import shown
from convocore_mcp.server.sanitize import JsonObject
from convocore_mcp.words.counted import counted

MAX_SHOWN_ROWS = 5
"""Rows of one answer that are shown."""
CURSOR = "cursor"


def answer_panel(answer: Answer) -> Panel:
    """A question, the call that a model makes for it, and the answer."""
    content, now = answer.content, datetime.now(UTC)
    arguments = {
        name: "…" if name == CURSOR else v for name, v in answer.question.arguments.items()
    }
    call = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
    head = shown(f"{answer.question.tool}({call})", style="dim")
    parts: Sequence[RenderableType]
    if "error" in content:
        parts = [shown(content["error"]["message"], style="red")]
    else:
        parts = PARTS[answer.question.tool](content, now)
    body = Group(head, shown(""), *parts)
    return Panel(body, title=shown(answer.question.text, style="bold"), title_align="left")


def _hot_leads(answer: JsonObject, now: datetime) -> list[RenderableType]:
    leads = answer["leads"]
    with_name = [lead for lead in leads if lead.get("name")]
    nameless = len(leads) - len(with_name)
    considered = counted(answer["leads_considered"], "lead")
    if not leads:
        return [shown(f"None of {considered} is hot.")]
    worth = f"worth {sums(answer['value'], limit=3)}" if answer["value"] else "of no known value"
    head = (
        f"{answer['hot']:,} of {considered} {'is' if answer['hot'] == 1 else 'are'} hot, {worth}. "
        f"{counted(answer['waiting_for_human'], 'waits', 'wait')} for a human, "
        f"{counted(answer['unassigned'], 'is', 'are')} assigned to nobody"
    )
    rows = [
        (named(lead), f"{lead.get('score', '')}", amount(lead), ago(lead.get("last_activity"), now),
         ", ".join(lead["why"]))
        for lead in with_name[:MAX_SHOWN_ROWS]
    ]  # fmt: skip
    columns = ("lead", "score", "value", "wrote", "why")
    note = f"Of the first {len(leads)}, {counted(nameless, 'has', 'have')} given no name yet."
    return [
        *_headed(head, columns, rows),
        *([_below(shown(note, style="dim"))] if nameless else []),
    ]


def _waiting(answer: JsonObject, now: datetime) -> list[RenderableType]:
    rows = [
        (named(row), row.get("channel", ""),
         ago(row.get("waiting_since"), now).removesuffix(" ago"), row.get("preview", ""))
        for row in answer["conversations"]
    ]  # fmt: skip
    head = counted(answer["total"], "conversation waits", "conversations wait")
    return _headed(head, ("who", "on", "for", "last message"), rows, order="longest first")


def _lead(answer: JsonObject, now: datetime) -> list[RenderableType]:
    lead = answer.get("lead")
    if lead is None:
        people = ", ".join(named(candidate) for candidate in answer["candidates"])
        return [shown(f"{counted(answer['total'], 'person fits', 'people fit')}: {people}")]
    steps = [
        f"{step.get('title') or step.get('type')} ({due(step.get('due'), now) or 'no date'})"
        for step in lead.get("next_steps", [])
    ]
    lines = [
        ("who", named(lead)),
        ("reach", ", ".join([*lead.get("emails", []), *lead.get("phones", [])])),
        ("stage", ", ".join(filter(None, (lead.get("stage"), amount(lead))))),
        ("why hot", ", ".join(lead.get("why", []))),
        ("wants", lead.get("summary")),
        ("next", "; ".join(steps) or "no next step is planned"),
        ("wrote", ago(lead.get("last_activity") or _newest(lead), now)),
        ("talked", counted(lead["conversations_total"], "conversation")),
    ]
    return [_table(("", ""), [(name, text) for name, text in lines if text], header=False)]


def _newest(lead: JsonObject) -> str | None:
    times = [c["last_activity"] for c in lead.get("conversations", []) if "last_activity" in c]
    return max(times, default=None)


def _conversation(answer: JsonObject, _now: datetime) -> list[RenderableType]:
    transcript = answer.get("transcript", {})
    if "unavailable" in transcript:
        return [shown(transcript["unavailable"])]
    turns = transcript.get("turns", [])
    rows = [(turn["from"], turn["text"]) for turn in turns]
    head = f"The last {len(turns)} of {counted(transcript.get('total', 0), 'turn')}."
    return [shown(head), _below(_table(("", ""), rows, header=False))]


def _deals(answer: JsonObject, now: datetime) -> list[RenderableType]:
    rows = [
        (named(row), amount(row), row.get("stage", ""), ago(row.get("last_activity"), now))
        for row in answer["leads"]
    ]
    head = f"{counted(answer['total'], 'deal')} over 10,000 with nothing planned"
    return _headed(head, ("lead", "value", "stage", "wrote"), rows, order="largest first")


def _pipeline(answer: JsonObject, _now: datetime) -> list[RenderableType]:
    groups = answer["groups"]
    rows = [
        (group["stage"], f"{group['leads']:,}", f"{group.get('hot', 0):,}",
         sums(group.get("value", {}), limit=2))
        for group in groups[: MAX_SHOWN_ROWS + 2]
    ]  # fmt: skip
    total = answer["totals"]
    head = f"{counted(total['leads'], 'lead')} in {counted(answer['groups_total'], 'stage')}"
    columns = ("stage", "leads", "hot", "value")
    return _headed(head, columns, rows, order="the largest stages are shown")


def _changes(answer: JsonObject, now: datetime) -> list[RenderableType]:
    changes = answer["changes"]
    rows = [
        (change.get("name") or "no name yet", change["kind"], _change_text(change),
         ago(change.get("at"), now))
        for change in changes[-MAX_SHOWN_ROWS:]
    ]  # fmt: skip
    head = f"{counted(len(changes), 'change')}: somebody has written while you were reading"
    return _headed(head, ("who", "what", "now", "when"), rows)


def _change_text(change: JsonObject) -> str:
    became = change.get("became", [])
    if became:
        return ", ".join(became)
    return ", ".join(change.get("changed", {})) or change.get("stage", "")


PARTS: dict[str, Callable[[JsonObject, datetime], Sequence[RenderableType]]] = {
    "summarize_hot_leads": _hot_leads,
    "list_conversations": _waiting,
    "get_lead": _lead,
    "get_conversation": _conversation,
    "list_leads": _deals,
    "conversation_stats": _pipeline,
    "list_changes": _changes,
}
"""How the answer of each tool is shown."""


def _headed(
    head: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, order: str = ""
) -> list[RenderableType]:
    """A sentence, and a table below it if there are rows; several rows have an order."""
    sentence = f"{head}; {order}." if order and len(rows) > 1 else f"{head}."
    return [shown(sentence), *([_below(_table(columns, rows))] if rows else [])]


def _below(part: RenderableType) -> Padding:
    return Padding(part, (1, 0, 0, 0))


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, header: bool = True) -> Table:
    table = Table(box=None, show_header=header, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        # As plain text: what visitors wrote may look like markup.
        table.add_row(*map(shown, row))
    return table
