"""OAuth tokens: which are accepted, which are refused, and how a client finds the issuer."""

import asyncio
import base64
import itertools
import json
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any

import anyio.from_thread
import anyio.to_thread
import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp.server.auth.provider import AccessToken

from convocore_mcp.web.access import issuer_documents
from convocore_mcp.web.access.issuer_documents import IssuerError
from convocore_mcp.web.access.oauth import oauth_tokens
from convocore_mcp.web.access.signing_keys import Issuer
from tests.web.issuer import AUDIENCE, FakeIssuer, serve_issuer
from tests.web.web_server import (
    TOKEN,
    RunningServer,
    bearer,
    initialize_request,
    modern_request,
    run_server,
)

FOREIGN_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def issuer() -> Iterator[FakeIssuer]:
    """One issuer for all tests."""
    with serve_issuer() as fake:
        yield fake


@pytest.fixture(scope="module")
def server(issuer: FakeIssuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server that accepts the issuer's tokens and one static token."""
    options = ["--oauth-issuer", issuer.url + "/", "--oauth-audience", AUDIENCE, "--token", TOKEN]
    settings = {"CONVOCORE_MCP_OAUTH_SCOPES": "leads:read"}
    with run_server(tmp_path_factory.mktemp("oauth"), "--demo", *options, env=settings) as running:
        yield running


def responses(server: RunningServer, token: str) -> list[httpx.Response]:
    """The responses to a request of each era, and to `/readyz`."""
    with httpx.Client(base_url=server.url, headers=bearer(token), trust_env=False) as client:
        mcp = [
            client.post("/mcp", json=body, headers=headers)
            for headers, body in (modern_request("tools/list"), initialize_request())
        ]
        return [*mcp, client.get("/readyz")]


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
def test_a_valid_token_is_accepted(
    server: RunningServer, issuer: FakeIssuer, changes: dict[str, Any]
) -> None:
    """Promised by docs/operations.md, "HTTP". The issuer's clock may be ten seconds ahead."""
    key = issuer.ec_key if changes.get("kid") == "two" else None
    assert [r.status_code for r in responses(server, issuer.token(key=key, **changes))] == [200] * 3


def public_key_pem(issuer: FakeIssuer) -> bytes:
    format_ = serialization.PublicFormat.SubjectPublicKeyInfo
    return issuer.rsa_key.public_key().public_bytes(serialization.Encoding.PEM, format_)


def signed_with_public_key_as_secret(issuer: FakeIssuer) -> str:
    """Signed with HMAC, with the public key as the secret: algorithm confusion."""
    payload = issuer.token().split(".")[1]
    header = {"alg": "HS256", "kid": "one", "typ": "JWT"}
    encoded_header = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signed_part = f"{encoded_header}.{payload}"
    signature = base64.urlsafe_b64encode(hmac.sign(signed_part.encode(), public_key_pem(issuer)))
    return f"{signed_part}.{signature.rstrip(b'=').decode()}"


def without_signature(issuer: FakeIssuer) -> str:
    """Correctly signed; then the signature was removed."""
    return issuer.token().rpartition(".")[0] + "."


def with_changed_subject(issuer: FakeIssuer) -> str:
    """Correctly signed; then the subject was changed."""
    head, body, signature = issuer.token().split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "==")) | {"sub": "admin"}
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"{head}.{forged}.{signature}"


WRONG_TOKENS: dict[str, Any] = {
    "signed by another key": lambda i: i.token(key=FOREIGN_KEY),
    "signed by another key, with its URL in the header": lambda i: i.token(
        key=FOREIGN_KEY, jku="http://x.example"
    ),
    "signed by a key with an unknown ID": lambda i: i.token(key=FOREIGN_KEY, kid="three"),
    "signed by a key of another type": lambda i: i.token(kid="two"),
    "for another audience": lambda i: i.token(aud="https://other.example"),
    "without an audience": lambda i: i.token(aud=None),
    "from another issuer": lambda i: i.token(iss="https://other.example"),
    "without an issuer": lambda i: i.token(iss=None),
    "expired": lambda i: i.token(exp=int(time.time()) - 1),
    "expired long ago": lambda i: i.token(exp=int(time.time()) - 3600),
    "without an expiry": lambda i: i.token(exp=None),
    "with an expiry that is no time": lambda i: i.token(exp="tomorrow"),
    "not yet valid": lambda i: i.token(nbf=int(time.time()) + 3600),
    "without a subject": lambda i: i.token(sub=None),
    "alg none": lambda i: i.token(key="", algorithm="none"),
    "alg none with a signature": lambda i: i.token(key="", algorithm="none") + "AAAA",
    "signature removed": without_signature,
    "signed with the public key as a shared secret": signed_with_public_key_as_secret,
    "subject changed": with_changed_subject,
    "without a kid, though there are two keys": lambda i: i.token(kid=None),
    "kid is a path": lambda i: i.token(key=FOREIGN_KEY, kid="../../../../dev/null"),
    "not a JWT": lambda _: "a.b.c",
    "too long": lambda i: i.token(scope="x" * 20_000),
}


@pytest.mark.parametrize("wrong", WRONG_TOKENS)
def test_a_wrong_token_is_refused(server: RunningServer, issuer: FakeIssuer, wrong: str) -> None:
    """Promised by docs/operations.md, "HTTP". In both eras."""
    for response in responses(server, WRONG_TOKENS[wrong](issuer)):
        assert response.status_code == 401
        assert 'error="invalid_token"' in response.headers["www-authenticate"]


def test_a_token_without_a_required_scope_is_refused_with_its_name(
    server: RunningServer, issuer: FakeIssuer
) -> None:
    """Promised by docs/operations.md, "HTTP"."""
    for response in responses(server, issuer.token(scope="other")):
        assert response.status_code == 403
        assert 'error="insufficient_scope"' in response.headers["www-authenticate"]
        assert 'scope="leads:read"' in response.headers["www-authenticate"]


def test_a_static_token_is_accepted_beside_oauth(server: RunningServer) -> None:
    """Ours: scripts keep their tokens when people get OAuth."""
    assert [response.status_code for response in responses(server, TOKEN)] == [200] * 3


@pytest.mark.parametrize("endpoint", ["/mcp", "/sse"])
def test_a_client_finds_the_issuer(
    server: RunningServer, issuer: FakeIssuer, endpoint: str
) -> None:
    """Promised by docs/operations.md, "HTTP". RFC 9728 leads from the 401 to the issuer."""
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        refused = client.get(endpoint)
        challenge = refused.headers["www-authenticate"]
        url = challenge.split('resource_metadata="')[1].split('"')[0]
        metadata = client.get(url)

    assert refused.status_code == 401
    assert "error=" not in challenge  # RFC 6750: a request without a token gets no error code
    assert url == f"{server.url}/.well-known/oauth-protected-resource{endpoint}"
    assert metadata.json() == {
        "resource": f"{server.url}{endpoint}",
        "resource_name": "Convocore leads",
        "authorization_servers": [issuer.url + "/"],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["leads:read"],
    }


async def test_a_failed_issuer_is_asked_again_only_after_a_pause() -> None:
    """Ours: invalid tokens must not cause many requests to the issuer."""
    now = 100.0
    with serve_issuer() as fake:
        verify = oauth_tokens(Issuer(fake.url, clock=lambda: now), audience=AUDIENCE)
        fake.down = True
        assert await verify(fake.token()) is None
        fake.down = False
        assert await verify(fake.token()) is None
        now += 11
        access = await verify(fake.token())
        assert access is not None
        assert (access.client_id, access.subject) == ("an-agent", "somebody")
        for _ in range(5):
            assert await verify(fake.token(key=FOREIGN_KEY, kid="unknown")) is None
        assert fake.key_requests == 1


async def test_metadata_that_names_another_issuer_is_refused() -> None:
    """Promised by RFC 8414, section 3.3."""
    with serve_issuer() as fake:
        fake.name_in_metadata = "https://other.example"
        with pytest.raises(IssuerError, match="another issuer"):
            await Issuer(fake.url).signing_key("one")


@pytest.mark.parametrize(
    ("keys_url", "reason"),
    [
        ("http://keys.example/keys", "not behind https"),
        ("ftp://keys.example/keys", "not behind https"),
        ("http://[", "not behind https"),
        ("moved", "no keys"),
    ],
)
async def test_keys_from_another_url_than_the_issuers_metadata_names_are_refused(
    keys_url: str, reason: str
) -> None:
    """Promised by docs/operations.md, "HTTP": whoever is in between could replace the keys."""
    with serve_issuer() as fake:
        fake.keys_url = f"{fake.url}/moved" if keys_url == "moved" else keys_url
        with pytest.raises(IssuerError, match=reason):
            await Issuer(fake.url).signing_key("one")


async def test_a_key_for_encryption_signs_no_token() -> None:
    """Promised by RFC 7517, section 4.2."""
    with serve_issuer() as fake:
        (*_, served) = fake.documents().values()
        keys = [key | {"use": "enc"} if key["kid"] == "one" else key for key in served["keys"]]
        fake.odd_keys = [json.dumps({"keys": keys}).encode()]
        verify = oauth_tokens(Issuer(fake.url), audience=AUDIENCE)
        assert await verify(fake.token(key=fake.ec_key, kid="two", algorithm="ES256")) is not None
        assert await verify(fake.token()) is None


odd = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from([10**400, "1e999", float("inf"), "9999999999", AUDIENCE]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)  # fmt: skip
CLAIMS = [
    "exp", "iat", "nbf", "aud", "sub", "iss", "scope", "scp", "client_id", "azp", "jti", "kid",
    "alg",
]  # fmt: skip


def deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


async def test_whatever_a_claim_is_a_token_is_accepted_or_refused() -> None:
    """Promised by docs/operations.md, "HTTP". Nothing in a token is an error of the server."""
    with serve_issuer() as fake:
        verify = oauth_tokens(Issuer(fake.url), audience=AUDIENCE)
        assert await verify(fake.token()) is not None

        async def accessed(token: str) -> AccessToken | None:
            return await verify(token)

        @settings(max_examples=60)
        @given(st.dictionaries(st.sampled_from(CLAIMS), odd, max_size=3))
        def check(claims: dict[str, Any]) -> None:
            found = anyio.from_thread.run(accessed, sign(fake, claims))
            if found is not None:
                assert isinstance(found.client_id, str)
                assert isinstance(found.expires_at, int)
                assert found.expires_at > time.time() - 1

        await anyio.to_thread.run_sync(check)
        for claims in (
            {"exp": "9999999999"},
            {"scope": 5},
            {"exp": float("nan")},
            {"x": deep(900)},
            {"scope": [5]},
            {"client_id": 5},
            {"exp": float("inf")},
            {"exp": True},
        ):
            assert await verify(sign(fake, claims)) is None or claims.keys() == {"x"}, claims


def sign(issuer: FakeIssuer, changes: dict[str, Any]) -> str:
    """A signed token whatever its claims are: the library refuses to write some of them."""
    header: dict[str, Any] = {"alg": "ES256", "kid": "two", "typ": "JWT"}
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": issuer.url,
        "aud": AUDIENCE,
        "sub": "x",
        "exp": now + 600,
        "scope": "a",
    }
    claims |= changes
    header |= {name: claims.pop(name) for name in ("kid", "alg") if name in claims}

    def part(value: object) -> bytes:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")

    signed = part(header) + b"." + part(claims)
    algorithm = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256)
    signature = base64.urlsafe_b64encode(algorithm.sign(signed, issuer.ec_key)).rstrip(b"=")
    return (signed + b"." + signature).decode()


def test_a_claim_of_a_wrong_type_is_answered_401(server: RunningServer, issuer: FakeIssuer) -> None:
    """Promised by docs/operations.md, "HTTP"."""
    for claims in ({"exp": "9999999999"}, {"scope": 5}, {"client_id": {"a": 1}}, {"exp": 1e400}):
        assert [r.status_code for r in responses(server, sign(issuer, claims))] == [401] * 3


def dribble(stop: threading.Event) -> Iterator[bytes]:
    while not stop.wait(0.05):
        yield b" "


@pytest.mark.parametrize(
    "what", ["nested", "too large", "slow", "no keys", "a list for an ID", "no object"]
)
async def test_keys_are_fetched_within_bounds_and_old_ones_are_kept_while_that_fails(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promised by docs/operations.md, "HTTP". Nobody waits who does not need new keys."""
    # What is too large is refused long before its time is over.
    monkeypatch.setattr(issuer_documents, "TIMEOUT_SECONDS", 30 if what == "too large" else 0.5)
    now, stop, sent = 100.0, threading.Event(), itertools.count()
    answers: dict[str, Iterable[bytes]] = {
        "nested": [b"[" * 100_000],
        "too large": (b" " * 65_536 for _ in zip(range(5_000), sent, strict=False)),
        "slow": dribble(stop),
        "no keys": [b'{"keys": [5, {"kty": "RSA", "n": 5}, {"kty": []}, {"kty": "EC"}]}'],
        "a list for an ID": [],
        "no object": [b"[]"],
    }
    with serve_issuer() as fake:
        verify = oauth_tokens(Issuer(fake.url, clock=lambda: now), audience=AUDIENCE)
        assert await verify(fake.token()) is not None
        odd = [key | {"kid": ["one"]} for key in fake.documents()["/realm/keys"]["keys"]]
        answers["a list for an ID"] = [json.dumps({"keys": odd}).encode()]
        fake.odd_keys = answers[what]
        now += 400

        async def ask_for_unknown_key() -> None:
            assert await verify(fake.token(key=FOREIGN_KEY, kid="unknown")) is None

        unknown = asyncio.create_task(ask_for_unknown_key())
        await asyncio.sleep(0)
        assert await verify(fake.token()) is not None
        assert not unknown.done()
        async with asyncio.timeout(10):
            await unknown
        assert await verify(fake.token()) is not None
        now += 86_400
        assert await verify(fake.token()) is None
        assert next(sent) < 1_000  # the rest of it, 260 MB, is not read
        stop.set()
