"""Answers are made once for each state, and never given for another one."""

import asyncio

import pytest

from convocore_mcp.server.calls.answer_cache import MAX_ANSWERS, AnswerCache


class Maker:
    """Makes answers, counts them, and can be held back."""

    def __init__(self) -> None:
        self.made = 0
        self.may_end = asyncio.Event()
        self.may_end.set()
        self.error: Exception | None = None

    async def __call__(self) -> str:
        self.made += 1
        number = self.made
        await self.may_end.wait()
        if self.error is not None:
            raise self.error
        return f"answer {number}"


def cache() -> AnswerCache[str]:
    return AnswerCache(keep=lambda answer: answer != "answer 3")


async def test_a_question_is_answered_once_while_nothing_changes() -> None:
    make, answers = Maker(), cache()
    assert [await answers.get(1, "who?", make) for _ in range(3)] == ["answer 1"] * 3
    assert await answers.get(1, "how many?", make) == "answer 2"


async def test_in_another_state_a_question_is_answered_anew() -> None:
    make, answers = Maker(), cache()
    assert await answers.get(1, "who?", make) == "answer 1"
    assert await answers.get(2, "who?", make) == "answer 2"


async def test_without_a_state_every_question_is_answered_anew() -> None:
    make, answers = Maker(), cache()
    assert [await answers.get(None, "who?", make) for _ in range(2)] == ["answer 1", "answer 2"]


async def test_an_answer_that_is_not_to_be_kept_is_made_again() -> None:
    make, answers = Maker(), cache()
    make.made = 2
    assert await answers.get(1, "who?", make) == "answer 3"
    assert await answers.get(1, "who?", make) == "answer 4"


async def test_many_who_ask_at_the_same_time_wait_for_one_answer() -> None:
    make, answers = Maker(), cache()
    make.may_end.clear()
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(answers.get(1, "who?", make)) for _ in range(20)]
        await asyncio.sleep(0)
        make.may_end.set()
    assert {task.result() for task in asked} == {"answer 1"}


@pytest.mark.parametrize("cancelled", [True, False], ids=["is cancelled", "fails"])
async def test_if_one_who_makes_an_answer_gives_up_another_makes_it(cancelled: bool) -> None:
    make, answers = Maker(), cache()
    make.may_end.clear()
    first = asyncio.create_task(answers.get(1, "who?", make))
    await asyncio.sleep(0)
    second = asyncio.create_task(answers.get(1, "who?", make))
    await asyncio.sleep(0)
    if cancelled:
        first.cancel()
    else:
        make.error = ValueError("no")
        make.may_end.set()
    with pytest.raises(asyncio.CancelledError if cancelled else ValueError):
        await first
    make.error = None
    make.may_end.set()
    assert await second == "answer 2"
    assert await answers.get(1, "who?", make) == "answer 2"


async def test_one_who_waits_for_an_answer_may_be_cancelled() -> None:
    make, answers = Maker(), cache()
    make.may_end.clear()
    first = asyncio.create_task(answers.get(1, "who?", make))
    await asyncio.sleep(0)
    second = asyncio.create_task(answers.get(1, "who?", make))
    await asyncio.sleep(0)
    second.cancel()
    make.may_end.set()
    assert await first == "answer 1"
    assert second.cancelled() or await asyncio.wait([second])
    assert second.cancelled()


async def test_the_number_of_kept_answers_is_bounded() -> None:
    make, answers = Maker(), cache()
    make.made = 100
    for question in range(MAX_ANSWERS + 10):
        await answers.get(1, question, make)
    made = make.made
    await answers.get(1, 0, make)
    assert make.made == made
    await answers.get(1, MAX_ANSWERS + 1, make)
    assert make.made == made + 1
