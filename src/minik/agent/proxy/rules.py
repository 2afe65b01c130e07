"""Services -> nftables: a pure function from who answers what to the whole table.

    packet -> nat prerouting/output -> services: one lookup by (address, protocol, port) in a verdict map
           -> chain of that Service port: choose a backend at random, DNAT -> postrouting: masquerade what is marked
    filter forward/input/output: connections to Services without endpoints are refused

A connection costs one map lookup however many Services there are. What kube-proxy's nftables mode does, this does:
https://kubernetes.io/docs/reference/networking/virtual-ips/#proxy-mode-nftables
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from minik.agent.proxy.backends import Backend, ServicePort
from minik.agent.proxy.ruleset import Chain, Ruleset, Set

TABLE = "minik"
MASQUERADE = "0x4000"
_MARK = f"meta mark set mark or {MASQUERADE}"


@dataclass(frozen=True, slots=True, order=True)
class HostPort:
    """A container port published on the node (`hostPort`). `host_ip` "" means every address of the node."""

    host_ip: str
    protocol: str
    host_port: int
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Network:
    """What the rules need to know of the node. `answered_here`: Service addresses that minik itself serves (DNS)."""

    family: str  # ip or ip6
    cluster_cidr: str
    service_cidr: str
    answered_here: tuple[str, ...] = ()


@dataclass(slots=True)
class _Table:
    network: Network
    chains: dict[str, Chain] = field(default_factory=dict)
    services: dict[str, str] = field(default_factory=dict)
    node_ports: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    refused_node_ports: dict[str, str] = field(default_factory=dict)
    hairpin: dict[str, str] = field(default_factory=dict)
    affinity: dict[str, Set] = field(default_factory=dict)
    host_ports: dict[str, str] = field(default_factory=dict)


def build(ports: Sequence[ServicePort], host_ports: Sequence[HostPort], network: Network) -> Ruleset:
    """The whole table for these Service ports and host ports."""
    table = _Table(network)
    for port in ports:
        if port.cluster_ip not in network.answered_here:
            _add_service_port(table, port)
    for published in sorted(host_ports):
        _add_host_port(table, published)
    cluster_ips = {p.cluster_ip: "" for p in ports if p.cluster_ip not in network.answered_here}
    return Ruleset(network.family, TABLE, _base_chains(network) | table.chains, _sets(table, cluster_ips))


def _sets(table: _Table, cluster_ips: dict[str, str]) -> dict[str, Set]:
    address = "ipv6_addr" if table.network.family == "ip6" else "ipv4_addr"
    by_address = f"type {address} . inet_proto . inet_service : verdict;"
    by_port = "type inet_proto . inet_service : verdict;"
    return {
        "service-ips": Set(by_address, table.services, is_map=True),
        "service-nodeports": Set(by_port, table.node_ports, is_map=True),
        "no-endpoint-services": Set(by_address, table.refused, is_map=True),
        "no-endpoint-nodeports": Set(by_port, table.refused_node_ports, is_map=True),
        "host-ports": Set(by_port, table.host_ports, is_map=True),
        "cluster-ips": Set(f"type {address};", cluster_ips),
        "hairpin": Set(f"type {address} . {address};", table.hairpin),
        **table.affinity,
    }


def _base_chains(network: Network) -> dict[str, Chain]:
    ip = network.family
    loopback = "127.0.0.0/8" if ip == "ip" else "::1"
    multicast = "224.0.0.0/4" if ip == "ip" else "ff00::/8"
    key = f"{ip} daddr . meta l4proto . th dport"
    own = tuple(f"{ip} daddr {address} return" for address in network.answered_here)
    return {
        # NodePorts answer on 127.0.0.1 (route_localnet); nobody else may reach loopback addresses through that.
        "raw-prerouting": Chain(
            (f'iifname != "lo" {ip} daddr {loopback} drop',), "type filter hook prerouting priority raw;"
        ),
        "nat-prerouting": Chain(("jump services",), "type nat hook prerouting priority dstnat;"),
        "nat-output": Chain(("jump services",), "type nat hook output priority -100;"),
        "nat-postrouting": Chain(
            (
                f"{ip} saddr . {ip} daddr @hairpin masquerade fully-random",
                f"meta mark & {MASQUERADE} == {MASQUERADE} meta mark set mark xor {MASQUERADE} masquerade fully-random",
                f"{ip} saddr {network.cluster_cidr} {ip} daddr != {{ {network.cluster_cidr}, {multicast} }} "
                "ct status & dnat != dnat masquerade fully-random",
            ),
            "type nat hook postrouting priority srcnat;",
        ),
        "services": Chain(
            (
                f"{key} vmap @service-ips",
                "fib daddr type local meta l4proto . th dport vmap @host-ports",
                "fib daddr type local meta l4proto . th dport vmap @service-nodeports",
            )
        ),
        "filter-forward": Chain(
            (
                "ct state new jump service-endpoints-check",
                "ct state new jump cluster-ips-check",
            ),
            "type filter hook forward priority filter - 10;",
        ),
        "filter-input": Chain(
            ("ct state new jump service-endpoints-check",), "type filter hook input priority filter - 10;"
        ),
        "filter-output": Chain(
            (*own, "ct state new jump service-endpoints-check", "ct state new jump cluster-ips-check"),
            "type filter hook output priority filter - 10;",
        ),
        "service-endpoints-check": Chain(
            (
                f"{key} vmap @no-endpoint-services",
                "fib daddr type local meta l4proto . th dport vmap @no-endpoint-nodeports",
            )
        ),
        "cluster-ips-check": Chain(
            (f"{ip} daddr @cluster-ips goto reject-chain", f"{ip} daddr {network.service_cidr} goto reject-chain")
        ),
        "reject-chain": Chain(("meta l4proto tcp reject with tcp reset", "reject")),
    }


def _add_service_port(table: _Table, port: ServicePort) -> None:
    internal = port.local_backends if port.internal_local else port.backends
    key = f"{port.cluster_ip} . {port.protocol} . {port.port}"
    name = _name("service", port)
    everywhere = _name("anywhere", port) if port.internal_local else name
    _add_hairpin(table, (*internal, *port.backends))
    if internal:
        outside = f"{table.network.family} saddr != {table.network.cluster_cidr}"
        guard = f"{table.network.family} daddr {port.cluster_ip} {outside} {_MARK}"
        table.chains[name] = Chain((guard, *_balance(table, name, port, internal)))
        table.services[key] = f"goto {name}"
    else:
        table.refused[key] = "drop" if port.internal_local and port.backends else "goto reject-chain"
    if port.node_port or port.external_ips or port.load_balancer_ips:
        if everywhere != name and port.backends:
            table.chains[everywhere] = Chain(_balance(table, everywhere, port, port.backends))
        _add_external(table, port, everywhere)


def _add_external(table: _Table, port: ServicePort, everywhere: str) -> None:
    """Traffic from outside: node ports, external IPs and load balancer IPs."""
    addresses = [f"{a} . {port.protocol} . {port.port}" for a in (*port.external_ips, *port.load_balancer_ips)]
    node_port = f"{port.protocol} . {port.node_port}"
    if not port.backends:
        for key in addresses:
            table.refused[key] = "goto reject-chain"
        if port.node_port:
            table.refused_node_ports[node_port] = "goto reject-chain"
        return
    name = _name("external", port)
    table.chains[name] = Chain(_external_rules(table, port, everywhere, name))
    firewall = name
    if port.load_balancer_ips and port.load_balancer_source_ranges:
        firewall = _name("firewall", port)
        allowed = ", ".join(port.load_balancer_source_ranges)
        table.chains[firewall] = Chain((f"{table.network.family} saddr != {{ {allowed} }} drop", f"goto {name}"))
    for key in addresses:
        table.services[key] = f"goto {firewall if key.split(' ')[0] in port.load_balancer_ips else name}"
    if port.node_port:
        table.node_ports[node_port] = f"goto {name}"


def _external_rules(table: _Table, port: ServicePort, everywhere: str, name: str) -> tuple[str, ...]:
    if not port.external_local:
        return (_MARK, f"goto {everywhere}")
    ip = table.network.family
    from_here = (
        f"{ip} saddr {table.network.cluster_cidr} goto {everywhere}",
        f"fib saddr type local {_MARK} goto {everywhere}",
    )
    if not port.local_backends:
        return (*from_here, "drop")
    return (*from_here, *_balance(table, name, port, port.local_backends))


def _balance(table: _Table, chain: str, port: ServicePort, backends: Sequence[Backend]) -> tuple[str, ...]:
    """Rules that send a connection to one of the backends, the same one again when the Service is sticky."""
    if port.affinity_seconds:
        return _sticky(table, chain, port, backends)
    to = f"meta l4proto {port.protocol} dnat {table.network.family} "
    if len(backends) == 1:
        return (f"{to}to {_socket(backends[0])}",)
    listed = ", ".join(f"{i} : {b.address} . {b.port}" for i, b in enumerate(backends))
    return (f"{to}addr . port to numgen random mod {len(backends)} map {{ {listed} }}",)


def _sticky(table: _Table, chain: str, port: ServicePort, backends: Sequence[Backend]) -> tuple[str, ...]:
    ip = table.network.family
    address = "ipv6_addr" if ip == "ip6" else "ipv4_addr"
    rules, choices = [], []
    for index, backend in enumerate(backends):
        digest = _hash(f"{chain} {_socket(backend)}")
        name, endpoint = f"affinity-{digest}", f"endpoint-{digest}"
        table.affinity[name] = Set(
            f"type {address}; flags dynamic,timeout; timeout {port.affinity_seconds}s; size 65536;", dynamic=True
        )
        table.chains[endpoint] = Chain(
            (
                f"update @{name} {{ {ip} saddr }}",
                f"meta l4proto {port.protocol} dnat {ip} to {_socket(backend)}",
            )
        )
        rules.append(f"{ip} saddr @{name} goto {endpoint}")
        choices.append(f"{index} : goto {endpoint}")
    return (*rules, f"numgen random mod {len(backends)} vmap {{ {', '.join(choices)} }}")


def _add_hairpin(table: _Table, backends: Sequence[Backend]) -> None:
    """A Pod that reaches itself through a Service must see another source, or its answer never leaves it."""
    for backend in backends:
        if backend.local:
            table.hairpin[f"{backend.address} . {backend.address}"] = ""


def _add_host_port(table: _Table, published: HostPort) -> None:
    ip = table.network.family
    name = f"hostport-{published.protocol}-{published.host_port}"
    only = f"{ip} daddr {published.host_ip} " if published.host_ip not in ("", "0.0.0.0", "::") else ""
    rules = (
        f"{only}fib saddr type local {_MARK}",
        f"{only}meta l4proto {published.protocol} dnat {ip} to {_socket(published)}",
    )
    had = table.chains.get(name)
    table.chains[name] = Chain((*(had.rules if had else ()), *rules))
    table.host_ports[f"{published.protocol} . {published.host_port}"] = f"goto {name}"
    table.hairpin[f"{published.address} . {published.address}"] = ""


def _socket(backend: Backend | HostPort) -> str:
    return f"[{backend.address}]:{backend.port}" if ":" in backend.address else f"{backend.address}:{backend.port}"


def _name(kind: str, port: ServicePort) -> str:
    """A chain name that people can read and that is unique."""
    readable = f"{port.key}/{port.protocol}/{port.port_name or port.port}"
    return f"{kind}-{_hash(f'{readable}/{port.port}')}-{readable}"[:120]


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]
