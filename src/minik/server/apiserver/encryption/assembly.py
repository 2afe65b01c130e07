"""Encryption at rest as the server's flags describe it, kept in step with its configuration file."""

from pathlib import Path

from minik.api.scheme import Scheme
from minik.config import ServerConfig, StartupError
from minik.server.apiserver.encryption.configuration import Configuration, read_configuration
from minik.server.apiserver.encryption.kms_watch import KmsWatch
from minik.server.apiserver.encryption.places import Places
from minik.server.apiserver.encryption.store import EncryptingStore
from minik.server.apiserver.followed_file import FollowedFile
from minik.server.apiserver.server import ApiServer
from minik.store.store import Store
from minik.supervisor import Component


class Encryption:
    """`store` is the store as the API server uses it."""

    def __init__(self, config: ServerConfig, store: Store, scheme: Scheme) -> None:
        """Blocking. Raises StartupError."""
        path = Path(config.encryption_provider_config)
        try:
            content = path.read_bytes()
            configuration = read_configuration(content)
        except (OSError, ValueError) as error:
            raise StartupError(f"cannot use encryption configuration {path}: {error}") from None
        self._ask(configuration)
        self._places = Places(configuration, scheme)
        self.store = EncryptingStore(store, self._places)
        self.components: list[Component] = []
        self._watch: KmsWatch | None = None
        self._followed: FollowedFile | None = None
        if config.encryption_provider_config_automatic_reload:
            self._followed = FollowedFile(path, "apiserver_encryption_config_controller", self._take, content=content)
            self.components.append(self._followed)
        if configuration.kms or self._followed is not None:
            self._watch = KmsWatch(lambda: self._places.configuration.kms)
            self.components.append(self._watch)

    def install(self, api: ApiServer) -> None:
        """Health checks and metrics."""
        if self._watch is not None:
            api.metrics.add(self._watch.collect)
            name = "kms-providers" if self._followed is not None else "kms-provider-0"
            api.health.add(name, self._watch.check)
        if self._followed is not None:
            api.metrics.add(self._followed.collect)

    def _take(self, content: bytes) -> None:
        configuration = read_configuration(content)
        self._ask(configuration)
        if ill := [each for each in configuration.kms if each.trouble]:
            raise ValueError(f"KMS plugin {ill[0].name}: {ill[0].trouble}")
        self._places.replace(configuration)

    def _ask(self, configuration: Configuration) -> None:
        for each in configuration.kms:
            each.refresh()
