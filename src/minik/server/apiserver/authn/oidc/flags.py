"""The one issuer that the --oidc-* flags describe.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-flags
"""

from pathlib import Path

from minik.config import ServerConfig, StartupError
from minik.server.apiserver.authn.oidc.claims import ClaimMapping, Claims, Rule
from minik.server.apiserver.authn.oidc.configuration import Issuer

_NO_PREFIX = "-"


def issuer_of_flags(config: ServerConfig) -> Issuer:
    """Raises StartupError."""
    url = config.oidc_issuer_url
    if not url.startswith("https://"):
        raise StartupError(f"--oidc-issuer-url {url}: the URL must begin with https://")
    if not config.oidc_client_id:
        raise StartupError("--oidc-issuer-url needs --oidc-client-id")
    try:
        authority = Path(config.oidc_ca_file).read_text() if config.oidc_ca_file else ""
    except OSError as error:
        raise StartupError(f"cannot read --oidc-ca-file: {error}") from None
    claims = Claims(
        username=ClaimMapping(config.oidc_username_claim, _username_prefix(config)),
        groups=ClaimMapping(config.oidc_groups_claim, config.oidc_groups_prefix),
        rules=[_required(text) for text in config.oidc_required_claim],
    )
    discovery = f"{url.rstrip('/')}/.well-known/openid-configuration"
    return Issuer(url, discovery, authority, (config.oidc_client_id,), claims)


def _username_prefix(config: ServerConfig) -> str:
    """So that no issuer can name a user of another's by accident."""
    if config.oidc_username_prefix == _NO_PREFIX:
        return ""
    if config.oidc_username_prefix:
        return config.oidc_username_prefix
    return "" if config.oidc_username_claim == "email" else f"{config.oidc_issuer_url}#"


def _required(text: str) -> Rule:
    claim, separator, value = text.partition("=")
    if not separator or not claim:
        raise StartupError(f"--oidc-required-claim {text}: it must be key=value")
    return Rule(claim, value)
