"""The authorizers the server's flags name, kept in step with their configuration file."""

from collections.abc import Mapping
from pathlib import Path

from minik.config import ServerConfig, StartupError
from minik.server.apiserver.authz.authorizer import Authorizer, Immediate
from minik.server.apiserver.followed_file import FollowedFile
from minik.server.apiserver.outside_identities import OpenConnections


class Authorization:
    """`authorizer` decides; `followed` is the component that takes in a changed file, if there is one."""

    def __init__(self, config: ServerConfig, built_in: Mapping[str, Immediate], connections: OpenConnections) -> None:
        """`connections` closes those of webhooks. Blocking. Raises StartupError."""
        self._built_in = built_in
        self._connections = connections
        self.authorizer = Authorizer()
        self.followed: FollowedFile | None = None
        self.asks_webhooks = False
        self._changes = 0  # of the chain, and how often somebody asked while a webhook has its say
        if config.authorization_config:
            self._follow(Path(config.authorization_config), config)
        elif _says_how(config):
            from minik.server.apiserver.authz.configuration import chain_of_flags

            chain = chain_of_flags(config, built_in)
            self.authorizer.steps = chain.steps
            connections.connections += chain.webhooks
            self.asks_webhooks = bool(chain.webhooks)
        else:
            self.authorizer.steps = (built_in["Node"], built_in["RBAC"])

    def _follow(self, path: Path, config: ServerConfig) -> None:
        if _says_how(config):
            raise StartupError(
                "--authorization-config cannot be used with --authorization-mode or --authorization-webhook-*"
            )
        try:
            content = path.read_bytes()
            self._take(content)
        except (OSError, ValueError) as error:
            raise StartupError(f"cannot use authorization configuration {path}: {error}") from None
        self.followed = FollowedFile(path, "apiserver_authorization_config_controller", self._take, content=content)

    def generation(self, policy: int) -> int:
        """Another number whenever a decision may turn out otherwise; `policy` is RBAC's, which only grows.

        A webhook may change its mind at any time, so with one no two numbers are alike.
        """
        if self.asks_webhooks:
            self._changes += 1
        return policy + self._changes

    def _take(self, content: bytes) -> None:
        from minik.api.codec import yaml_codec
        from minik.server.apiserver.authz.configuration import chain_of_document

        chain = chain_of_document(yaml_codec.loads(content)[0], self._built_in)
        self._changes += 1
        self.authorizer.steps = chain.steps
        self._connections.connections += chain.webhooks
        self.asks_webhooks = bool(chain.webhooks)


def _says_how(config: ServerConfig) -> bool:
    """Whether flags name authorizers."""
    files = config.authorization_webhook_config_file or config.authorization_policy_file
    return bool(files) or config.authorization_mode != ("Node", "RBAC")
