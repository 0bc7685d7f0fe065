"""The page dialect, checked against the vendor's OpenAPI document."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from convocore_mcp.sandbox import Sandbox, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from convocore_mcp.sandbox import Dialect

DOCUMENT = Path(__file__).with_name("openapi.yaml")
NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
KEY = {"Authorization": "Bearer sandbox-key"}

schema = schemathesis.openapi.from_path(DOCUMENT)
bounded = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(Sandbox(dialect="page", size=300, now=NOW)) as base:
        yield base


@schema.parametrize()
@bounded
def test_any_request_gets_a_documented_answer(case: schemathesis.Case[Any], url: str) -> None:
    """Promised by docs/upstream.md, "The list endpoint". OpenAPI 1.0.4."""
    case.call_and_validate(
        base_url=url,
        headers=KEY,
        # In the document's schema `page` is any number; only its prose says that pages start at 1.
        excluded_checks=[positive_data_acceptance],
    )


@schema.parametrize()
@bounded
def test_any_request_for_our_agent_gets_a_documented_answer(
    case: schemathesis.Case[Any], url: str
) -> None:
    """Promised by docs/upstream.md, "The list endpoint". OpenAPI 1.0.4."""
    case.path_parameters = {"agentId": "demo-agent"}
    case.call_and_validate(base_url=url, headers=KEY, excluded_checks=[positive_data_acceptance])


def test_every_page_fits_the_document() -> None:
    """Promised by docs/upstream.md, "The list endpoint". Exactly as in OpenAPI 1.0.4."""
    operation = schema["/agents/{agentId}/convos"]["GET"]
    sandbox = Sandbox(dialect="page", now=NOW)

    with serving(sandbox) as base, httpx.Client(base_url=base, headers=KEY) as http:
        for page in range(1, 21):
            query = {"page": page, "limit": 100}
            operation.validate_response(http.get("/agents/demo-agent/convos", params=query))


@pytest.mark.parametrize("dialect", ["page", "cursor"])
def test_errors_have_the_documented_shape(dialect: Dialect) -> None:
    """Promised by docs/upstream.md, "Errors". Only live answers name the `path`."""
    operation = schema["/agents/{agentId}/convos"]["GET"]
    with serving(Sandbox(dialect=dialect, size=3)) as base, httpx.Client(base_url=base) as http:
        path = "/agents/demo-agent/convos"
        bad_request = http.get(path, params={"limit": "many"}, headers=KEY)
        answers = {
            401: http.get(path),
            403: http.get(path, headers={"Authorization": "Bearer free-plan-key"}),
            404: http.get("/agents/nobody/convos", headers=KEY),
            405: http.post(path, headers=KEY),
            400: bad_request,
        }

    for status, answer in answers.items():
        assert answer.status_code == status
        assert {"message", "code"} <= answer.json().keys()
        if dialect == "page":
            operation.validate_response(answer)
    assert answers[401].json() == {
        "message": "Unauthorized workspace scope",
        "code": "UNAUTHORIZED",
    }
    assert "Business plan or higher" in answers[403].json()["message"]
    assert bad_request.json()["code"] == "BAD_REQUEST"
    assert ("path" in bad_request.json()["issues"][0]) == (dialect == "cursor")
