"""What the server's flags say of identities that others manage: token file, JWT issuers, token webhook."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from minik.api.types import UserInfo
from minik.config import ServerConfig, StartupError
from minik.server.apiserver.authn.authenticator import Authenticator, ExternalTokens
from minik.server.apiserver.authn.tokens import read_token_file
from minik.server.apiserver.followed_file import FollowedFile

if TYPE_CHECKING:
    from minik.server.apiserver.authn.oidc.jwt_authenticator import JwtAuthenticator


class Closable(Protocol):
    async def close(self) -> None: ...


class OpenConnections:
    """The component that closes what is connected to webhooks when the server stops."""

    name = "identity-webhooks"

    def __init__(self) -> None:
        self.connections: list[Closable] = []

    async def run(self, ready: asyncio.Event) -> None:
        ready.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            for each in self.connections:
                await each.close()


@dataclass(frozen=True, slots=True)
class OutsideIdentities:
    """Without flags: nobody from outside, and anonymous requests are let in to be authorized."""

    tokens: Mapping[str, UserInfo] = field(default_factory=dict)
    external: Sequence[ExternalTokens] = ()
    anonymous: bool = True
    anonymous_paths: frozenset[str] = frozenset()
    webhooks: Sequence[Closable] = ()
    issuers: "JwtAuthenticator | None" = None  # of an AuthenticationConfiguration, for `follow`


def account_issuers(config: ServerConfig) -> Sequence[str]:
    """Those of service accounts' tokens; the first one is put into new tokens."""
    return config.service_account_issuer or (f"https://kubernetes.default.svc.{config.agent.cluster_domain}",)


def outside_identities(config: ServerConfig) -> OutsideIdentities:
    """Reads the files the flags name. Raises StartupError."""
    external: list[ExternalTokens] = []
    webhooks: list[Closable] = []
    issuers = None
    anonymous, anonymous_paths = config.anonymous_auth, frozenset[str]()
    if config.oidc_issuer_url:
        from minik.server.apiserver.authn.oidc.flags import issuer_of_flags
        from minik.server.apiserver.authn.oidc.jwt_authenticator import JwtAuthenticator

        if config.authentication_config:
            raise StartupError(
                "--authentication-config and --oidc-issuer-url cannot be used together: keep one of them"
            )
        external.append(JwtAuthenticator([issuer_of_flags(config)]))
    if config.authentication_config:
        from minik.server.apiserver.authn.oidc.configuration import load_authentication
        from minik.server.apiserver.authn.oidc.jwt_authenticator import JwtAuthenticator

        found = load_authentication(Path(config.authentication_config), account_issuers(config))
        anonymous, anonymous_paths = anonymous and found.anonymous, found.anonymous_paths
        issuers = JwtAuthenticator(found.issuers)
        external.append(issuers)
    if config.authentication_token_webhook_config_file:
        from minik.api.go_duration import parse_duration
        from minik.server.apiserver.authn.token_webhook import TokenWebhook
        from minik.server.apiserver.webhooks.kubeconfig_webhook import load_webhook

        webhook = TokenWebhook(
            load_webhook(Path(config.authentication_token_webhook_config_file)),
            version=config.authentication_token_webhook_version,
            trusted=parse_duration(config.authentication_token_webhook_cache_ttl),
        )
        external.append(webhook)
        webhooks.append(webhook)
    return OutsideIdentities(_tokens(config), external, anonymous, anonymous_paths, webhooks, issuers)


def follow_authentication(
    config: ServerConfig, identities: OutsideIdentities, authenticator: Authenticator
) -> FollowedFile | None:
    """The component that takes in a changed AuthenticationConfiguration. Blocking."""
    issuers = identities.issuers
    if issuers is None:
        return None
    from minik.server.apiserver.authn.oidc.configuration import read_authentication

    def take(content: bytes) -> None:
        found = read_authentication(content, account_issuers(config))
        issuers.replace(found.issuers)
        authenticator.anonymous = config.anonymous_auth and found.anonymous
        authenticator.anonymous_paths = found.anonymous_paths

    path = Path(config.authentication_config)
    return FollowedFile(path, "apiserver_authentication_config_controller", take, content=path.read_bytes())


def _tokens(config: ServerConfig) -> Mapping[str, UserInfo]:
    if not config.token_auth_file:
        return {}
    try:
        return read_token_file(Path(config.token_auth_file))
    except (OSError, ValueError) as error:
        raise StartupError(f"cannot use token file: {error}") from None
