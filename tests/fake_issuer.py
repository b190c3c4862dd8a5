"""A fake OpenID provider over real HTTP: it checks what real ones check, and can be made to lie."""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from app.web.api.job_feed import JobFeeds
from tests.server import served

KEY_ID = "1"


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class FakeIssuer:
    """`person` is who is signed in there; `lies` stand in the place of what the ID token says."""

    client_id: str = "tidemark"
    client_secret: str = "the issuer's word"
    person: dict[str, Any] = field(default_factory=dict)
    more: dict[str, Any] = field(default_factory=dict)
    """What only the endpoint for user info says."""
    lies: dict[str, Any] = field(default_factory=dict)
    refuses: str = ""
    """The error that the browser is sent back with."""
    key: rsa.RSAPrivateKey = field(default_factory=new_key)
    signs_with: rsa.RSAPrivateKey | None = None
    """Another key than the one that is published."""
    address: str = ""
    asked: dict[str, dict[str, str]] = field(default_factory=dict)
    """What the browser was sent with, by the code that it was given."""

    def app(self) -> FastAPI:
        app = FastAPI()
        app.state.job_feeds = JobFeeds()  # which `served` ends

        @app.get("/.well-known/openid-configuration")
        def configuration() -> dict[str, str]:
            endpoints = {"authorization_endpoint": "authorize", "token_endpoint": "token"}
            endpoints |= {"jwks_uri": "keys", "userinfo_endpoint": "userinfo"}
            made = {name: f"{self.address}/{path}" for name, path in endpoints.items()}
            return {"issuer": self.address, **made}

        @app.get("/authorize")
        def authorize(request: Request) -> Response:
            asked = dict(request.query_params)
            assert asked["client_id"] == self.client_id
            assert asked["response_type"] == "code"
            assert asked["code_challenge_method"] == "S256"
            assert "openid" in asked["scope"].split()
            code = f"code-{len(self.asked)}"
            self.asked[code] = asked
            told = {"error": self.refuses} if self.refuses else {"code": code}
            return RedirectResponse(
                f"{asked['redirect_uri']}?{urlencode({**told, 'state': asked['state']})}", 303
            )

        @app.post("/token")
        async def token(request: Request) -> Response:
            form = {k: v[0] for k, v in parse_qs((await request.body()).decode()).items()}
            asked = self.asked.pop(form.get("code", ""), None)
            digest = sha256(form.get("code_verifier", "").encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            right = (
                asked is not None
                and asked["code_challenge"] == challenge
                and asked["redirect_uri"] == form.get("redirect_uri")
                and form.get("client_secret") == self.client_secret
            )
            if asked is None or not right:
                return JSONResponse({"error": "invalid_grant"}, 400)
            return JSONResponse({"access_token": "at", "id_token": self._id_token(asked["nonce"])})

        @app.get("/keys")
        def keys() -> dict[str, Any]:
            public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
            return {"keys": [{**public, "kid": KEY_ID, "use": "sig", "alg": "RS256"}]}

        @app.get("/userinfo")
        def userinfo() -> dict[str, Any]:
            return {"sub": self.person["sub"], **self.more}

        return app

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        says = {
            "iss": self.address,
            "aud": self.client_id,
            "iat": now,
            "exp": now + 300,
            "nonce": nonce,
            **self.person,
            **self.lies,
        }
        return jwt.encode(says, self.signs_with or self.key, "RS256", headers={"kid": KEY_ID})


@contextmanager
def issuing(issuer: FakeIssuer) -> Iterator[FakeIssuer]:
    """Serve `issuer` on loopback; its `address` is known inside."""
    with served(issuer.app()) as address:
        issuer.address = address
        yield issuer
