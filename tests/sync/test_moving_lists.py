"""The list moves while it is read, and a full sync misses nothing all the same.

The sandbox runs in memory here: the same application and client, only the socket is missing.
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
from tests.api.api_client import utc_now
from tests.property_tests import examples

from .sync_harness import DirectSyncs, mirror_rows, open_mirror, upstream_rows

BOTH_DIALECTS = pytest.mark.parametrize("dialect", ["cursor", "page"])
ROWS_PER_PAGE = {"cursor": 4, "page": 20}
"""The smallest limits that a workspace of each dialect may have."""
AGENT_NUMBERS = itertools.count()

Change = tuple[str, float]
"""What happens, and to which row: 0 is the first of the list, 1 the last."""
change = st.tuples(
    st.sampled_from(["insert", "touch", "touch", "delete", "delete", "edit"]),
    st.floats(0, 1, exclude_max=True),
)
moment = st.tuples(st.lists(change, max_size=4), st.integers(0, 12))
"""The changes before an answer, and for how many loop cycles other answers may overtake it."""


@pytest.fixture(scope="module")
def mirror() -> Iterator[MirrorWriter]:
    mirror = open_mirror("memory")
    yield mirror
    mirror.close()


class ListMover:
    """Changes the list at every request for it."""

    def __init__(self, sandbox: Sandbox, moments: Iterable[tuple[list[Change], int]]) -> None:
        self.sandbox = sandbox
        self.moments = iter(moments)
        self.ids = [row["ID"] for row in sandbox.rows()]
        self.never_deleted = set(self.ids)
        sandbox.on_request.append(self._move)

    async def _move(self, _number: int) -> None:
        changes, pause = next(self.moments, ([], 0))
        for kind, position in changes:
            self._change(kind, position)
        for _ in range(pause):
            await asyncio.sleep(0)

    def _change(self, kind: str, position: float) -> None:
        if kind == "insert" or not self.ids:
            self.ids.insert(0, self.sandbox.insert())
            return
        conversation_id = self.ids[int(position * len(self.ids))]
        if kind == "edit":
            self.sandbox.edit(conversation_id, stage="won")
            return
        self.ids.remove(conversation_id)
        if kind == "touch":
            self.sandbox.touch(conversation_id)
            self.ids.insert(0, conversation_id)
        else:
            self.sandbox.delete(conversation_id)
            self.never_deleted.discard(conversation_id)


def sandbox_of(size: int, dialect: Dialect, *, max_limit: int | None = None) -> Sandbox:
    sandbox = Sandbox(
        size=0, dialect=dialect, max_limit=max_limit, agent_id=f"a{next(AGENT_NUMBERS)}"
    )
    ids = (f"c{number}" for number in range(size))
    sandbox.replace(
        [{"ID": id_, "ts": 1_700_000_000 - n, "messagesNum": 1} for n, id_ in enumerate(ids)]
    )
    return sandbox


@asynccontextmanager
async def direct_syncs(sandbox: Sandbox, mirror: MirrorWriter) -> AsyncIterator[DirectSyncs]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=sandbox.app),
        base_url="http://sandbox/v3",
        headers={"Authorization": f"Bearer {sandbox.key}"},
    ) as http:
        yield DirectSyncs(ConvocoreClient(http, now=utc_now), mirror, sandbox.agent_id)


async def check(
    mirror: MirrorWriter, mover: ListMover, *, incremental_syncs: int, restart: bool
) -> None:
    """Run a full sync while the list moves; then compare when it has come to rest."""
    sandbox = mover.sandbox
    async with direct_syncs(sandbox, mirror) as syncs:
        progress = await syncs.full_sync()
        ids = [row.id for row in mirror_rows(mirror, sandbox.agent_id)]
        assert progress.gap is None
        assert len(ids) == len(set(ids))
        assert mover.never_deleted <= set(ids)

        for _ in range(incremental_syncs):
            await syncs.incremental_sync()
        sandbox.on_request.clear()
        if not restart:
            await syncs.incremental_sync()
    if restart:
        async with direct_syncs(sandbox, mirror) as syncs_of_new_process:
            await syncs_of_new_process.incremental_sync()
    # What was added or moved is in the mirror as it is now. What was edited or deleted beyond the
    # reach of an incremental sync is left to the next full sync, so stages are not compared.
    in_mirror = {row[:3] for row in mirror_rows(mirror, sandbox.agent_id)}
    assert {row[:3] for row in upstream_rows(sandbox)} <= in_mirror


@BOTH_DIALECTS
@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    size=st.integers(0, 70),
    moments=st.lists(moment, max_size=40),
    incremental_syncs=st.integers(0, 2),
    restart=st.booleans(),
)
def test_a_full_sync_misses_nothing_while_the_list_moves(
    mirror: MirrorWriter,
    dialect: Dialect,
    size: int,
    moments: list[tuple[list[Change], int]],
    incremental_syncs: int,
    restart: bool,
) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": no row is missed or doubled."""
    sandbox = sandbox_of(size, dialect, max_limit=ROWS_PER_PAGE[dialect])
    mover = ListMover(sandbox, moments)
    asyncio.run(check(mirror, mover, incremental_syncs=incremental_syncs, restart=restart))


@BOTH_DIALECTS
def test_a_full_sync_of_5000_rows_misses_nothing_with_a_change_at_every_request(
    mirror: MirrorWriter, dialect: Dialect
) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": no row is missed in a long list."""
    sandbox = sandbox_of(5000, dialect, max_limit=20)
    kinds = itertools.cycle(["delete", "touch", "insert", "delete", "touch"])
    positions = itertools.cycle([0.0, 0.93, 0.31, 0.5, 0.999, 0.07, 0.7])
    endless = ([(next(kinds), next(positions))] for _ in itertools.count())
    mover = ListMover(sandbox, ((changes, 0) for changes in endless))
    asyncio.run(check(mirror, mover, incremental_syncs=0, restart=False))
    assert len(mover.never_deleted) > 4500


@BOTH_DIALECTS
async def test_a_list_that_moves_too_fast_says_so(mirror: MirrorWriter, dialect: Dialect) -> None:
    """Promised by docs/contract.md, "Rules for every answer": never passed off as complete."""
    sandbox = sandbox_of(300, dialect, max_limit=20)
    touches = [("touch", 0.99)] * 25  # more than a page at each request
    ListMover(sandbox, (([*touches], 0) for _ in itertools.count()))
    async with direct_syncs(sandbox, mirror) as syncs:
        progress = await syncs.full_sync()

    assert progress.gap is not None
    assert "changed faster" in progress.gap
    assert mirror.coverage(sandbox.agent_id).complete is False
