"""What the cluster's names resolve to: a pure reading of Services and EndpointSlices.

Schema: https://github.com/kubernetes/dns/blob/master/docs/specification.md (DNS-Based Service Discovery 1.1.0).
"""

import ipaddress
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from minik.api.types import Obj

TTL = 5  # seconds, CoreDNS' default for cluster names
SCHEMA_VERSION = "1.1.0"


@dataclass(frozen=True, slots=True, order=True)
class Record:
    """One resource record. `name` and names in `data` are absolute, without the final dot."""

    name: str
    type: str  # A, AAAA, CNAME, SRV, PTR, TXT, SOA
    data: str  # SRV: "priority weight port target"


@dataclass(frozen=True, slots=True)
class Answer:
    """`exists` tells NODATA (the name is there, not with this type) from NXDOMAIN. `external` asks on upstream."""

    records: Sequence[Record] = ()
    exists: bool = True
    external: str = ""  # the target of a CNAME outside the zone


NO_NAME = Answer(exists=False)
NO_DATA = Answer()


@dataclass(frozen=True, slots=True)
class Zone:
    """The cluster's zone and how to look things up in it. Lookups cost one dictionary access each."""

    domain: str
    service: Callable[[str, str], Obj | None]  # (name, namespace)
    slices: Callable[[str, str], Sequence[Obj]]  # EndpointSlices of (name, namespace)
    has_namespace: Callable[[str], bool]
    service_by_ip: Callable[[str], Obj | None]
    slices_by_ip: Callable[[str], Sequence[Obj]]

    def resolve(self, name: str, kind: str) -> Answer | None:
        """Answer a question; None when the name is not the cluster's. `name` is lower case, without final dot."""
        if kind == "PTR" and name.endswith((".in-addr.arpa", ".ip6.arpa")):
            return self._reverse(name)
        if name != self.domain and not name.endswith(f".{self.domain}"):
            return None
        labels = name.removesuffix(self.domain).rstrip(".").split(".") if name != self.domain else []
        if not labels:
            return NO_DATA
        if labels == ["dns-version"]:
            return Answer([Record(name, "TXT", SCHEMA_VERSION)] if kind == "TXT" else [])
        if labels[-1] == "svc":
            return self._service_name(name, labels[:-1], kind)
        if labels[-1] == "pod":
            return self._pod_name(name, labels[:-1], kind)
        return NO_NAME

    # -- services

    def _service_name(self, name: str, labels: list[str], kind: str) -> Answer:
        if len(labels) < 2:
            return NO_DATA if not labels or self.has_namespace(labels[0]) else NO_NAME
        *front, service_name, namespace = labels
        service = self.service(service_name, namespace)
        if service is None:
            return NO_NAME
        spec = service["spec"]
        if spec.get("type") == "ExternalName":
            target = str(spec.get("externalName", "")).rstrip(".").lower()
            return Answer([Record(name, "CNAME", target)], external=target) if not front else NO_NAME
        if front and front[0].startswith("_"):
            return self._named_port(name, front, service, kind)
        if spec.get("clusterIP") != "None":
            addresses = spec.get("clusterIPs") or [spec.get("clusterIP")]
            if front:
                return NO_NAME
            return self._any_port(name, service, kind) if kind == "SRV" else _addresses(name, addresses, kind)
        return self._headless(name, front, service_name, namespace, service, kind)

    def _headless(
        self, name: str, front: list[str], service_name: str, namespace: str, service: Obj, kind: str
    ) -> Answer:
        if len(front) > 1:
            return NO_NAME
        found = [
            address
            for _, endpoint in self._endpoints(service_name, namespace)
            for address in endpoint["addresses"]
            if not front or front[0] in (endpoint.get("hostname"), _dashed(address))
        ]
        if not found:
            return NO_NAME
        if kind == "SRV" and not front:
            return self._any_port(name, service, kind)
        return _addresses(name, found, kind)

    def _endpoints(self, service_name: str, namespace: str) -> Iterable[tuple[Obj, Obj]]:
        for item in self.slices(service_name, namespace):
            for endpoint in item.get("endpoints") or ():
                if (endpoint.get("conditions") or {}).get("ready") is not False:
                    yield item, endpoint

    def _named_port(self, name: str, front: list[str], service: Obj, kind: str) -> Answer:
        """_port._protocol.service.namespace.svc"""
        if len(front) != 2 or not front[1].startswith("_"):
            return NO_NAME
        port_name, protocol = front[0][1:], front[1][1:]
        records = [r for p, n, r in self._srv(name, service) if n == port_name and p == protocol]
        if not records:
            return NO_NAME
        return Answer(sorted(set(records))) if kind == "SRV" else NO_DATA

    def _any_port(self, name: str, service: Obj, kind: str) -> Answer:
        return Answer(sorted({record for _, _, record in self._srv(name, service)}) if kind == "SRV" else [])

    def _srv(self, name: str, service: Obj) -> Iterable[tuple[str, str, Record]]:
        """(protocol, port name, record) of every port, of every endpoint when the Service is headless."""
        meta, spec = service["metadata"], service["spec"]
        base = f"{meta['name']}.{meta['namespace']}.svc.{self.domain}"
        if spec.get("clusterIP") != "None":
            for port in spec.get("ports") or ():
                data = f"0 100 {port['port']} {base}"
                yield port.get("protocol", "TCP").lower(), port.get("name", ""), Record(name, "SRV", data)
            return
        for item, endpoint in self._endpoints(meta["name"], meta["namespace"]):
            host = endpoint.get("hostname") or _dashed(endpoint["addresses"][0])
            for port in item.get("ports") or ():
                if port.get("port"):
                    data = f"0 100 {port['port']} {host}.{base}"
                    yield port.get("protocol", "TCP").lower(), port.get("name") or "", Record(name, "SRV", data)

    # -- pods and addresses

    def _pod_name(self, name: str, labels: list[str], kind: str) -> Answer:
        """10-42-0-5.namespace.pod: answered from the name alone, as CoreDNS' `pods insecure`."""
        if len(labels) < 2:
            return NO_DATA if not labels or self.has_namespace(labels[0]) else NO_NAME
        if len(labels) > 2 or not self.has_namespace(labels[1]):
            return NO_NAME
        for text in (labels[0].replace("-", "."), labels[0].replace("-", ":")):
            try:
                return _addresses(name, [str(ipaddress.ip_address(text))], kind)
            except ValueError:
                continue
        return NO_NAME

    def _reverse(self, name: str) -> Answer | None:
        address = _address_of(name)
        if address is None:
            return None
        service = self.service_by_ip(address)
        if service is not None:
            meta = service["metadata"]
            return Answer([Record(name, "PTR", f"{meta['name']}.{meta['namespace']}.svc.{self.domain}")])
        found = []
        for item in self.slices_by_ip(address):
            meta = item["metadata"]
            service_name = (meta.get("labels") or {}).get("kubernetes.io/service-name", "")
            for endpoint in item.get("endpoints") or ():
                if address in endpoint["addresses"] and service_name:
                    host = endpoint.get("hostname") or _dashed(address)
                    target = f"{host}.{service_name}.{meta['namespace']}.svc.{self.domain}"
                    found.append(Record(name, "PTR", target))
        return Answer(sorted(set(found))) if found else None


def _addresses(name: str, addresses: Iterable[str], kind: str) -> Answer:
    wanted = [a for a in addresses if a and (":" in a) == (kind == "AAAA")] if kind in ("A", "AAAA") else []
    return Answer([Record(name, kind, address) for address in dict.fromkeys(wanted)])


def _dashed(address: str) -> str:
    return address.replace(".", "-").replace(":", "-")


def _address_of(name: str) -> str | None:
    """The address a reverse name stands for; None when it is malformed or partial."""
    if name.endswith(".in-addr.arpa"):
        text = ".".join(reversed(name.removesuffix(".in-addr.arpa").split(".")))
    else:
        digits = "".join(reversed(name.removesuffix(".ip6.arpa").split(".")))
        text = ":".join(digits[i : i + 4] for i in range(0, len(digits), 4))
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        return None
