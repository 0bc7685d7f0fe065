"""What somebody does to the mirror's file while a server uses it: no answer is quietly wrong."""

import errno
import json
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, ParamSpec, TypeVar

import anyio
import pytest

from convocore_mcp.assembly import Assembly
from convocore_mcp.errors import ReplacedMirrorError
from convocore_mcp.sandbox import Sandbox, serving
from convocore_mcp.server.requests import ConversationsRequest
from convocore_mcp.store.database.engine import open_database
from tests.stdio.pipes import TIMEOUT_SECONDS, PipeClient, piped_client
from tests.sync.sync_harness import Gate

from .system_calls import replaced

P = ParamSpec("P")
T = TypeVar("T")
SIZE = 60
Settings = dict[str, object]


@pytest.fixture(scope="module")
def upstream() -> Iterator[Settings]:
    """A sandbox, and the settings to read it."""
    sandbox = Sandbox(size=SIZE)
    with serving(sandbox) as base_url:
        yield {
            "api_key": sandbox.key,
            "agent_id": sandbox.agent_id,
            "base_url": base_url,
            "details": "off",
            "incremental_sync_seconds": 0,
            "wait_seconds": 15,  # on a busy machine
        }


class Caller:
    """Calls a tool, and checks that no answer is a mistake."""

    def __init__(self, client: PipeClient) -> None:
        self._client = client
        self._number = 0

    async def answer(self) -> dict[str, Any]:
        """What `list_conversations` answers."""
        self._number += 1
        await self._client.send(
            "tools/call", self._number, name="list_conversations", arguments={"limit": 1}
        )
        while (message := await self._client.receive()).get("id") != self._number:
            pass
        answer: dict[str, Any] = json.loads(message["result"]["content"][0]["text"])
        return answer

    async def error(self) -> dict[str, str]:
        """The error that a call must give, which the operator can do something about."""
        error: dict[str, str] = (await self.answer())["error"]
        assert error["code"] == "mirror_unavailable"
        assert error["hint"]
        return error

    async def until_complete(self, *errors: str) -> dict[str, Any]:
        """The first complete answer; those before say what is missing, or are errors of the mirror.

        `errors` are the codes of other errors that may come.
        """
        with anyio.fail_after(TIMEOUT_SECONDS):
            while True:
                answer = await self.answer()
                if "error" in answer:
                    assert answer["error"]["code"] in {"mirror_unavailable", *errors}
                elif answer["freshness"]["complete"]:
                    return answer


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """No file may become larger, as on a full disk; in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def cut_in_half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def overwrite(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def overwrite_with_another_mirror(path: Path) -> None:
    """As `cp` does, which keeps the file."""
    other = path.with_name("other")
    open_database(other, owner="somebody else").close()
    content = other.read_bytes()
    path.write_bytes(content + bytes(max(0, path.stat().st_size - len(content))))


def delete(path: Path) -> None:
    path.unlink()


def delete_everything(path: Path) -> None:
    for file in list(path.parent.iterdir()):
        file.unlink()


def replace_with_text(path: Path) -> None:
    other = path.with_name("other")
    other.write_text("somebody's notes")
    other.rename(path)


FAULTS = [
    cut_in_half, empty, overwrite, overwrite_with_another_mirror, delete, delete_everything,
    replace_with_text,
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_a_file_that_somebody_destroys_while_it_is_used_is_filled_again(
    fault: Callable[[Path], None], upstream: Settings, tmp_path: Path
) -> None:
    """Promised by docs/guarantees.md: one call says so, and the next ones are right."""
    path = tmp_path / "mirror.sqlite3"
    async with piped_client(**upstream, store=str(path)) as client:
        caller = Caller(client)
        before = await caller.until_complete()
        fault(path)
        error = await caller.error()
        assert "deleted or replaced" in error["message"] or "overwritten" in error["message"]
        after = await caller.until_complete()
        assert after["total"] == before["total"] > 0
        assert after["conversations"] == before["conversations"]
    # What was read is in the file, and not in one that nobody can find.
    assert path.stat().st_mode & 0o777 == 0o600
    async with piped_client(**upstream, store=str(path)) as client:
        assert (await Caller(client).answer())["total"] == before["total"]


async def test_a_mirror_that_is_replaced_while_it_is_filled_is_not_called_complete(
    tmp_path: Path,
) -> None:
    """Promised by docs/contract.md #never-falsely-complete: the pages before went to the old file.

    A reader notices first, and opens the new file; the sync, which waits for a page, must not go on
    in it as if the pages before were there.
    """
    path, sandbox = tmp_path / "mirror.sqlite3", Sandbox(size=200)
    gate = Gate(sandbox, after=4)
    with serving(sandbox) as base_url:
        async with piped_client(
            api_key=sandbox.key, agent_id=sandbox.agent_id, base_url=base_url, store=str(path),
            details="off", wait_seconds=0.1, incremental_sync_seconds=3_600,
        ) as client:  # fmt: skip
            caller = Caller(client)
            await caller.answer()
            await gate.reached.wait()
            with anyio.fail_after(TIMEOUT_SECONDS):  # until a part of the fourth page was written
                while (await caller.answer())["freshness"]["conversations"] <= 3 * 20:
                    pass
            delete(path)
            await caller.error()
            gate.open()
            answer = await caller.until_complete("upstream_unavailable")  # nothing read yet
    assert answer["freshness"]["conversations"] == len(list(sandbox.rows()))


async def test_an_answer_does_not_mix_two_mirrors(upstream: Settings, tmp_path: Path) -> None:
    """Promised by docs/contract.md #never-falsely-complete: complete as the old one, empty as the
    new one."""
    path = tmp_path / "mirror.sqlite3"
    agent = str(upstream["agent_id"])
    backend = await Assembly({**upstream, "store": str(path)}).build_backend()

    async def read_from_the_new_one(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if path.exists():
            delete(path)
            with pytest.raises(ReplacedMirrorError):
                backend.coverage(agent)
        return await backend.read_one_state(call, *args, **kwargs)

    request = ConversationsRequest()
    try:
        await backend.syncs.sync(agent)
        assert (await backend.answers.list_conversations([agent], request))["total"]
        answers = replace(backend, read_one_state=read_from_the_new_one).answers
        with pytest.raises(ReplacedMirrorError):
            await answers.list_conversations([agent], request)
    finally:
        await backend.close()


async def test_a_disk_that_is_full_in_the_middle_of_a_transaction_costs_nothing_but_time(
    upstream: Settings, tmp_path: Path
) -> None:
    """Promised by docs/guarantees.md: answers say what is missing; with room, reading goes on."""
    store = str(tmp_path / "mirror.sqlite3")
    async with piped_client(**upstream, store=store) as client:
        caller = Caller(client)
        with file_size_limit(700_000):
            for _ in range(3):
                answer = await caller.answer()
                if "error" in answer:
                    assert answer["error"]["code"] == "mirror_unavailable"
                    assert "CONVOCORE_STORE" in answer["error"]["hint"]
                else:
                    assert not answer["freshness"]["complete"]
                    assert any("can't be updated" in note for note in answer["freshness"]["notes"])
    async with piped_client(**upstream, store=store) as client:
        assert (await Caller(client).until_complete())["total"] > 0


async def test_without_a_home_folder_a_call_says_what_to_do(
    upstream: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promised by docs/guarantees.md: a container's user may have no entry in passwd."""

    def no_entry(uid: int) -> NoReturn:
        raise KeyError(uid)

    monkeypatch.setattr("pwd.getpwuid", no_entry)
    for variable in ("HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(variable, raising=False)
    for store in (None, "~/mirror"):
        async with piped_client(**upstream, store=store) as client:
            assert "CONVOCORE_STORE" in (await Caller(client).error())["hint"]
    async with piped_client(**upstream, store="memory") as client:
        assert (await Caller(client).until_complete())["total"] > 0


@pytest.mark.parametrize("number", [errno.EPERM, errno.ENOTSUP])
async def test_a_file_system_without_permissions_is_used_with_a_warning(
    number: int,
    upstream: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Promised by docs/guarantees.md: the operator is told that others may read the mirror."""

    def no_permissions(*_: object, **__: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    path = tmp_path / "mirror.sqlite3"
    path.touch()
    path.chmod(0o644)
    monkeypatch.setattr(os, "chmod", no_permissions)
    async with piped_client(**upstream, store=str(path)) as client:
        assert (await Caller(client).until_complete())["total"] > 0
    assert "Others may be able to read mirror.sqlite3" in caplog.text


@pytest.mark.parametrize("call", ["mmap", "fcntl"])
async def test_a_file_system_without_shared_memory_or_locks_is_refused_with_the_way_out(
    call: str, upstream: Settings, tmp_path: Path
) -> None:
    """Promised by docs/guarantees.md: on such network mounts, servers would damage the mirror."""
    with replaced(call):
        async with piped_client(**upstream, store=str(tmp_path / "mirror.sqlite3")) as client:
            error = await Caller(client).error()
    assert "shared memory" in error["message"]
    assert "CONVOCORE_STORE" in error["hint"]
