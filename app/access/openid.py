"""Signing in by an OpenID provider: the authorization code flow, with PKCE.

https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth and
https://www.rfc-editor.org/rfc/rfc7636
"""

from __future__ import annotations

import base64
import hmac
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx
import jwt
from pydantic import SecretStr

from app.access.users import User, UserStore, folded
from app.config import Settings, is_loopback
from app.errors import InvalidSetting, NotAllowed, SignInFailed, UserExists, UserNotFound

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""Of signatures that only the provider can make: none, and what our own secret makes, are not."""
SCOPE = "openid email profile"
TIMEOUT = 10.0  # seconds
LEEWAY = 60.0  # seconds by which clocks may differ
KNOWN_FOR = 3600.0  # seconds until the provider is asked for its addresses again


@dataclass(frozen=True)
class Attempt:
    """What a browser keeps while it is at the provider, so that nobody else's answer is taken."""

    state: str
    nonce: str
    verifier: str

    @classmethod
    def new(cls) -> Attempt:
        return cls(*(secrets.token_urlsafe(32) for _ in range(3)))


@dataclass(frozen=True)
class Person:
    """Who the provider says it is; `email` only where the provider has verified it."""

    subject: str
    """Made of the issuer and its name for them, which nobody else ever gets."""
    email: str | None


@dataclass
class OpenIdProvider:
    """One issuer, and what this Tidemark is to it."""

    issuer: str
    client_id: str
    client_secret: SecretStr = field(repr=False)
    domains: frozenset[str] = frozenset()
    """Whoever has a verified address in one of these is a user, with no role at first."""
    _known: dict[str, Any] = field(default_factory=dict, repr=False)
    _known_until: float = 0.0

    @property
    def name(self) -> str:
        return urlsplit(self.issuer).netloc

    def way(self, attempt: Attempt, back_to: str) -> str:
        """Where the browser is to be sent; the provider sends it on to `back_to`.

        Raises:
            SignInFailed: the provider does not answer.
        """
        challenge = base64.urlsafe_b64encode(sha256(attempt.verifier.encode()).digest())
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": back_to,
            "scope": SCOPE,
            "state": attempt.state,
            "nonce": attempt.nonce,
            "code_challenge": challenge.rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        address = self._address("authorization_endpoint")
        return f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(asked)}"

    def who(self, attempt: Attempt, state: str, code: str, back_to: str) -> Person:
        """Who has come back, by the code that the provider gave the browser.

        Raises:
            SignInFailed: the browser was not sent there, or the provider does not vouch for it.
        """
        if not code or not hmac.compare_digest(state.encode(), attempt.state.encode()):
            raise SignInFailed("This browser did not begin to sign in here.")
        granted = self._granted(attempt, code, back_to)
        said = self._checked(str(granted.get("id_token", "")), attempt.nonce)
        subject = sha256(f"{self.issuer}\n{said['sub']}".encode()).hexdigest()
        if "email" not in said:
            said |= self._more(str(granted.get("access_token", "")), said["sub"])
        email = said.get("email") if said.get("email_verified") is True else None
        return Person(subject, email if isinstance(email, str) else None)

    def admit(self, person: Person, users: UserStore) -> User:
        """The user that this is, made now if their address is in one of the domains.

        A user who has no password, as administrators make them for this, is the one who first comes
        with their name as a verified address. One who has a password never is: whoever runs the
        provider could else become anybody.

        Raises:
            NotAllowed: this is no user, or one who may not sign in.
        """
        user = users.by_subject(person.subject) or self._invited(person, users)
        if user.disabled:
            raise NotAllowed("You may not sign in here any more.")
        return user

    def _invited(self, person: Person, users: UserStore) -> User:
        email = person.email
        if email is None:
            raise NotAllowed(
                f"{self.name} does not say that it has verified your e-mail address.",
                remedy="Ask an administrator for a password.",
            )
        try:
            found = users.by_name(email)
        except UserNotFound:
            if folded(email).rpartition("@")[2] not in self.domains:
                raise NotAllowed(
                    f"{email[:100]} is no user of this Tidemark.",
                    remedy="Ask an administrator to add you.",
                ) from None
            return self._made(person, email, users)
        if not users.link(found.id, person.subject):
            raise NotAllowed(
                f"{found.name} signs in with a password here, or as somebody else at {self.name}.",
                remedy="Sign in with the password, or ask an administrator.",
            )
        return found

    def _made(self, person: Person, email: str, users: UserStore) -> User:
        try:
            return users.create(email, None, subject=person.subject)
        except UserExists:  # in another of their browser's windows, at this moment
            found = users.by_subject(person.subject)
            if found is None:
                raise
            return found

    def _granted(self, attempt: Attempt, code: str, back_to: str) -> Mapping[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back_to,
            "client_id": self.client_id,
            "client_secret": self.client_secret.get_secret_value(),
            "code_verifier": attempt.verifier,
        }
        return self._asked("POST", self._address("token_endpoint"), data=form)

    def _checked(self, token: str, nonce: str) -> dict[str, Any]:
        """What the ID token says, if it is signed by the provider, for us, and now."""
        keys = jwt.PyJWKClient(self._address("jwks_uri"), timeout=int(TIMEOUT))
        try:
            said: dict[str, Any] = jwt.decode(
                token,
                keys.get_signing_key_from_jwt(token).key,
                algorithms=list(ALGORITHMS),
                audience=self.client_id,
                issuer=self.issuer,
                leeway=LEEWAY,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )
        except jwt.PyJWTError as wrong:
            raise SignInFailed(f"What {self.name} said cannot be trusted: {wrong}.") from wrong
        for_another = said.get("azp", self.client_id) != self.client_id
        if for_another or not hmac.compare_digest(str(said.get("nonce")).encode(), nonce.encode()):
            raise SignInFailed(f"What {self.name} said was not said to this browser.")
        return said

    def _more(self, token: str, subject: object) -> dict[str, Any]:
        """What stands only in the provider's account of the person."""
        if not self._addresses().get("userinfo_endpoint") or not token:
            return {}
        headers = {"authorization": f"Bearer {token}"}
        said = self._asked("GET", self._address("userinfo_endpoint"), headers=headers)
        return dict(said) if said.get("sub") == subject else {}

    def _address(self, name: str) -> str:
        address = self._addresses().get(name)
        if not isinstance(address, str) or not is_safe(address):
            raise SignInFailed(f"{self.name} has no address for its {name!r} that can be used.")
        return address

    def _addresses(self) -> Mapping[str, Any]:
        if time.monotonic() > self._known_until:
            known = self._asked("GET", f"{self.issuer}/.well-known/openid-configuration")
            if known.get("issuer", "").rstrip("/") != self.issuer:
                raise SignInFailed(f"{self.name} calls itself {str(known.get('issuer'))[:200]!r}.")
            self._known, self._known_until = dict(known), time.monotonic() + KNOWN_FOR
        return self._known

    def _asked(self, method: str, address: str, **more: Any) -> Mapping[str, Any]:  # noqa: ANN401 - httpx's own
        try:
            reply = httpx.request(method, address, timeout=TIMEOUT, **more)
            said = reply.json()
        except (httpx.HTTPError, ValueError) as broken:
            raise SignInFailed(f"{self.name} cannot be asked now: {broken!r}.") from broken
        if reply.is_error or not isinstance(said, dict):
            why = str(said.get("error", "")) if isinstance(said, dict) else ""
            raise SignInFailed(f"{self.name} refused (HTTP {reply.status_code} {why[:100]}).")
        return said


def is_safe(address: str) -> bool:
    """Whether nobody on the way can read or change what is sent there."""
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))


def make_openid(settings: Settings) -> OpenIdProvider | None:
    """The provider that the settings name.

    Raises:
        InvalidSetting: it is named, and something that it needs is not.
    """
    issuer = settings.openid_issuer
    if issuer is None:
        return None
    if not is_safe(issuer):
        raise InvalidSetting(
            f"TIDEMARK_OPENID_ISSUER cannot be {issuer!r}: it must begin with https://."
        )
    if settings.openid_client_id is None or settings.openid_client_secret is None:
        raise InvalidSetting(
            "TIDEMARK_OPENID_ISSUER is set without what this Tidemark is to it.",
            remedy="Set TIDEMARK_OPENID_CLIENT_ID and TIDEMARK_OPENID_CLIENT_SECRET too.",
        )
    return OpenIdProvider(
        issuer,
        settings.openid_client_id,
        settings.openid_client_secret,
        settings.openid_domain_names,
    )
