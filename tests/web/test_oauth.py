"""Tokens that an issuer signed: which are taken, which are not, and what a client is told."""

import base64
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from convocore_mcp.web.oauth import Issuer as Keys
from convocore_mcp.web.oauth import IssuerError, oauth_tokens
from tests.web.issuer import AUDIENCE, Issuer, issuing
from tests.web.web_server import TOKEN, Running, bearer, hello, modern, running

STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    """One for all tests."""
    with issuing() as made:
        yield made


@pytest.fixture(scope="module")
def server(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that takes the issuer's tokens, and one agreed on beforehand."""
    options = ["--oauth-issuer", issuer.url + "/", "--oauth-audience", AUDIENCE, "--token", TOKEN]
    settings = {"CONVOCORE_MCP_OAUTH_SCOPES": "leads:read"}
    with running(tmp_path_factory.mktemp("oauth"), "--demo", *options, env=settings) as made:
        yield made


def asked(server: Running, token: str) -> list[httpx.Response]:
    """The answers to a request of each era, and to one for an event stream's path."""
    with httpx.Client(base_url=server.url, headers=bearer(token), trust_env=False) as client:
        found = [
            client.post("/mcp", json=body, headers=headers)
            for headers, body in (modern("tools/list"), hello())
        ]
        return [*found, client.get("/readyz")]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"aud": ["https://other.example", AUDIENCE]},
        {"scope": None, "scp": ["leads:read"]},
        {"scope": None, "scp": "leads:read"},
        {"kid": "two", "algorithm": "ES256"},
        {"nbf": int(time.time()) + 5},
        {"client_id": None},
    ],
)
def test_a_good_token_is_let_in(server: Running, issuer: Issuer, changes: dict[str, Any]) -> None:
    """Promised by the issue; a clock may be ten seconds ahead."""
    key = issuer.curve if changes.get("kid") == "two" else None
    assert [a.status_code for a in asked(server, issuer.token(key=key, **changes))] == [200] * 3


def pem(issuer: Issuer) -> bytes:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return issuer.key.public_key().public_bytes(serialization.Encoding.PEM, form)


def with_shared_secret(issuer: Issuer) -> str:
    """Signed with the public key as if it were a secret: the classic confusion."""
    good = issuer.token().split(".")
    header = {"alg": "HS256", "kid": "one", "typ": "JWT"}
    first = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    said = f"{first}.{good[1]}"
    signed = base64.urlsafe_b64encode(signature.sign(said.encode(), pem(issuer)))
    return f"{said}.{signed.rstrip(b'=').decode()}"


def without_signature(issuer: Issuer) -> str:
    """Properly signed, and then stripped."""
    return issuer.token().rpartition(".")[0] + "."


def changed(issuer: Issuer) -> str:
    """Properly signed, with another subject put in."""
    head, body, signature = issuer.token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "==")) | {"sub": "admin"}
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{forged}.{signature}"


WRONG: dict[str, Any] = {
    "signed by another key": lambda i: i.token(key=STRANGER),
    "by another key that says where it is": lambda i: i.token(key=STRANGER, jku="http://x.example"),
    "by a key nobody knows": lambda i: i.token(key=STRANGER, kid="three"),
    "by a key of another kind": lambda i: i.token(kid="two"),
    "for another audience": lambda i: i.token(aud="https://other.example"),
    "for nobody": lambda i: i.token(aud=None),
    "from another issuer": lambda i: i.token(iss="https://other.example"),
    "from nobody": lambda i: i.token(iss=None),
    "expired": lambda i: i.token(exp=int(time.time()) - 1),
    "expired long ago": lambda i: i.token(exp=int(time.time()) - 3600),
    "without an end": lambda i: i.token(exp=None),
    "with an end that is no time": lambda i: i.token(exp="tomorrow"),
    "not yet valid": lambda i: i.token(nbf=int(time.time()) + 3600),
    "about nobody": lambda i: i.token(sub=None),
    "alg none": lambda i: i.token(key="", algorithm="none"),
    "alg none with a signature": lambda i: i.token(key="", algorithm="none") + "AAAA",
    "signature taken off": without_signature,
    "shared secret": with_shared_secret,
    "changed": changed,
    "with two keys to choose from and no kid": lambda i: i.token(kid=None),
    "kid is a path": lambda i: i.token(key=STRANGER, kid="../../../../dev/null"),
    "no JWT": lambda _: "a.b.c",
    "long": lambda i: i.token(scope="x" * 20_000),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_token_is_refused(server: Running, issuer: Issuer, wrong: str) -> None:
    """Promised by the issue: in both eras."""
    for answer in asked(server, WRONG[wrong](issuer)):
        assert answer.status_code == 401
        assert 'error="invalid_token"' in answer.headers["www-authenticate"]


def test_a_token_without_the_scope_is_told_which(server: Running, issuer: Issuer) -> None:
    """Promised by the issue."""
    for answer in asked(server, issuer.token(scope="other")):
        assert answer.status_code == 403
        assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]
        assert 'scope="leads:read"' in answer.headers["www-authenticate"]


def test_a_token_agreed_on_beforehand_goes_on_to_be_good(server: Running) -> None:
    """Ours: scripts keep theirs when people get a login."""
    assert [a.status_code for a in asked(server, TOKEN)] == [200] * 3


@pytest.mark.parametrize("endpoint", ["/mcp", "/sse"])
def test_a_client_finds_the_issuer(server: Running, issuer: Issuer, endpoint: str) -> None:
    """Promised by the issue: RFC 9728, from the 401 to the issuer."""
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        refused = client.get(endpoint)
        told = refused.headers["www-authenticate"]
        url = told.split('resource_metadata="')[1].split('"')[0]
        metadata = client.get(url)

    assert refused.status_code == 401
    assert "error=" not in told  # RFC 6750: nothing was wrong with what was not given
    assert url == f"{server.url}/.well-known/oauth-protected-resource{endpoint}"
    assert metadata.json() == {
        "resource": f"{server.url}{endpoint}",
        "resource_name": "Convocore leads",
        "authorization_servers": [issuer.url + "/"],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["leads:read"],
    }


async def test_an_issuer_that_fails_is_left_alone_for_a_moment_and_asked_again() -> None:
    """Ours: whoever sends bad tokens must not make us hammer it."""
    now = 100.0
    with issuing() as made:
        verify = oauth_tokens(Keys(made.url, clock=lambda: now), audience=AUDIENCE)
        made.down = True
        assert await verify(made.token()) is None
        made.down = False
        assert await verify(made.token()) is None
        now += 11
        known = await verify(made.token())
        assert known is not None
        assert (known.client_id, known.subject) == ("an-agent", "somebody")
        for _ in range(5):
            assert await verify(made.token(key=STRANGER, kid="unknown")) is None
        assert made.asked == 1


def test_metadata_of_another_issuer_is_not_believed() -> None:
    """Promised by RFC 8414, section 3.3."""
    with issuing() as made:
        made.names = "https://other.example"
        with pytest.raises(IssuerError, match="another issuer"):
            Keys(made.url).key("one")
