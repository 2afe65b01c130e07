"""Bearer tokens that are JWTs of configured issuers."""

import logging
import time
from collections.abc import Callable, Sequence
from hashlib import sha256

from minik.api.types import Obj, UserInfo
from minik.server.apiserver.authn.oidc.claims import ClaimsError
from minik.server.apiserver.authn.oidc.configuration import Issuer
from minik.server.apiserver.authn.oidc.issuer_keys import IssuerKeys, KeysUnavailable

log = logging.getLogger("minik.apiserver.authn")

_ALGORITHMS = ("RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512")
_KEPT = 4096  # tokens
_TRUSTED = 10.0  # seconds a token is believed without looking again, as upstream's token cache


class JwtAuthenticator:
    """An ExternalTokens (authenticator.py)."""

    def __init__(self, issuers: Sequence[Issuer], *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._recent: dict[bytes, tuple[float, UserInfo]] = {}
        self.replace(issuers)

    def replace(self, issuers: Sequence[Issuer]) -> None:
        """Trust these issuers from now on, and no others."""
        self._issuers = {issuer.url: (issuer, IssuerKeys(issuer)) for issuer in issuers}
        self._recent.clear()

    async def authenticate(self, token: str, _audiences: Sequence[str]) -> UserInfo | None:
        """None: it is no JWT of theirs, or not a good one; the log says why."""
        name = sha256(token.encode()).digest()
        recent = self._recent.get(name)
        now = self._clock()
        if recent is not None and now < recent[0]:
            return recent[1]
        try:
            found = await self._verified(token)
        except (KeysUnavailable, ClaimsError) as error:
            log.warning("a token is refused: %s", error)
            return None
        if found is None:
            return None
        claims, user = found
        if len(self._recent) >= _KEPT:
            self._recent.clear()
        self._recent[name] = (min(now + _TRUSTED, float(claims["exp"])), user)
        return user

    async def _verified(self, token: str) -> tuple[Obj, UserInfo] | None:
        import jwt

        try:
            header = jwt.get_unverified_header(token)
            claimed = jwt.decode(token, options={"verify_signature": False})
        except jwt.PyJWTError:
            return None
        known = self._issuers.get(claimed.get("iss", "")) if isinstance(claimed.get("iss"), str) else None
        if known is None or header.get("alg") not in _ALGORITHMS:
            return None
        issuer, keys = known
        failure = "no key of the issuer's fits"
        for key in await keys.candidates(header.get("kid") or ""):
            try:
                claims: Obj = jwt.decode(
                    token,
                    key.key,
                    algorithms=[header["alg"]],
                    audience=list(issuer.audiences),
                    issuer=issuer.url,
                    options={"require": ["exp", "iss", "aud"], "verify_iat": False, "verify_sub": False},
                )
            except (jwt.PyJWTError, TypeError) as error:
                failure = str(error)
                continue
            return claims, issuer.claims.user(claims)
        raise ClaimsError(f"oidc: verify token: {failure}")
