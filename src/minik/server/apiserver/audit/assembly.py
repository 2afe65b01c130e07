"""The auditor that the server's flags describe."""

from pathlib import Path

from minik.api.go_duration import parse_duration
from minik.api.scheme import Scheme
from minik.config import ServerConfig
from minik.server.apiserver.audit.auditor import Auditor
from minik.server.apiserver.audit.log_file import LogFile
from minik.server.apiserver.audit.policy import load_policy
from minik.server.apiserver.audit.webhook_sink import Sending
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
    sending = Sending(
        blocking=config.audit_webhook_mode == "blocking",
        batch=config.audit_webhook_batch_max_size,
        longest_wait=parse_duration(config.audit_webhook_batch_max_wait),
        buffer=config.audit_webhook_batch_buffer_size,
        first_retry=parse_duration(config.audit_webhook_initial_backoff),
        largest_event=config.audit_webhook_truncate_max_event_size if config.audit_webhook_truncate_enabled else 0,
        largest_batch=config.audit_webhook_truncate_max_batch_size,
    )
    policy = load_policy(Path(config.audit_policy_file))
    return Auditor(policy, scheme, log_file=log_file, webhook=webhook, sending=sending)
