"""How long starting takes, beside a bare one-tool server on the same SDK, in turns."""

import time
from collections.abc import Mapping

from benchmarks.pipes import BARE, OURS, Server, environment
from benchmarks.table import Row, middle, ms


def start(command: list[str], env: Mapping[str, str]) -> float:
    """Milliseconds from nothing to the answer to `tools/list`."""
    began = time.perf_counter()
    with Server(command, env) as server:
        server.request("tools/list")
        return (time.perf_counter() - began) * 1000


def measure(rounds: int) -> list[Row]:
    """The row about starting."""
    env = environment(api_key="nobody-is-asked", agent_id="nobody", store="memory")
    start(BARE, env), start(OURS, env)  # byte code is written and files are read for the first time
    pairs = [(start(BARE, env), start(OURS, env)) for _ in range(rounds)]
    there, here = middle([bare for bare, _ in pairs]), middle([ours for _, ours in pairs])
    # Of each pair, as the machine may be busier at one time than at another.
    ratio = middle([ours / bare for bare, ours in pairs])
    return [
        Row(
            "start to first `tools/list`, stdio",
            against="bare one-tool server",
            there=ms(there),
            here=ms(here),
            ratio=ratio,
            target="at most 1.00x",
            met=round(ratio, 2) <= 1.0,
            besides=f"{rounds} starts of each, in turns",
        )
    ]
