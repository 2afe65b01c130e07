"""Whether the values of settings make sense, before anything is started or written with them. Pure."""

import ipaddress
import re
from collections.abc import Callable, Iterable

from minik.api import names
from minik.api.quantity import parse as parse_quantity
from minik.config import AgentConfig, ServerConfig, StartupError

_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_TAINT = re.compile(r"[^=:]+(=[^=:]*)?:(\w+)")
_PORTS = range(1, 65536)
_DURATION = re.compile(r"0|([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+")
_DURATIONS = (
    "etcd-compaction-interval",
    "event-ttl",
    "authorization-webhook-cache-authorized-ttl",
    "authorization-webhook-cache-unauthorized-ttl",
    "authentication-token-webhook-cache-ttl",
    "service-account-max-token-expiration",
    "request-timeout",
    "shutdown-delay-duration",
    "audit-webhook-batch-max-wait",
    "audit-webhook-initial-backoff",
)


def check_server(config: ServerConfig) -> None:
    """Raises StartupError naming the first setting that makes no sense."""
    check_agent(config.agent)
    _check("bind-address", config.bind_address, _is_address, "an IP address")
    if config.advertise_address:
        _check("advertise-address", config.advertise_address, _is_address, "an IP address")
    _check("https-listen-port", str(config.https_listen_port), _is_port, "a port from 1 to 65535")
    _check("service-node-port-range", config.service_node_port_range, _is_port_range, "two ports, like 30000-32767")
    _check("write-kubeconfig-mode", config.write_kubeconfig_mode, _is_mode, "a file mode, like 600")
    if not 0 <= config.fake_nodes <= 10_000:
        raise StartupError(f"--fake-nodes: {config.fake_nodes} is not a number from 0 to 10000")
    _check_all("fake-node-capacity", config.fake_node_capacity, _is_amount, "RESOURCE=QUANTITY, like cpu=8")
    for flag in ("fake-pod-delay", "fake-job-seconds"):
        _check(flag, getattr(config, flag.replace("-", "_")), _is_seconds, "a number of seconds")
    for flag in _DURATIONS:
        _check(flag, getattr(config, flag.replace("-", "_")), _is_duration, "a duration, like 1m30s")
    for flag in ("authorization-webhook-version", "authentication-token-webhook-version"):
        _check(flag, getattr(config, flag.replace("-", "_")), ("v1", "v1beta1").__contains__, "v1 or v1beta1")
    _check("audit-webhook-mode", config.audit_webhook_mode, ("batch", "blocking").__contains__, "batch or blocking")
    _check_all("service-account-issuer", config.service_account_issuer, _is_issuer, "an https URL or a plain name")


def check_agent(config: AgentConfig) -> None:
    """Raises StartupError as `check_server` does."""
    for flag, text in (("cluster-cidr", config.cluster_cidr), ("service-cidr", config.service_cidr)):
        for network in text.split(","):
            _check(flag, network, _is_network, "a network, like 10.42.0.0/16")
    for flag, text in (("cluster-dns", config.cluster_dns), ("node-ip", config.node_ip)):
        for address in filter(None, text.split(",")):
            _check(flag, address.strip(), _is_address, "an IP address")
    _check("cluster-domain", config.cluster_domain, lambda text: not names.dns_subdomain(text), "a DNS name")
    _check_all("node-label", config.node_label, lambda text: "=" in text, "key=value")
    _check_all("kubelet-arg", config.kubelet_arg, lambda text: "=" in text, "key=value")
    _check_all("node-taint", config.node_taint, _is_taint, "key=value:effect with one of " + ", ".join(_EFFECTS))


def _check_all(flag: str, values: Iterable[str], good: Callable[[str], bool], wanted: str) -> None:
    for value in values:
        _check(flag, value, good, wanted)


def _check(flag: str, value: str, good: Callable[[str], bool], wanted: str) -> None:
    if not good(value):
        raise StartupError(f"--{flag}: {value!r} is not {wanted}")


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return "/" in text


def _is_port(text: str) -> bool:
    return text.isdecimal() and int(text) in _PORTS


def _is_port_range(text: str) -> bool:
    first, separator, last = text.partition("-")
    return bool(separator) and _is_port(first) and _is_port(last) and int(first) <= int(last)


def _is_mode(text: str) -> bool:
    return re.fullmatch(r"0?[0-7]{3}", text) is not None


def _is_duration(text: str) -> bool:
    return _DURATION.fullmatch(text) is not None


def _is_seconds(text: str) -> bool:
    return re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) is not None


def _is_amount(text: str) -> bool:
    resource, _, amount = text.partition("=")
    try:
        parse_quantity(amount)
    except ValueError:
        return False
    return bool(resource)


def _is_issuer(text: str) -> bool:
    """What holds a colon is taken for a URL, as upstream takes it."""
    return bool(text) and (":" not in text or text.startswith(("https://", "http://")))


def _is_taint(text: str) -> bool:
    found = _TAINT.fullmatch(text)
    return found is not None and found.group(2) in _EFFECTS
