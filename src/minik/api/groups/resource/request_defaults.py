"""Defaults of device requests, in claims and in templates of claims.

Source: the field descriptions of https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/resource-claim-v1/
"""

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


def default_claim_template(obj: Obj) -> None:
    default_claim_spec(obj.setdefault("spec", {}).setdefault("spec", {}))
