"""resource.k8s.io/v1beta1 from and to v1: requests and devices had fields that v1 put elsewhere.

A v1beta1 request for exactly one kind of device holds its fields itself, v1 has them under `exactly`; a v1beta1 device
holds them under `basic`, v1 itself. v1beta2 is like v1.
"""

from minik.api.types import Obj

_EXACTLY = (
    "deviceClassName",
    "selectors",
    "allocationMode",
    "count",
    "adminAccess",
    "tolerations",
    "capacity",
)


def _requests(spec: Obj | None) -> list[Obj]:
    return ((spec or {}).get("devices") or {}).get("requests") or []


def _requests_to_v1(spec: Obj | None) -> None:
    for request in _requests(spec):
        given = {key: request.pop(key) for key in _EXACTLY if key in request}
        if any(given.values()):
            request["exactly"] = given


def _requests_from_v1(spec: Obj | None) -> None:
    for request in _requests(spec):
        exactly = request.pop("exactly", None)
        if exactly is not None:
            request.update(exactly)


def claim_to_v1(obj: Obj) -> Obj:
    _requests_to_v1(obj.get("spec"))
    return obj | {"apiVersion": "resource.k8s.io/v1"}


def claim_from_v1(obj: Obj) -> Obj:
    _requests_from_v1(obj.get("spec"))
    return obj | {"apiVersion": "resource.k8s.io/v1beta1"}


def template_to_v1(obj: Obj) -> Obj:
    _requests_to_v1((obj.get("spec") or {}).get("spec"))
    return obj | {"apiVersion": "resource.k8s.io/v1"}


def template_from_v1(obj: Obj) -> Obj:
    _requests_from_v1((obj.get("spec") or {}).get("spec"))
    return obj | {"apiVersion": "resource.k8s.io/v1beta1"}


def _devices(obj: Obj) -> list[Obj]:
    return (obj.get("spec") or {}).get("devices") or []


def slice_to_v1(obj: Obj) -> Obj:
    for device in _devices(obj):
        device.update(device.pop("basic", None) or {})
    return obj | {"apiVersion": "resource.k8s.io/v1"}


def slice_from_v1(obj: Obj) -> Obj:
    for device in _devices(obj):
        device["basic"] = {key: device.pop(key) for key in list(device) if key != "name"}
    return obj | {"apiVersion": "resource.k8s.io/v1beta1"}
