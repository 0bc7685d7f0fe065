"""The page dialect, checked against the vendor's OpenAPI document."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from convocore_mcp.sandbox import Sandbox, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemathesis import APIOperation, Case

    from convocore_mcp.sandbox import Dialect

DOCUMENT = Path(__file__).with_name("openapi.yaml")
NOW = datetime(2026, 8, 1, 12, tzinfo=UTC)
KEY = {"Authorization": "Bearer sandbox-key"}

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


@pytest.fixture(scope="module")
def operation() -> APIOperation[Any, Any, Any, Any]:
    """The list endpoint. Each test process would import the library for seconds."""
    import schemathesis

    return schemathesis.openapi.from_path(DOCUMENT)["/agents/{agentId}/convos"]["GET"]


@pytest.mark.parametrize("agent", ["any", "demo-agent"])
def test_any_request_gets_a_documented_answer(
    operation: APIOperation[Any, Any, Any, Any], url: str, agent: str
) -> None:
    """Promised by docs/upstream.md, "The list endpoint". OpenAPI 1.0.4."""
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    @bounded
    @given(operation.as_strategy())
    def check(case: Case[Any]) -> None:
        if agent != "any":
            case.path_parameters = {"agentId": agent}
        # In the document's schema `page` is any number; only its prose says that they start at 1.
        case.call_and_validate(
            base_url=url, headers=KEY, excluded_checks=[positive_data_acceptance]
        )

    check()


def test_every_page_fits_the_document(operation: APIOperation[Any, Any, Any, Any]) -> None:
    """Promised by docs/upstream.md, "The list endpoint". Exactly as in OpenAPI 1.0.4."""
    sandbox = Sandbox(dialect="page", now=NOW)

    with serving(sandbox) as base, httpx.Client(base_url=base, headers=KEY) as http:
        for page in range(1, 21):
            query = {"page": page, "limit": 100}
            operation.validate_response(http.get("/agents/demo-agent/convos", params=query))


@pytest.mark.parametrize("dialect", ["page", "cursor"])
def test_errors_have_the_documented_shape(
    dialect: Dialect, operation: APIOperation[Any, Any, Any, Any]
) -> None:
    """Promised by docs/upstream.md, "Errors". Only live answers name the `path`."""
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
