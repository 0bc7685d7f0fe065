"""Whatever an answer is made of, reading it stays within memory and time."""

import gzip
import json
import sys
from pathlib import Path

import anyio
import pytest

from .api_client import shared_server
from .odd_list import OddList

READER = Path(__file__).with_name("bounded_reader.py")
MEGABYTES = 330
"""Of the reading process alone; the whole server has 400."""
SECONDS = 20
"""For all attempts, on a busy machine; most of it is the transfer."""
START, END = b'{"success":true,"data":[', b'],"hasMore":false}'
SMALL_ROWS = b",".join(b'{"ID":"c%d","ts":1780000000,"leadScore":5}' % n for n in range(300_000))


def page(content: bytes) -> bytes:
    return START + content + END


BODIES = {
    "300,000 small rows": lambda: page(SMALL_ROWS),
    "49 MB that are cut off": lambda: START + b'{"ID":"c","summary":"' + b"x" * (49 * 2**20),
    "23 MB that are cut off": lambda: START + b'{"ID":"c","summary":"' + b"x" * (23 * 2**20),
    "23 MB of small objects that are cut off": lambda: START + b'{"a":1},' * (23 * 2**17),
    "five million nulls": lambda: page(b"null," * 5_000_000 + b"null")[: 24 * 2**20],
    "four million nulls": lambda: page(b"null," * 4_000_000 + b"null"),
    "seven million empty objects": lambda: page(b"{}," * 7_000_000 + b"{}"),
    "a list in a list in a list": lambda: page(b"[" * (3 * 2**20) + b"]" * (3 * 2**20)),
    "a row of 22 MB with an emoji": lambda: page(
        b'{"ID":"c","summary":"\xf0\x9f\x98\x80' + b"x" * (22 * 2**20) + b'"}'
    ),
    "a number of 20 million digits": lambda: page(
        b'{"ID":"c","leadScore":' + b"9" * 20_000_000 + b"}"
    ),
    "four million flags as notes": lambda: page(
        b'{"ID":"c","crmActivities":['
        + (b'{"notesHistory":[' + b"true," * 10_000 + b"1]},") * 400
        + b"{}]}"
    ),
    "a million tags that do not fit": lambda: page(
        b'{"ID":"c","tags":[' + b"{}," * 1_000_000 + b"{}]}"
    ),
}


async def read_by_process(odd_list: OddList) -> dict[str, object]:
    with shared_server().connected(odd_list) as base_url:
        command = [sys.executable, str(READER), base_url, odd_list.agent_id, odd_list.key]
        done = await anyio.run_process(command)
    report: dict[str, object] = json.loads(done.stdout)
    return report


@pytest.mark.parametrize("name", BODIES)
async def test_no_answer_takes_much_memory_or_time(name: str) -> None:
    """Promised by docs/architecture.md, "Reading Convocore": bounded in every direction."""
    body = BODIES[name]()
    report = await read_by_process(OddList(lambda _: (200, body)))

    assert report["megabytes"] <= MEGABYTES, report  # type: ignore[operator]
    assert report["seconds"] <= SECONDS, report  # type: ignore[operator]


async def test_a_page_with_too_many_rows_is_cut_and_the_rest_counts_as_quarantined() -> None:
    """Promised by docs/architecture.md, "Reading Convocore": rows a page are bounded."""
    body = page(SMALL_ROWS)
    report = await read_by_process(OddList(lambda _: (200, body)))

    assert (report["rows"], report["quarantined"], report["error"]) == (5000, 1, "")


async def test_a_compressed_answer_that_is_followed_by_junk_is_bounded_and_read() -> None:
    """Ours: what follows the compressed data is not part of the answer."""
    body = gzip.compress(page(b'{"ID":"c"}')) + b"junk" * (5 * 2**20)
    report = await read_by_process(OddList(lambda _: (200, body), encoding="gzip"))

    assert (report["rows"], report["error"]) == (1, "")
    assert report["megabytes"] <= 200  # type: ignore[operator]
    assert report["seconds"] <= SECONDS  # type: ignore[operator]
