"""The `minik` program: commands and flags. Names of flags are k3s's, so that people find them.

Every command imports what it needs when it runs, so that `minik --help` costs next to nothing. A mistake of the user
or of the machine ends in one line on stderr and exit code 1, never in a traceback.
"""

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import click
import typer

from minik import KUBERNETES_VERSION, __version__
from minik.cli.api_server_flags import with_api_server_flags
from minik.config import StartupError

app = typer.Typer(
    name="minik",
    help="A complete Kubernetes in one program.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Text = str | None
Switch = bool | None

CLUSTER, NODE, ACCESS, AUDIT, LOGGING = "Cluster", "Node", "Access", "Audit", "Logging"
IDENTITY = "Identities"
FAKE = "Fake nodes"


def _option(*names: str, help: str, panel: str) -> Any:
    return typer.Option(*names, help=help, rich_help_panel=panel, show_default=False)


DataDir = Annotated[Path | None, _option("--data-dir", "-d", help="Holds all state [/var/lib/minik]", panel=CLUSTER)]
Config = Annotated[
    Path | None, _option("--config", "-c", help="YAML file with these flags [/etc/minik/config.yaml]", panel=CLUSTER)
]
Token = Annotated[Text, _option("--token", "-t", help="Shared secret with which agents join", panel=CLUSTER)]
NodeName = Annotated[Text, _option("--node-name", help="Name of this node [the host's name]", panel=NODE)]
NodeIp = Annotated[Text, _option("--node-ip", help="Address of this node [of the default route]", panel=NODE)]
NodeLabel = Annotated[
    list[str] | None, _option("--node-label", help="Label of this node, key=value (repeatable)", panel=NODE)
]
NodeTaint = Annotated[
    list[str] | None, _option("--node-taint", help="Taint of this node, key=value:effect (repeatable)", panel=NODE)
]
Runtime = Annotated[
    Text,
    _option("--container-runtime-endpoint", help="CRI socket to use instead of minik's own containerd", panel=NODE),
]
KubeletArg = Annotated[
    list[str] | None, _option("--kubelet-arg", help="Upstream kubelet flag, key=value (repeatable)", panel=NODE)
]
Debug = Annotated[Switch, _option("--debug", help="Log what happens in detail", panel=LOGGING)]
Verbosity = Annotated[int | None, _option("-v", help="Log verbosity, 0 to 9", panel=LOGGING)]


@app.command()
@with_api_server_flags
def server(
    data_dir: DataDir = None,
    config: Config = None,
    https_listen_port: Annotated[
        int | None, _option("--https-listen-port", help="Port of the API server [6443]", panel=ACCESS)
    ] = None,
    bind_address: Annotated[
        Text, _option("--bind-address", help="Address the API server listens on [0.0.0.0]", panel=ACCESS)
    ] = None,
    advertise_address: Annotated[
        Text, _option("--advertise-address", help="Address others reach the API server at [node IP]", panel=ACCESS)
    ] = None,
    tls_san: Annotated[
        list[str] | None,
        _option("--tls-san", help="Further name or address in the server's certificate (repeatable)", panel=ACCESS),
    ] = None,
    write_kubeconfig: Annotated[
        Path | None,
        _option(
            "--write-kubeconfig", "-o", help="Where the admin's kubeconfig goes [/etc/minik/minik.yaml]", panel=ACCESS
        ),
    ] = None,
    write_kubeconfig_mode: Annotated[
        Text, _option("--write-kubeconfig-mode", help="Its file mode [600]", panel=ACCESS)
    ] = None,
    token: Token = None,
    cluster_cidr: Annotated[
        Text, _option("--cluster-cidr", help="Addresses of Pods [10.42.0.0/16]", panel=CLUSTER)
    ] = None,
    service_cidr: Annotated[
        Text, _option("--service-cidr", help="Addresses of Services [10.43.0.0/16]", panel=CLUSTER)
    ] = None,
    service_node_port_range: Annotated[
        Text, _option("--service-node-port-range", help="Ports of NodePort Services [30000-32767]", panel=CLUSTER)
    ] = None,
    cluster_dns: Annotated[
        Text, _option("--cluster-dns", help="Address of the cluster DNS [10.43.0.10]", panel=CLUSTER)
    ] = None,
    cluster_domain: Annotated[
        Text, _option("--cluster-domain", help="DNS domain of the cluster [cluster.local]", panel=CLUSTER)
    ] = None,
    disable_agent: Annotated[
        Switch, _option("--disable-agent", help="Run no node on this machine", panel=CLUSTER)
    ] = None,
    disable_scheduler: Annotated[Switch, _option("--disable-scheduler", help="Run no scheduler", panel=CLUSTER)] = None,
    kube_scheduler_config: Annotated[
        Text,
        _option(
            "--kube-scheduler-config", help="KubeSchedulerConfiguration: profiles, plugins, extenders", panel=CLUSTER
        ),
    ] = None,
    kube_scheduler_arg: Annotated[
        list[str] | None,
        _option("--kube-scheduler-arg", help="Upstream kube-scheduler flag, key=value (repeatable)", panel=CLUSTER),
    ] = None,
    disable_controller_manager: Annotated[
        Switch, _option("--disable-controller-manager", help="Run no controllers", panel=CLUSTER)
    ] = None,
    disable: Annotated[
        list[str] | None,
        _option(
            "--disable",
            help="Go without coredns, local-storage, metrics-server, servicelb or an add-on (repeatable)",
            panel=CLUSTER,
        ),
    ] = None,
    fake_nodes: Annotated[
        int | None, _option("--fake-nodes", help="Have so many nodes without machines, for tests [0]", panel=FAKE)
    ] = None,
    fake_node_capacity: Annotated[
        list[str] | None,
        _option(
            "--fake-node-capacity",
            help="What each has, RESOURCE=QUANTITY (repeatable) [cpu=32, memory=256Gi, pods=110]",
            panel=FAKE,
        ),
    ] = None,
    fake_pod_delay: Annotated[
        Text, _option("--fake-pod-delay", help="Seconds until a Pod bound to one runs [0.1]", panel=FAKE)
    ] = None,
    fake_job_seconds: Annotated[
        Text,
        _option("--fake-job-seconds", help="Seconds until a Pod that ends (of a Job) completes there [1]", panel=FAKE),
    ] = None,
    leader_elect: Annotated[
        Switch,
        _option("--leader-elect", help="Run controllers and scheduler only while holding a Lease", panel=CLUSTER),
    ] = None,
    disable_kube_proxy: Annotated[
        Switch, _option("--disable-kube-proxy", help="Program no Service rules on this node", panel=NODE)
    ] = None,
    audit_policy_file: Annotated[
        Text, _option("--audit-policy-file", help="Audit policy: what is recorded of which requests", panel=AUDIT)
    ] = None,
    audit_log_path: Annotated[
        Text,
        _option(
            "--audit-log-path", help="Where audit events go, one JSON object a line; - is standard output", panel=AUDIT
        ),
    ] = None,
    audit_log_maxage: Annotated[
        int | None,
        _option("--audit-log-maxage", help="Days for which rotated audit logs are kept [for ever]", panel=AUDIT),
    ] = None,
    audit_log_maxbackup: Annotated[
        int | None, _option("--audit-log-maxbackup", help="Rotated audit logs to keep [all]", panel=AUDIT)
    ] = None,
    audit_log_maxsize: Annotated[
        int | None,
        _option("--audit-log-maxsize", help="Megabytes at which the audit log is rotated [100]", panel=AUDIT),
    ] = None,
    audit_webhook_config_file: Annotated[
        Text,
        _option(
            "--audit-webhook-config-file", help="kubeconfig of a server that audit events are sent to", panel=AUDIT
        ),
    ] = None,
    encryption_provider_config: Annotated[
        Text,
        _option(
            "--encryption-provider-config",
            help="EncryptionConfiguration: how objects are encrypted in the store",
            panel=ACCESS,
        ),
    ] = None,
    authentication_config: Annotated[
        Text,
        _option(
            "--authentication-config", help="AuthenticationConfiguration: JWT issuers (OpenID Connect)", panel=ACCESS
        ),
    ] = None,
    authentication_token_webhook_config_file: Annotated[
        Text,
        _option(
            "--authentication-token-webhook-config-file",
            help="kubeconfig of a server that reviews bearer tokens",
            panel=ACCESS,
        ),
    ] = None,
    authorization_webhook_config_file: Annotated[
        Text,
        _option(
            "--authorization-webhook-config-file",
            help="kubeconfig of a server that decides who may do what",
            panel=ACCESS,
        ),
    ] = None,
    token_auth_file: Annotated[
        Text,
        _option("--token-auth-file", help='CSV file of bearer tokens: token,user,uid[,"group,group"]', panel=ACCESS),
    ] = None,
    oidc_issuer_url: Annotated[
        Text,
        _option("--oidc-issuer-url", help="OpenID Connect issuer whose tokens are accepted (https)", panel=IDENTITY),
    ] = None,
    oidc_client_id: Annotated[Text, _option("--oidc-client-id", help="Audience of its tokens", panel=IDENTITY)] = None,
    oidc_username_claim: Annotated[
        Text, _option("--oidc-username-claim", help="Claim that names the user [sub]", panel=IDENTITY)
    ] = None,
    oidc_username_prefix: Annotated[
        Text,
        _option("--oidc-username-prefix", help="What goes before it; - is nothing [the issuer and #]", panel=IDENTITY),
    ] = None,
    oidc_groups_claim: Annotated[
        Text, _option("--oidc-groups-claim", help="Claim that names the user's groups", panel=IDENTITY)
    ] = None,
    oidc_groups_prefix: Annotated[
        Text, _option("--oidc-groups-prefix", help="What goes before each of them", panel=IDENTITY)
    ] = None,
    oidc_required_claim: Annotated[
        list[str] | None,
        _option("--oidc-required-claim", help="Claim a token must have, key=value (repeatable)", panel=IDENTITY),
    ] = None,
    oidc_ca_file: Annotated[
        Text, _option("--oidc-ca-file", help="CA of the issuer's web server [the machine's]", panel=IDENTITY)
    ] = None,
    anonymous_auth: Annotated[
        Switch,
        _option(
            "--anonymous-auth/--no-anonymous-auth",
            help="Let requests in that do not say whose they are [true]",
            panel=IDENTITY,
        ),
    ] = None,
    node_name: NodeName = None,
    node_ip: NodeIp = None,
    node_label: NodeLabel = None,
    node_taint: NodeTaint = None,
    container_runtime_endpoint: Runtime = None,
    kubelet_arg: KubeletArg = None,
    debug: Debug = None,
    v: Verbosity = None,
    **api_server: Any,
) -> None:
    """Run a whole cluster on this machine: API server, controllers, scheduler and (unless disabled) a node."""
    flags = {name: value for name, value in locals().items() if name not in ("config", "api_server")} | api_server
    from minik.cli.settings import server_config

    settings = server_config(flags, os.environ, _config_file(config))
    from minik.cli.serve import run_server

    run_server(settings)


@app.command()
def agent() -> None:
    """Join a server as a worker node."""
    raise StartupError("minik agent is not part of this release: `minik server` runs a node on its own machine")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
def kubectl(context: typer.Context) -> None:
    """Run the machine's kubectl against this cluster."""
    from minik.cli.kubectl import run_kubectl

    run_kubectl(context.args, os.environ)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)
def ctr(context: typer.Context) -> None:
    """Run containerd's ctr against the node's own containerd (`minik ctr images import FILE`)."""
    from minik.cli.ctr import run_ctr

    run_ctr(context.args, os.environ)


@app.command()
def killall(data_dir: DataDir = None, config: Config = None, kubelet_arg: KubeletArg = None) -> None:
    """Stop this node's Pods and container runtime and undo their mounts, cgroups and network. Data stays."""
    from minik.cli.killall import run_killall

    flags = {"data_dir": data_dir, "kubelet_arg": kubelet_arg}
    run_killall(flags, os.environ, _config_file(config))


@app.command()
def why(
    what: Annotated[str, typer.Argument(metavar="pod/NAME", help="The Pod")],
    namespace: Annotated[str, typer.Option("--namespace", "-n", help="Its namespace")] = "default",
    output: Annotated[str, typer.Option("--output", "-o", help="json, for programs", show_default=False)] = "",
    kubeconfig: Annotated[Path | None, typer.Option("--kubeconfig", help="Whose server is asked")] = None,
) -> None:
    """Say why a Pod is on its node or on none: which plugin refused which node, and how the others scored."""
    from minik.cli.why import run_why

    run_why(what, namespace, output, kubeconfig, os.environ)


@app.command()
def version() -> None:
    """Print the version of minik and of the Kubernetes API it serves."""
    print(f"minik {__version__} (Kubernetes {KUBERNETES_VERSION}, Python {sys.version.split()[0]})")


def _config_file(flag: Path | None) -> Path | None:
    named = os.environ.get("MINIK_CONFIG")
    return flag or (Path(named) if named else None)


def main() -> None:
    """Entry point of the console script: runs a command and turns expected failures into one line."""
    try:
        result = app(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())
        sys.exit(0)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "minik"
        _fail(f"{error.format_message()} (see `{command} --help`)")
    except (StartupError, click.ClickException) as error:
        _fail(error.format_message() if isinstance(error, click.ClickException) else str(error))
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)
    sys.exit(result if isinstance(result, int) else 0)


def _fail(message: str) -> None:
    print(f"minik: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(1)
