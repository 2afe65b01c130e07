"""NetworkPolicy (networking.k8s.io/v1): which Pods may talk to which.

Behaviour: https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.groups.apps.workload_columns import selector_cell
from minik.api.groups.networking.network_policy_validation import validate_network_policy
from minik.api.ip_validation import cidr_warnings
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import Obj
from minik.api.validation import FieldError

_COLUMNS = (
    NAME,
    Column(
        "Pod-Selector",
        description=(
            "podSelector selects the pods to which this NetworkPolicy object applies. The array of rules is "
            "applied to any pods selected by this field. An empty selector matches all pods in the policy's "
            "namespace. Multiple network policies can select the same set of pods. In this case, the ingress "
            "rules for each are combined additively. This field is optional. If it is not specified, it defaults "
            "to an empty selector."
        ),
    ),
    AGE,
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], selector_cell(obj["spec"].get("podSelector") or {}), age(obj, now)]


def _default(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for direction in ("ingress", "egress"):
        for rule in spec.get(direction) or ():
            for port in rule.get("ports") or ():
                if port.get("protocol") is None:
                    port["protocol"] = "TCP"


def _validate_update(new: Obj, _old: Obj) -> list[FieldError]:
    return validate_network_policy(new)


def _warn(new: Obj, _old: Obj | None) -> list[str]:
    """Forms of CIDRs that are taken but not recommended."""
    found: list[str] = []
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(new["spec"].get(direction) or ()):
            for number, peer in enumerate(rule.get(peers) or ()):
                block, at = peer.get("ipBlock") or {}, f"spec.{direction}[{index}].{peers}[{number}].ipBlock"
                found += cidr_warnings(block.get("cidr", ""), f"{at}.cidr")
                for place, text in enumerate(block.get("except") or ()):
                    found += cidr_warnings(text, f"{at}.except[{place}]")
    return found


RESOURCES = (
    Resource(
        group="networking.k8s.io",
        version="v1",
        kind="NetworkPolicy",
        plural="networkpolicies",
        singular="networkpolicy",
        type_name="io.k8s.api.networking.v1.NetworkPolicy",
        short_names=("netpol",),
        strategy=Strategy(
            default=_default,
            validate=validate_network_policy,
            validate_update=_validate_update,
            warn=_warn,
            has_generation=True,
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="YpfwF18m1G8=",
    ),
)
