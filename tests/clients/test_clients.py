"""Every client gets all of its requests answered, over stdio and over HTTP with a token."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.clients import (
    CLIENTS,
    TRANSPORTS,
    ClientUnderTest,
    failure_of,
    install,
    run_client,
)
from tests.clients.clients import served as serve


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with serve(tmp_path_factory.mktemp("server")) as plan:
        yield plan


@pytest.mark.clients
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.name)
def test_the_client_gets_every_request_answered(
    client: ClientUnderTest, plan: dict[str, Any], tmp_path: Path
) -> None:
    """Promised by docs/clients.md, "Clients". A fault of the client's own must still be there."""
    if why := install(client, tmp_path):
        pytest.skip(f"{client.name} can't be installed here: {why[-300:]}")
    reports = run_client(client, plan, tmp_path)

    failures = {name: failure_of(reports[name]) for name in TRANSPORTS}
    assert {name for name, failure in failures.items() if failure} == {*client.failures}, failures
