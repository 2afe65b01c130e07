"""The files under /etc that a Pod gets from the kubelet: hosts and resolv.conf (pure, but for reading the host's own).

https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from minik.api.types import Obj

MAX_NAMESERVERS, MAX_SEARCHES, MAX_SEARCH_CHARS = 3, 32, 2048
_HEADER = "# Kubernetes-managed hosts file.\n"
_HOST_HEADER = "# Kubernetes-managed hosts file (host network).\n"
_LOCAL = (
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "fe00::0\tip6-mcastprefix\n"
    "fe00::1\tip6-allnodes\n"
    "fe00::2\tip6-allrouters\n"
)


@dataclass(frozen=True, slots=True)
class DNS:
    """What resolv.conf says."""

    servers: Sequence[str] = ()
    searches: Sequence[str] = ()
    options: Sequence[str] = ()


def hostname(pod: Obj) -> str:
    """The Pod's host name: hostnameOverride, hostname, or its name cut to 63 characters."""
    spec = pod["spec"]
    if spec.get("hostnameOverride"):
        return str(spec["hostnameOverride"])
    name = str(spec.get("hostname") or pod["metadata"]["name"])
    return name if len(name) <= 63 else name[:63].rstrip("-.")


def domain_name(pod: Obj, cluster_domain: str) -> str:
    """The Pod's domain below its subdomain, or ""."""
    subdomain = pod["spec"].get("subdomain")
    return f"{subdomain}.{pod['metadata']['namespace']}.svc.{cluster_domain}" if subdomain else ""


def sandbox_hostname(pod: Obj, cluster_domain: str) -> str:
    """What uname -n says: with setHostnameAsFQDN the whole name."""
    name, domain = hostname(pod), domain_name(pod, cluster_domain)
    return f"{name}.{domain}" if pod["spec"].get("setHostnameAsFQDN") and domain else name


def hosts_file(pod: Obj, pod_ips: Sequence[str], cluster_domain: str, host_content: str) -> str:
    """The text of /etc/hosts. `host_content` is the host's own, for Pods on the host's network."""
    if pod["spec"].get("hostNetwork"):
        text = _HOST_HEADER + host_content
    else:
        name, domain = hostname(pod), domain_name(pod, cluster_domain)
        names = f"{name}.{domain}\t{name}" if domain else name
        text = _HEADER + _LOCAL + "".join(f"{ip}\t{names}\n" for ip in pod_ips)
    aliases = pod["spec"].get("hostAliases") or ()
    if aliases:
        text += "\n# Entries added by HostAliases.\n"
        text += "".join("\t".join([alias["ip"], *(alias.get("hostnames") or ())]) + "\n" for alias in aliases)
    return text


def pod_dns(pod: Obj, *, cluster_dns: Sequence[str], cluster_domain: str, host: DNS) -> DNS:
    """resolv.conf by dnsPolicy, then dnsConfig on top."""
    spec, namespace = pod["spec"], pod["metadata"]["namespace"]
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    if policy == "None":
        dns = DNS()
    elif policy == "ClusterFirstWithHostNet" or (policy == "ClusterFirst" and not spec.get("hostNetwork")):
        own = (f"{namespace}.svc.{cluster_domain}", f"svc.{cluster_domain}", cluster_domain)
        dns = DNS(cluster_dns, (*own, *(name for name in host.searches if name not in own)), ("ndots:5",))
    else:
        dns = host
    extra = spec.get("dnsConfig") or {}
    servers = _unique([*dns.servers, *(extra.get("nameservers") or ())])
    searches = _unique([*dns.searches, *(extra.get("searches") or ())])
    options = {option.partition(":")[0]: option for option in dns.options}
    for option in extra.get("options") or ():
        value = option.get("value")
        options[option["name"]] = f"{option['name']}:{value}" if value else option["name"]
    return DNS(servers[:MAX_NAMESERVERS], _limit(searches), tuple(options.values()))


def _unique(items: Sequence[str]) -> list[str]:
    return [*dict.fromkeys(items)]


def _limit(searches: Sequence[str]) -> Sequence[str]:
    kept = list(searches[:MAX_SEARCHES])
    while len(" ".join(kept)) > MAX_SEARCH_CHARS:
        kept.pop()
    return kept


def parse_resolv_conf(text: str) -> DNS:
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        fields = line.partition("#")[0].split()
        if len(fields) < 2:
            continue
        if fields[0] == "nameserver":
            servers.append(fields[1])
        elif fields[0] in ("search", "domain"):
            searches = [name.rstrip(".") for name in fields[1:] if name != "."]
        elif fields[0] == "options":
            options = fields[1:]
    return DNS(servers, searches, options)


def host_dns(configured: str = "") -> DNS:
    """The host's resolver: the file given, else systemd-resolved's upstreams when /etc/resolv.conf is its stub."""
    candidates = [configured] if configured else ["/etc/resolv.conf"]
    if not configured and "127.0.0.53" in _read("/etc/resolv.conf"):
        candidates = ["/run/systemd/resolve/resolv.conf"]
    return parse_resolv_conf(_read(candidates[0]))


def host_hosts() -> str:
    return _read("/etc/hosts")


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
