"""Defaults of device requests, in claims and in templates of claims.

Source: the field descriptions of https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/resource-claim-v1/
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from minik.api.types import Obj


def _default_device_request(request: Obj) -> None:
    request["allocationMode"] = request.get("allocationMode") or "ExactCount"
    if request["allocationMode"] == "ExactCount" and not request.get("count"):
        request["count"] = 1
    for toleration in request.get("tolerations") or ():
        toleration["operator"] = toleration.get("operator") or "Equal"


def default_claim_spec(spec: Obj) -> None:
    """A ResourceClaimSpec of v1 and v1beta2, or of v1beta1, where a request holds its own fields."""
    for request in (spec.get("devices") or {}).get("requests") or ():
        if request.get("exactly") is not None:
            _default_device_request(request["exactly"])
        elif request.get("deviceClassName"):
            _default_device_request(request)
        for alternative in request.get("firstAvailable") or ():
            _default_device_request(alternative)


def default_claim(obj: Obj) -> None:
    default_claim_spec(obj.setdefault("spec", {}))
    devices = ((obj.get("status") or {}).get("allocation") or {}).get("devices") or {}
    for result in devices.get("results") or ():
        for toleration in result.get("tolerations") or ():
            toleration["operator"] = toleration.get("operator") or "Equal"


def default_taints(taints: Sequence[Obj] | None) -> None:
    """A taint knows since when it is there."""
    for taint in taints or ():
        if not taint.get("timeAdded"):
            taint["timeAdded"] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def default_slice(obj: Obj) -> None:
    for device in obj.setdefault("spec", {}).get("devices") or ():
        default_taints((device.get("basic") or device).get("taints"))


def default_claim_template(obj: Obj) -> None:
    default_claim_spec(obj.setdefault("spec", {}).setdefault("spec", {}))
