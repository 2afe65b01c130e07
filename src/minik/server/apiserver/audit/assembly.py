"""The auditor that the server's flags describe."""

from pathlib import Path

from minik.api.scheme import Scheme
from minik.config import ServerConfig
from minik.server.apiserver.audit.auditor import Auditor
from minik.server.apiserver.audit.log_file import LogFile
from minik.server.apiserver.audit.policy import load_policy
from minik.server.apiserver.webhooks.kubeconfig_webhook import load_webhook


def auditor_of(config: ServerConfig, scheme: Scheme) -> Auditor:
    """For flags that name a policy; without one nothing is recorded, as upstream. Blocking. Raises StartupError."""
    log_file = webhook = None
    if config.audit_log_path:
        log_file = LogFile(
            config.audit_log_path,
            max_size=config.audit_log_maxsize,
            max_backups=config.audit_log_maxbackup,
            max_age=config.audit_log_maxage,
        )
    if config.audit_webhook_config_file:
        webhook = load_webhook(Path(config.audit_webhook_config_file))
    return Auditor(load_policy(Path(config.audit_policy_file)), scheme, log_file=log_file, webhook=webhook)
