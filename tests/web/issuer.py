"""A small OAuth issuer on loopback: its metadata, its keys, and the tokens that it signs."""

import json
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

AUDIENCE = "https://mcp.example/convocore"


class FakeIssuer:
    """Signs tokens with the RSA key `one` or the EC key `two`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.ec_key = ec.generate_private_key(ec.SECP256R1())
        self.down = False
        """Whether every request is answered with 503."""
        self.key_requests = 0
        self.odd_keys: Iterable[bytes] | None = None
        """What is sent in place of the keys, in pieces."""
        self.name_in_metadata = url
        self.keys_url = f"{url}/keys"

    def documents(self) -> dict[str, Any]:
        """The documents that are served, by path."""
        one = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.rsa_key.public_key()))
        two = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.ec_key.public_key()))
        keys = [one | {"kid": "one", "use": "sig"}, two | {"kid": "two", "use": "sig"}]
        return {
            "/realm/.well-known/openid-configuration": {
                "issuer": self.name_in_metadata, "jwks_uri": self.keys_url,
            },
            "/realm/keys": {"keys": keys},
        }  # fmt: skip

    def token(self, *, key: Any = None, algorithm: str = "RS256", **changes: Any) -> str:
        """A valid token, with `changes` to its claims and its headers `kid` and `jku`.

        A claim or header that is `None` is left out.
        """
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.url, "aud": AUDIENCE, "sub": "somebody", "client_id": "an-agent",
            "iat": now, "exp": now + 600, "scope": "leads:read other",
        } | changes  # fmt: skip
        headers = {"kid": claims.pop("kid", "one"), "jku": claims.pop("jku", None)}
        return jwt.encode(
            {name: value for name, value in claims.items() if value is not None},
            self.rsa_key if key is None else key,
            algorithm=algorithm,
            headers={name: value for name, value in headers.items() if value is not None},
        )


@contextmanager
def serve_issuer() -> Iterator[FakeIssuer]:
    """An issuer, served in a thread."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/realm/moved":
                self.send_response(302)
                self.send_header("Location", "/realm/keys")
                self.end_headers()
                return
            document = None if issuer.down else issuer.documents().get(self.path)
            issuer.key_requests += self.path.endswith("/keys")
            self.send_response(503 if issuer.down else 200 if document else 404)
            self.end_headers()
            pieces: Iterable[bytes] = [json.dumps(document or {}).encode()]
            if issuer.odd_keys is not None and self.path.endswith("/keys"):
                pieces = issuer.odd_keys
            with suppress(OSError):  # the client has gone
                for piece in pieces:
                    self.wfile.write(piece)
                    self.wfile.flush()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer = FakeIssuer(f"http://127.0.0.1:{server.server_port}/realm")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield issuer
        server.shutdown()
        thread.join()
