"""Who sends a request: front proxy headers, a client certificate, a bearer token, or nobody in particular.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from minik.api.request import Request
from minik.api.types import UserInfo
from minik.server.apiserver.authn.authentication_counts import AuthenticationCounts
from minik.server.apiserver.authn.front_proxy import DEFAULT_FRONT_PROXY, FrontProxy
from minik.server.apiserver.authn.service_account import Authenticated, ServiceAccountAuthenticator
from minik.server.apiserver.authn.signing_key import TokenInvalidError
from minik.server.apiserver.authn.tokens import BootstrapTokens, StaticTokens
from minik.server.apiserver.authn.x509 import CertificateAuthenticator

AUTHENTICATED, UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"
ANONYMOUS = UserInfo("system:anonymous", groups=(UNAUTHENTICATED,))
_WEBSOCKET_TOKEN = "base64url.bearer.authorization.k8s.io."


class ExternalTokens(Protocol):
    """Tokens that others vouch for: JWT issuers, a webhook. None: not a good token as far as they know."""

    async def authenticate(self, token: str, audiences: Sequence[str]) -> UserInfo | None: ...


@dataclass(slots=True)
class Authenticator:
    """Tries the ways to prove an identity in upstream's order. `audiences` are what tokens must be meant for.

    What comes of an AuthenticationConfiguration may be replaced while the server runs.
    """

    certificates: CertificateAuthenticator
    static_tokens: StaticTokens
    service_accounts: ServiceAccountAuthenticator
    bootstrap_tokens: BootstrapTokens
    audiences: Sequence[str]
    anonymous: bool = True
    anonymous_paths: frozenset[str] = frozenset()  # where anonymous requests are let in; empty: everywhere
    external: Sequence[ExternalTokens] = ()
    front_proxy: FrontProxy = DEFAULT_FRONT_PROXY
    counts: AuthenticationCounts = field(default_factory=AuthenticationCounts)

    async def authenticate(self, request: Request) -> UserInfo | None:
        """None: credentials were given and are no good, or none were given and anonymous requests are off."""
        if request.user is not None:
            return request.user
        user = await self._find(request)
        self.counts.add(user)
        return user

    async def _find(self, request: Request) -> UserInfo | None:
        if request.client_certificate is not None:
            identity = self.certificates.identify(request.client_certificate)
            if identity is not None and not identity.front_proxy:
                return with_authenticated(identity.user)
            if identity is not None and self.front_proxy.trusts(identity.user.name):
                user = self.front_proxy.user(request)
                if user is not None:
                    return with_authenticated(user)
        token = bearer_token(request)
        if token:
            try:
                return self.authenticate_token(token, self.audiences).user
            except TokenInvalidError:
                found = await self._vouched_for(token, self.audiences) if self.external else None
                return None if found is None else found.user
        if request.client_certificate is not None:
            return None  # a certificate that proves nothing is no less wrong than such a token
        if self.anonymous_paths and request.path not in self.anonymous_paths:
            return None
        return ANONYMOUS if self.anonymous else None

    async def review(self, token: str, audiences: Sequence[str]) -> Authenticated:
        """As `authenticate_token`, asking others as well."""
        try:
            return self.authenticate_token(token, audiences)
        except TokenInvalidError:
            found = await self._vouched_for(token, audiences) if self.external else None
            if found is None:
                raise
            return found

    async def _vouched_for(self, token: str, audiences: Sequence[str]) -> Authenticated | None:
        """Such tokens are for this server alone, whatever audience of its own is asked for."""
        own = [audience for audience in audiences if audience in self.audiences]
        if not own:
            return None
        for each in self.external:
            user = await each.authenticate(token, own)
            if user is not None:
                return Authenticated(with_authenticated(user), own)
        return None

    def authenticate_token(self, token: str, audiences: Sequence[str]) -> Authenticated:
        """Raises TokenInvalidError with the text a TokenReview shows."""
        user = self.static_tokens.authenticate(token)
        if user is None:
            user = self.bootstrap_tokens.authenticate(token)
        if user is not None:
            return Authenticated(with_authenticated(user), audiences)
        try:
            found = self.service_accounts.authenticate(token, audiences)
        except TokenInvalidError as error:
            raise TokenInvalidError(f"[invalid bearer token, {error}]") from None
        if found is None:
            raise TokenInvalidError("invalid bearer token")
        return Authenticated(with_authenticated(found.user), found.audiences)


def with_authenticated(user: UserInfo) -> UserInfo:
    if AUTHENTICATED in user.groups or UNAUTHENTICATED in user.groups:
        return user
    return UserInfo(user.name, user.uid, (*user.groups, AUTHENTICATED), user.extra)


def bearer_token(request: Request) -> str:
    """The token of the Authorization header or of a WebSocket subprotocol; "" if there is none."""
    scheme, _, token = request.headers.get("authorization", "").strip().partition(" ")
    if scheme.lower() == "bearer":
        return token.strip()
    for protocol in request.headers.get("sec-websocket-protocol", "").split(","):
        protocol = protocol.strip()
        if protocol.startswith(_WEBSOCKET_TOKEN):
            encoded = protocol.removeprefix(_WEBSOCKET_TOKEN)
            try:
                return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
            except (binascii.Error, UnicodeDecodeError):
                return ""
    return ""
