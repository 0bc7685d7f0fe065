"""What a call costs over stdio: beside a tool that does nothing, and in a larger mirror.

Each question is asked of a server that has never heard it (`first`), then again and again, in turns
with the other side (`warm`), then just after the mirror changed under it (`after a change`).
"""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from benchmarks.mirrors import AGENT, Filled, open_mirror
from benchmarks.pipes import BARE, OURS, Call, Json, Server, environment, result_of
from benchmarks.table import Row, middle, ms
from benchmarks.telling import say
from convocore_mcp.api import wire
from convocore_mcp.store.write.mirror_writer import MirrorWriter

MOST_TIMES, MOST_MORE, MOST_GROWTH = 2.0, 15.0, 1.5
NEWCOMER = "conv-benchmark"
SEARCH: Json = {"query": "demo", "stage": ["demo_req", "negotiation"]}


@dataclass(slots=True)
class Timed:
    """One question to one server, in milliseconds."""

    call: Call
    first: float
    raw: bytes
    """The answer, as it went over the pipe."""
    warm: list[float] = field(default_factory=list)
    changed: list[float] = field(default_factory=list)

    @property
    def words(self) -> str:
        """The question, shortened to the names of what is long."""
        tool, arguments = self.call
        shown = (
            f"{name}={json.dumps(value)}" if name in ("since", "group_by") else name
            for name, value in arguments.items()
        )
        return f"`{tool}({', '.join(shown)})`"

    @property
    def besides(self) -> str:
        """The times that are not warm."""
        return f"first {ms(self.first)}, after a change {ms(middle(self.changed))}"


class Asked:
    """A server with a mirror, and all questions asked of it for the first time."""

    def __init__(self, server: Server, mirror: MirrorWriter) -> None:
        self.server = server
        self._mirror = mirror
        self._changes = itertools.count(1)
        server.call("list_changes", {})  # opens the mirror, and imports what all questions need
        self.timed: list[Timed] = []
        newest = self._first("list_conversations", {})
        self._first("list_conversations", {"cursor": newest["next_cursor"]})
        self._first("list_conversations", SEARCH)
        hot = self._first("summarize_hot_leads", {})
        self._first("summarize_hot_leads", {"since": "7d"})
        # Of somebody whose rows say nothing Convocore would be asked, and there is none.
        known = (lead for lead in hot["leads"] if lead.get("wants"))
        self._first("get_lead", {"lead": next(known, hot["leads"][0])["lead_id"]})
        self._first("conversation_stats", {})
        self._first("conversation_stats", {"group_by": ["stage"]})

    def _first(self, tool: str, arguments: Json) -> Json:
        took, raw = self.server.call(tool, arguments)
        self.timed.append(Timed((tool, arguments), took, raw))
        answer: Json = result_of(raw)["structuredContent"]
        return answer

    def again(self, timed: Timed) -> None:
        """Ask once more."""
        timed.warm.append(self.server.call(*timed.call)[0])

    def after_a_change(self, timed: Timed) -> None:
        """Ask just after a conversation got a message."""
        now = datetime.now(UTC)
        row = {
            "ID": NEWCOMER,
            "ts": int(now.timestamp()),
            "origin": "web-chat",
            "messagesNum": next(self._changes),
        }
        body = json.dumps({"success": True, "data": [row], "hasMore": False}).encode()
        self._mirror.save(AGENT, wire.parse_list_response(body, AGENT, now).page, read_at=now)
        self._mirror.rebuild_leads(AGENT)
        timed.changed.append(self.server.call(*timed.call)[0])


@contextmanager
def asked(filled: Filled) -> Iterator[Asked]:
    """A new server that answers from this mirror."""
    mirror = open_mirror(filled.path)
    try:
        with Server(OURS, filled.env) as server:
            yield Asked(server, mirror)
    finally:
        mirror.remove(AGENT, [NEWCOMER], at=datetime.now(UTC))
        mirror.rebuild_leads(AGENT)
        mirror.close()


def beside_nothing(filled: Filled, times: int) -> list[Row]:
    """Warm calls beside a tool that answers with as many bytes and does nothing for it."""
    say(f"Asking in a mirror of {filled.size:,} …")
    rows = []
    with asked(filled) as ours, Server(BARE, environment()) as bare:
        bare.call("answer", {})
        for timed in ours.timed:
            size = _as_large(bare, len(timed.raw))
            there: list[float] = []
            for _ in range(times):
                there.append(bare.call("answer", {"size": size})[0])
                ours.again(timed)
            for _ in range(max(3, times // 8)):
                ours.after_a_change(timed)
            rows.append(_beside(timed, middle(there), filled.size))
    return rows


def _beside(timed: Timed, there: float, size: int) -> Row:
    here = middle(timed.warm)
    ratio, more = here / there, here - there
    return Row(
        f"{timed.words}, warm, mirror of {size:,}",
        against=f"no-op tool, {len(timed.raw):,} bytes",
        there=ms(there),
        here=ms(here),
        ratio=ratio,
        target=f"at most {MOST_TIMES:g}x or {MOST_MORE:g} ms more",
        met=ratio <= MOST_TIMES or more <= MOST_MORE,
        besides=f"{more:+.1f} ms; {timed.besides}",
    )


def _as_large(bare: Server, wanted: int) -> int:
    """The size to ask the bare tool for, to get as many bytes as `wanted`."""
    size = wanted // 2  # it says everything twice, as text and as structure
    for _ in range(3):
        got = len(bare.call("answer", {"size": size})[1])
        size = max(1, size + (wanted - got) // 2)
    return size


def beside_smaller(large: Filled, small: Filled, times: int) -> list[Row]:
    """The same questions in a large mirror beside a small one."""
    say(f"Asking in a mirror of {large.size:,}, and in one of {small.size:,} …")
    rows = []
    with asked(large) as much, asked(small) as little:
        for here, there in zip(much.timed, little.timed, strict=True):
            for _ in range(times):
                little.again(there)
                much.again(here)
            for _ in range(max(3, times // 8)):
                little.after_a_change(there)
                much.after_a_change(here)
            ratio = middle(here.warm) / middle(there.warm)
            rows.append(
                Row(
                    f"{here.words}, warm, mirror of {large.size:,}",
                    against=f"mirror of {small.size:,}",
                    there=ms(middle(there.warm)),
                    here=ms(middle(here.warm)),
                    ratio=ratio,
                    target=f"at most {MOST_GROWTH:g}x",
                    met=ratio <= MOST_GROWTH,
                    besides=f"{here.besides}; in the smaller {there.besides}",
                )
            )
    return rows
