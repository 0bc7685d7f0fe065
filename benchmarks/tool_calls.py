"""The cost of tool calls over stdio, compared with a no-op tool, and in a larger mirror.

Each call is made once on a server that has not seen it (`first`), then repeatedly, alternating with
the reference (`warm`), then just after the mirror has changed (`after a change`).
"""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from benchmarks.mirror_files import AGENT, MirrorFile, open_mirror
from benchmarks.progress import report
from benchmarks.server_process import BASELINE, OURS, Call, Json, Server, environment, result_of
from benchmarks.table import Row, median, ms
from convocore_mcp.api import wire
from convocore_mcp.store.write.mirror_writer import MirrorWriter

MAX_RATIO, MAX_EXTRA_MS = 2.0, 15.0
"""A warm call may take this many times as long as the no-op tool, or this much longer."""
MAX_GROWTH = 1.5
"""How many times as long a warm call may take on the large mirror as on the small one."""
CHANGING_ID = "conv-benchmark"
"""The conversation that is added and changed, so that answers have to be computed again."""
SEARCH: Json = {"query": "demo", "stage": ["demo_req", "negotiation"]}


@dataclass(slots=True)
class Timed:
    """The times of one call on one server, in milliseconds."""

    call: Call
    first: float
    raw: bytes
    """The answer, as it was sent over the pipe."""
    warm: list[float] = field(default_factory=list)
    after_change: list[float] = field(default_factory=list)

    @property
    def title(self) -> str:
        """The call as text; of long arguments only the names."""
        tool, arguments = self.call
        shown = (
            f"{name}={json.dumps(value)}" if name in ("since", "group_by") else name
            for name, value in arguments.items()
        )
        return f"`{tool}({', '.join(shown)})`"

    @property
    def notes(self) -> str:
        """The first time, and the median after a change."""
        return f"first {ms(self.first)}, after a change {ms(median(self.after_change))}"


class MeasuredServer:
    """A server with a mirror; creating it makes every call for the first time."""

    def __init__(self, server: Server, writer: MirrorWriter) -> None:
        self.server = server
        self._writer = writer
        self._changes = itertools.count(1)
        server.call("list_changes", {})  # opens the mirror, and imports what all calls need
        self.timed: list[Timed] = []
        newest = self._first("list_conversations", {})
        self._first("list_conversations", {"cursor": newest["next_cursor"]})
        self._first("list_conversations", SEARCH)
        hot = self._first("summarize_hot_leads", {})
        self._first("summarize_hot_leads", {"since": "7d"})
        # For a lead with sparse rows, Convocore would be asked for details; here is no upstream.
        known = (lead for lead in hot["leads"] if lead.get("wants"))
        self._first("get_lead", {"lead": next(known, hot["leads"][0])["lead_id"]})
        self._first("conversation_stats", {})
        self._first("conversation_stats", {"group_by": ["stage"]})

    def _first(self, tool: str, arguments: Json) -> Json:
        took, raw = self.server.call(tool, arguments)
        self.timed.append(Timed((tool, arguments), took, raw))
        answer: Json = result_of(raw)["structuredContent"]
        return answer

    def call_warm(self, timed: Timed) -> None:
        """Call again, warm."""
        timed.warm.append(self.server.call(*timed.call)[0])

    def call_after_change(self, timed: Timed) -> None:
        """Call just after a conversation got a new message."""
        now = datetime.now(UTC)
        row = {
            "ID": CHANGING_ID,
            "ts": int(now.timestamp()),
            "origin": "web-chat",
            "messagesNum": next(self._changes),
        }
        body = json.dumps({"success": True, "data": [row], "hasMore": False}).encode()
        self._writer.save(AGENT, wire.parse_list_response(body, AGENT, now).page, read_at=now)
        self._writer.rebuild_leads(AGENT)
        timed.after_change.append(self.server.call(*timed.call)[0])


@contextmanager
def measured_server(mirror: MirrorFile) -> Iterator[MeasuredServer]:
    """A new server that answers from this mirror."""
    writer = open_mirror(mirror.path)
    try:
        with Server(OURS, mirror.env) as server:
            yield MeasuredServer(server, writer)
    finally:
        writer.remove(AGENT, [CHANGING_ID], at=datetime.now(UTC))
        writer.rebuild_leads(AGENT)
        writer.close()


def compare_with_no_op(mirror: MirrorFile, times: int) -> list[Row]:
    """Warm calls, compared with a tool that does nothing and answers as many bytes."""
    report(f"Calling tools on a mirror of {mirror.size:,} …")
    rows = []
    with measured_server(mirror) as ours, Server(BASELINE, environment()) as baseline:
        baseline.call("answer", {})
        for timed in ours.timed:
            size = _size_for(baseline, len(timed.raw))
            reference: list[float] = []
            for _ in range(times):
                reference.append(baseline.call("answer", {"size": size})[0])
                ours.call_warm(timed)
            for _ in range(max(3, times // 8)):
                ours.call_after_change(timed)
            rows.append(_no_op_row(timed, median(reference), mirror.size))
    return rows


def _no_op_row(timed: Timed, reference: float, size: int) -> Row:
    measured = median(timed.warm)
    ratio, more = measured / reference, measured - reference
    return Row(
        f"{timed.title}, warm, mirror of {size:,}",
        compared_with=f"no-op tool, {len(timed.raw):,} bytes",
        reference=ms(reference),
        measured=ms(measured),
        ratio=ratio,
        target=f"at most {MAX_RATIO:g}x or {MAX_EXTRA_MS:g} ms more",
        met=ratio <= MAX_RATIO or more <= MAX_EXTRA_MS,
        notes=f"{more:+.1f} ms; {timed.notes}",
    )


def _size_for(baseline: Server, expected: int) -> int:
    """The argument `size` for which the no-op tool answers `expected` bytes."""
    size = expected // 2  # an answer holds everything twice, as text and as structured content
    for _ in range(3):
        got = len(baseline.call("answer", {"size": size})[1])
        size = max(1, size + (expected - got) // 2)
    return size


def compare_sizes(large: MirrorFile, small: MirrorFile, times: int) -> list[Row]:
    """The same calls on a large mirror, compared with a small one."""
    report(f"Calling tools on mirrors of {large.size:,} and {small.size:,} …")
    rows = []
    with measured_server(large) as large_server, measured_server(small) as small_server:
        for measured, reference in zip(large_server.timed, small_server.timed, strict=True):
            for _ in range(times):
                small_server.call_warm(reference)
                large_server.call_warm(measured)
            for _ in range(max(3, times // 8)):
                small_server.call_after_change(reference)
                large_server.call_after_change(measured)
            ratio = median(measured.warm) / median(reference.warm)
            rows.append(
                Row(
                    f"{measured.title}, warm, mirror of {large.size:,}",
                    compared_with=f"mirror of {small.size:,}",
                    reference=ms(median(reference.warm)),
                    measured=ms(median(measured.warm)),
                    ratio=ratio,
                    target=f"at most {MAX_GROWTH:g}x",
                    met=ratio <= MAX_GROWTH,
                    notes=f"{measured.notes}; in the smaller mirror {reference.notes}",
                )
            )
    return rows
