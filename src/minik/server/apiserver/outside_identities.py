"""What the server's flags say of identities and permissions that others manage: token file, JWT issuers, webhooks."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from minik.api.types import UserInfo
from minik.config import ServerConfig, StartupError
from minik.server.apiserver.authn.authenticator import ExternalTokens
from minik.server.apiserver.authn.tokens import read_token_file

if TYPE_CHECKING:
    from minik.server.apiserver.authz.webhook import WebhookAuthorizer


class Closable(Protocol):
    async def close(self) -> None: ...


class OpenConnections:
    """The component that closes what is connected to webhooks when the server stops."""

    def __init__(self, name: str, connections: Sequence[Closable]) -> None:
        self.name = name
        self._connections = connections

    async def run(self, ready: asyncio.Event) -> None:
        ready.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            for each in self._connections:
                await each.close()


@dataclass(frozen=True, slots=True)
class OutsideIdentities:
    """Without flags: nobody from outside, and anonymous requests are let in to be authorized."""

    tokens: Mapping[str, UserInfo] = field(default_factory=dict)
    external: Sequence[ExternalTokens] = ()
    authorizer: "WebhookAuthorizer | None" = None
    anonymous: bool = True
    anonymous_paths: frozenset[str] = frozenset()
    components: Sequence[OpenConnections] = ()


def outside_identities(config: ServerConfig) -> OutsideIdentities:
    """Reads the files the flags name. Raises StartupError."""
    external: list[ExternalTokens] = []
    open_connections: list[Closable] = []
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

        found = load_authentication(Path(config.authentication_config))
        anonymous, anonymous_paths = anonymous and found.anonymous, found.anonymous_paths
        if found.issuers:
            external.append(JwtAuthenticator(found.issuers))
    if config.authentication_token_webhook_config_file:
        from minik.server.apiserver.authn.token_webhook import TokenWebhook
        from minik.server.apiserver.webhooks.kubeconfig_webhook import load_webhook

        webhook = TokenWebhook(load_webhook(Path(config.authentication_token_webhook_config_file)))
        external.append(webhook)
        open_connections.append(webhook)
    authorizer = _authorizer(config)
    if authorizer is not None:
        open_connections.append(authorizer)
    components = [OpenConnections("identity-webhooks", open_connections)] if open_connections else []
    return OutsideIdentities(_tokens(config), external, authorizer, anonymous, anonymous_paths, components)


def _authorizer(config: ServerConfig) -> "WebhookAuthorizer | None":
    if not config.authorization_webhook_config_file:
        return None
    from minik.server.apiserver.authz.webhook import WebhookAuthorizer
    from minik.server.apiserver.webhooks.kubeconfig_webhook import load_webhook

    return WebhookAuthorizer(load_webhook(Path(config.authorization_webhook_config_file)))


def _tokens(config: ServerConfig) -> Mapping[str, UserInfo]:
    if not config.token_auth_file:
        return {}
    try:
        return read_token_file(Path(config.token_auth_file))
    except (OSError, ValueError) as error:
        raise StartupError(f"cannot use token file: {error}") from None
