"""One dataclass per command. Every setting comes from: flag > environment (MINIK_*) > config file > default.

Field names are the flag names with underscores; the flag names are k3s's. cli/settings.py does the merging.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """What a node needs: kubelet, proxy, DNS, container runtime."""

    data_dir: Path = Path("/var/lib/minik")
    node_name: str = ""  # "": the host's name, lower case
    node_ip: str = ""  # "": the address of the default route, else 127.0.0.1
    cluster_cidr: str = "10.42.0.0/16"
    service_cidr: str = "10.43.0.0/16"
    cluster_dns: str = "10.43.0.10"
    cluster_domain: str = "cluster.local"
    container_runtime_endpoint: str = ""  # "": minik starts its own containerd under data_dir
    kubelet_arg: tuple[str, ...] = ()  # upstream kubelet flags as key=value
    disable_kube_proxy: bool = False
    disable_cluster_dns: bool = False  # somebody else answers at cluster_dns
    node_label: tuple[str, ...] = ()
    node_taint: tuple[str, ...] = ()
    debug: bool = False
    v: int = 0

    @property
    def agent_dir(self) -> Path:
        return self.data_dir / "agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerConfig:
    """What `minik server` needs besides the agent's settings (`agent`)."""

    agent: AgentConfig
    https_listen_port: int = 6443
    bind_address: str = "0.0.0.0"
    advertise_address: str = ""  # "": node_ip
    tls_san: tuple[str, ...] = ()
    write_kubeconfig: Path = Path("/etc/minik/minik.yaml")
    write_kubeconfig_mode: str = "600"
    token: str = ""
    service_node_port_range: str = "30000-32767"
    disable_agent: bool = False
    disable_scheduler: bool = False
    kube_scheduler_config: str = ""  # KubeSchedulerConfiguration; "": upstream's defaults
    kube_scheduler_arg: tuple[str, ...] = ()  # upstream kube-scheduler flags as key=value
    disable_controller_manager: bool = False
    leader_elect: bool = False  # several servers share one store: only the holder of a Lease runs each part
    disable: tuple[str, ...] = ()  # coredns, local-storage, metrics-server, servicelb, or an add-on's name
    fake_nodes: int = 0  # nodes without machines
    fake_node_capacity: tuple[str, ...] = ()  # key=value, besides cpu=32, memory=256Gi, pods=110
    fake_pod_delay: str = "0.1"  # seconds from a Pod's binding to a fake node until it runs
    fake_job_seconds: str = "1"  # seconds that Pods run there whose restartPolicy is not Always
    # kube-apiserver's flags, under their own names; "": not used
    runtime_config: tuple[str, ...] = ()  # versions served besides the stable ones, as KEY=BOOL
    audit_policy_file: str = ""
    audit_log_path: str = ""  # "-": standard output
    audit_log_maxage: int = 0  # days; 0: kept for ever
    audit_log_maxbackup: int = 0  # files; 0: all of them
    audit_log_maxsize: int = 100  # MB
    audit_webhook_config_file: str = ""
    encryption_provider_config: str = ""
    authentication_config: str = ""
    authentication_token_webhook_config_file: str = ""
    authorization_webhook_config_file: str = ""
    token_auth_file: str = ""
    oidc_issuer_url: str = ""
    oidc_client_id: str = ""
    oidc_username_claim: str = "sub"
    oidc_username_prefix: str = ""  # "": the issuer and "#", but for "email"; "-": none
    oidc_groups_claim: str = ""
    oidc_groups_prefix: str = ""
    oidc_required_claim: tuple[str, ...] = ()  # key=value
    oidc_ca_file: str = ""
    anonymous_auth: bool = True
    authorization_mode: tuple[str, ...] = ("Node", "RBAC")
    authorization_config: str = ""
    authorization_policy_file: str = ""
    authorization_webhook_version: str = "v1beta1"
    authorization_webhook_cache_authorized_ttl: str = "5m0s"  # durations are Go's
    authorization_webhook_cache_unauthorized_ttl: str = "30s"
    authentication_token_webhook_version: str = "v1beta1"
    authentication_token_webhook_cache_ttl: str = "2m0s"
    client_ca_file: str = ""
    requestheader_client_ca_file: str = ""
    requestheader_allowed_names: tuple[str, ...] = ("system:auth-proxy",)
    requestheader_username_headers: tuple[str, ...] = ("X-Remote-User",)
    requestheader_uid_headers: tuple[str, ...] = ("X-Remote-Uid",)
    requestheader_group_headers: tuple[str, ...] = ("X-Remote-Group",)
    requestheader_extra_headers_prefix: tuple[str, ...] = ("X-Remote-Extra-",)
    service_account_issuer: tuple[str, ...] = ()  # (): https://kubernetes.default.svc.CLUSTER_DOMAIN
    service_account_key_file: tuple[str, ...] = ()
    service_account_signing_key_file: str = ""
    service_account_max_token_expiration: str = "0s"
    service_account_extend_token_expiration: bool = True
    service_account_jwks_uri: str = ""
    api_audiences: tuple[str, ...] = ()
    encryption_provider_config_automatic_reload: bool = False
    enable_priority_and_fairness: bool = True
    max_requests_inflight: int = 400
    max_mutating_requests_inflight: int = 200
    etcd_compaction_interval: str = "5m0s"
    event_ttl: str = "1h0m0s"
    request_timeout: str = "1m0s"
    shutdown_delay_duration: str = "0s"
    audit_webhook_mode: str = "batch"  # or blocking
    audit_webhook_batch_max_size: int = 400
    audit_webhook_batch_max_wait: str = "30s"
    audit_webhook_batch_buffer_size: int = 10000
    audit_webhook_initial_backoff: str = "10s"
    audit_webhook_truncate_enabled: bool = False
    audit_webhook_truncate_max_batch_size: int = 10485760
    audit_webhook_truncate_max_event_size: int = 102400

    @property
    def data_dir(self) -> Path:
        return self.agent.data_dir

    @property
    def server_dir(self) -> Path:
        return self.agent.data_dir / "server"

    @property
    def tls_dir(self) -> Path:
        """Keys and certificates: client-ca, server-ca, request-header-ca, service.key, ... (k3s's names)."""
        return self.server_dir / "tls"


class StartupError(Exception):
    """minik cannot start. The message is one line: what is wrong and how to mend it."""
