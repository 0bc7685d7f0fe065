"""While a list is read it moves; a walk misses nothing all the same.

The sandbox is asked in memory here: same application, same client, only the socket is missing.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convocore_mcp.api.client import ConvocoreClient
from convocore_mcp.sandbox import Dialect, Sandbox
from convocore_mcp.store.write.mirror_writer import MirrorWriter
from convocore_mcp.sync.list_reader import Bounds, Reader
from convocore_mcp.sync.progress import Progress
from tests.api.api_client import utc_now

from .sync_harness import at_once, held, memory_mirror, wanted

BOTH = pytest.mark.parametrize("dialect", ["cursor", "page"])
FEW = {"cursor": 4, "page": 20}
"""Rows to a page. The default limit is the least that a workspace by numbers must honour."""
AGENTS = itertools.count()

Change = tuple[str, float]
change = st.tuples(
    st.sampled_from(["insert", "touch", "touch", "delete", "delete", "edit"]),
    st.floats(0, 1, exclude_max=True),
)
moment = st.tuples(st.lists(change, max_size=4), st.integers(0, 12))
"""What happens before an answer, and for how long others may overtake it."""


@pytest.fixture(scope="module")
def mirror() -> Iterator[MirrorWriter]:
    mirror = memory_mirror()
    yield mirror
    mirror.close()


class Troublemaker:
    """Changes the list whenever it is asked for."""

    def __init__(self, sandbox: Sandbox, moments: Iterable[tuple[list[Change], int]]) -> None:
        self.sandbox = sandbox
        self.moments = iter(moments)
        self.ids = [row["ID"] for row in sandbox.rows()]
        self.there_throughout = set(self.ids)
        sandbox.on_request.append(self.meddle)

    async def meddle(self, _number: int) -> None:
        changes, pause = next(self.moments, ([], 0))
        for kind, resume_token in changes:
            self.make(kind, resume_token)
        for _ in range(pause):
            await asyncio.sleep(0)

    def make(self, kind: str, resume_token: float) -> None:
        if kind == "insert" or not self.ids:
            self.ids.insert(0, self.sandbox.insert())
            return
        conversation_id = self.ids[int(resume_token * len(self.ids))]
        if kind == "edit":
            self.sandbox.edit(conversation_id, stage="won")
            return
        self.ids.remove(conversation_id)
        if kind == "touch":
            self.sandbox.touch(conversation_id)
            self.ids.insert(0, conversation_id)
        else:
            self.sandbox.delete(conversation_id)
            self.there_throughout.discard(conversation_id)


def a_list(size: int, dialect: Dialect, *, max_limit: int | None = None) -> Sandbox:
    sandbox = Sandbox(size=0, dialect=dialect, max_limit=max_limit, agent_id=f"a{next(AGENTS)}")
    ids = (f"c{number}" for number in range(size))
    sandbox.replace(
        [{"ID": id_, "ts": 1_700_000_000 - n, "messagesNum": 1} for n, id_ in enumerate(ids)]
    )
    return sandbox


@asynccontextmanager
async def reading(sandbox: Sandbox, mirror: MirrorWriter) -> AsyncIterator[Reader]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=sandbox.app),
        base_url="http://sandbox/v3",
        headers={"Authorization": f"Bearer {sandbox.key}"},
    ) as http:
        client = ConvocoreClient(http, now=utc_now)
        yield Reader(client, mirror, now=utc_now, run_in_thread=at_once, bounds=Bounds())


async def check(
    mirror: MirrorWriter, troublemaker: Troublemaker, *, tails: int, restart: bool
) -> None:
    """Walk while the list moves, then let it rest and see what the last tail makes of it."""
    sandbox = troublemaker.sandbox
    async with reading(sandbox, mirror) as reader:
        full_sync = Progress()
        await reader.full_sync(sandbox.agent_id, full_sync)
        ids = [row.id for row in held(mirror, sandbox.agent_id)]
        assert full_sync.gap is None
        assert len(ids) == len(set(ids))
        assert troublemaker.there_throughout <= set(ids)

        for _ in range(tails):
            await reader.incremental_sync(sandbox.agent_id, Progress())
        sandbox.on_request.clear()
        if not restart:
            await reader.incremental_sync(sandbox.agent_id, Progress())
    if restart:
        async with reading(sandbox, mirror) as another:
            await another.incremental_sync(sandbox.agent_id, Progress())
    # What came or moved is there as it is now. What was edited or deleted where no tail looks is
    # left to the next sweep.
    there = {row[:3] for row in held(mirror, sandbox.agent_id)}
    assert {row[:3] for row in wanted(sandbox)} <= there


@BOTH
@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    size=st.integers(0, 70),
    moments=st.lists(moment, max_size=40),
    tails=st.integers(0, 2),
    restart=st.booleans(),
)
def test_a_walk_misses_nothing_while_the_list_moves(
    mirror: MirrorWriter,
    dialect: Dialect,
    size: int,
    moments: list[tuple[list[Change], int]],
    tails: int,
    restart: bool,
) -> None:
    """Promised by issue 3: what exists throughout a walk is in its result, and nothing twice."""
    sandbox = a_list(size, dialect, max_limit=FEW[dialect])
    troublemaker = Troublemaker(sandbox, moments)
    asyncio.run(check(mirror, troublemaker, tails=tails, restart=restart))


@BOTH
def test_a_walk_of_5000_rows_misses_nothing_with_a_change_at_every_request(
    mirror: MirrorWriter, dialect: Dialect
) -> None:
    """Promised by issue 3: the same with 5,000 rows and a change on every request."""
    sandbox = a_list(5000, dialect, max_limit=20)
    kinds = itertools.cycle(["delete", "touch", "insert", "delete", "touch"])
    places = itertools.cycle([0.0, 0.93, 0.31, 0.5, 0.999, 0.07, 0.7])
    endless = ([(next(kinds), next(places))] for _ in itertools.count())
    troublemaker = Troublemaker(sandbox, ((changes, 0) for changes in endless))
    asyncio.run(check(mirror, troublemaker, tails=0, restart=False))
    assert len(troublemaker.there_throughout) > 4500


@BOTH
async def test_a_list_that_moves_too_fast_says_so(mirror: MirrorWriter, dialect: Dialect) -> None:
    """Promised by design.md: a walk that can't promise to miss nothing says so."""
    sandbox = a_list(300, dialect, max_limit=20)
    storm = [("touch", 0.99)] * 25  # more than a page at each request
    Troublemaker(sandbox, (([*storm], 0) for _ in itertools.count()))
    full_sync = Progress()
    async with reading(sandbox, mirror) as reader:
        await reader.full_sync(sandbox.agent_id, full_sync)

    assert full_sync.gap is not None
    assert "moved faster" in full_sync.gap
    assert mirror.coverage(sandbox.agent_id).complete is False
