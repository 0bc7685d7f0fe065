"""Start-up time, compared with a one-tool server on the same SDK, alternating."""

import time
from collections.abc import Mapping

from benchmarks.server_process import BASELINE, OURS, Server, environment
from benchmarks.table import Row, median, ms


def start_time(command: list[str], env: Mapping[str, str]) -> float:
    """Milliseconds from the start of the process to the answer to `tools/list`."""
    began = time.perf_counter()
    with Server(command, env) as server:
        server.request("tools/list")
        return (time.perf_counter() - began) * 1000


def measure(rounds: int) -> list[Row]:
    """The row about start-up."""
    env = environment(api_key="not-used-here", agent_id="not-used", store="memory")
    start_time(BASELINE, env), start_time(OURS, env)  # writes byte code and warms the file cache
    pairs = [(start_time(BASELINE, env), start_time(OURS, env)) for _ in range(rounds)]
    reference, measured = median([base for base, _ in pairs]), median([ours for _, ours in pairs])
    # Per pair, because the machine may be busier at one time than at another.
    ratio = median([ours / base for base, ours in pairs])
    return [
        Row(
            "start to first `tools/list`, stdio",
            compared_with="bare one-tool server",
            reference=ms(reference),
            measured=ms(measured),
            ratio=ratio,
            target="at most 1.00x",
            met=round(ratio, 2) <= 1.0,
            notes=f"{rounds} starts of each, alternating",
        )
    ]
