"""An OAuth issuer in miniature, on loopback: its metadata, its keys, and what it signs."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

AUDIENCE = "https://mcp.example/convocore"


class Issuer:
    """Signs tokens. `asked` counts requests for its keys."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.curve = ec.generate_private_key(ec.SECP256R1())
        self.down = False
        self.asked = 0
        self.names = url
        """What its metadata calls it."""

    def documents(self) -> dict[str, Any]:
        """What is served, by path."""
        one = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
        other = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.curve.public_key()))
        keys = [one | {"kid": "one", "use": "sig"}, other | {"kid": "two", "use": "sig"}]
        return {
            "/realm/.well-known/openid-configuration": {
                "issuer": self.names, "jwks_uri": f"{self.url}/keys",
            },
            "/realm/keys": {"keys": keys},
        }  # fmt: skip

    def token(self, *, key: Any = None, algorithm: str = "RS256", **changes: Any) -> str:
        """A good token, but for `changes`; a claim or header that is `None` is left out.

        Headers are `kid` and `jku`.
        """
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.url, "aud": AUDIENCE, "sub": "somebody", "client_id": "an-agent",
            "iat": now, "exp": now + 600, "scope": "leads:read other",
        } | changes  # fmt: skip
        headers = {"kid": claims.pop("kid", "one"), "jku": claims.pop("jku", None)}
        return jwt.encode(
            {name: value for name, value in claims.items() if value is not None},
            self.key if key is None else key,
            algorithm=algorithm,
            headers={name: value for name, value in headers.items() if value is not None},
        )


@contextmanager
def issuing() -> Iterator[Issuer]:
    """An issuer that is served in a thread."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = None if issuer.down else issuer.documents().get(self.path)
            issuer.asked += self.path.endswith("/keys")
            self.send_response(503 if issuer.down else 200 if found else 404)
            self.end_headers()
            self.wfile.write(json.dumps(found or {}).encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer = Issuer(f"http://127.0.0.1:{server.server_port}/realm")
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield issuer
        server.shutdown()
        thread.join()
