"""Each test runs in both eras of the protocol."""

from typing import Any

import pytest


@pytest.fixture(params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> Any:
    """`auto` is 2026-07-28, `legacy` the handshake."""
    return request.param
