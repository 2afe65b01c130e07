"""Mirrors Endpoints that users keep for Services without a selector into EndpointSlices.

Rules: kubernetes/pkg/controller/endpointslicemirroring.
"""

from collections.abc import Iterable

import orjson

from minik.api.status import StatusError
from minik.api.types import Obj
from minik.client.client import Client
from minik.client.controller import Controller
from minik.client.expectations import Expectations
from minik.client.informer import Change, split_key
from minik.client.resources import ENDPOINT_SLICES, ENDPOINTS, SERVICES
from minik.server.controllers.context import ControllerContext
from minik.server.controllers.endpoint_slice import carry_out
from minik.server.controllers.endpoint_slice_placement import (
    MANAGED_BY,
    SERVICE_NAME,
    Frame,
    Groups,
    Plan,
    identity,
    place,
)
from minik.server.controllers.objects import annotations_of, labels_of, owner_reference
from minik.server.controllers.pod_control import namespace_is_terminating
from minik.server.controllers.service_pods import family_of

MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIP = "endpointslice.kubernetes.io/skip-mirror"
MAX_PER_SUBSET = 1000
_LEADER = "control-plane.alpha.kubernetes.io/leader"
_NOT_COPIED = (
    "endpoints.kubernetes.io/last-change-trigger-time",
    "kubectl.kubernetes.io/last-applied-configuration",
)
_BY_ENDPOINTS = "mirrored-endpoints"


def is_mirrored(service: Obj | None, endpoints: Obj | None) -> bool:
    if service is None or endpoints is None or service["spec"].get("selector"):
        return False
    return labels_of(endpoints).get(SKIP) != "true" and _LEADER not in annotations_of(endpoints)


def groups_of(endpoints: Obj) -> Groups:
    """The endpoints by address type and ports; ready ones first where a subset has too many."""
    groups: Groups = {}
    for subset in endpoints.get("subsets") or ():
        ports = orjson.dumps([_port(port) for port in subset.get("ports") or ()])
        ready = [_endpoint(address, ready=True) for address in subset.get("addresses") or ()]
        not_ready = [_endpoint(address, ready=False) for address in subset.get("notReadyAddresses") or ()]
        for entry in (ready + not_ready)[:MAX_PER_SUBSET]:
            family = family_of(entry["addresses"][0])
            groups.setdefault((family, ports), {})[identity(entry)] = entry
    return groups


def _port(port: Obj) -> Obj:
    fields = {"name": port.get("name", ""), "port": port["port"], "protocol": port.get("protocol", "TCP")}
    return fields | ({"appProtocol": port["appProtocol"]} if "appProtocol" in port else {})


def _endpoint(address: Obj, *, ready: bool) -> Obj:
    entry: Obj = {"addresses": [address["ip"]], "conditions": {"ready": ready}}
    return entry | {name: address[name] for name in ("hostname", "targetRef", "nodeName") if name in address}


def frame(endpoints: Obj) -> Frame:
    metadata = endpoints["metadata"]
    return Frame(
        name=metadata["name"],
        namespace=metadata["namespace"],
        labels={**labels_of(endpoints), SERVICE_NAME: metadata["name"], MANAGED_BY: MANAGER},
        annotations={name: text for name, text in annotations_of(endpoints).items() if name not in _NOT_COPIED},
        owner=owner_reference(endpoints, "v1", "Endpoints"),
    )


class EndpointSliceMirroringController(Controller):
    name = "endpointslicemirroring-controller"
    workers = 2

    def __init__(self, context: ControllerContext) -> None:
        super().__init__(clock=context.clock)
        self._client: Client = context.client_for(self.name)
        self._expectations = Expectations(context.clock)
        self._services = self.watch(context.informers.of(SERVICES))
        self._endpoints = self.watch(context.informers.of(ENDPOINTS))
        self._slices = self.watch(
            context.informers.of(ENDPOINT_SLICES, indexes={_BY_ENDPOINTS: _mirror_of}), self._keys_of_slice
        )

    def _keys_of_slice(self, change: Change) -> Iterable[str]:
        for key in _mirror_of(change.obj):
            if change.old is None:
                self._expectations.creation_observed(key)
            yield key

    async def reconcile(self, key: str) -> float | None:
        if not self._expectations.satisfied(key):
            return None
        namespace, _ = split_key(key)
        present = self._slices.by_index(_BY_ENDPOINTS, key)
        endpoints = self._endpoints.get_key(key)
        if endpoints is not None and is_mirrored(self._services.get_key(key), endpoints):
            todo = place(frame(endpoints), present, groups_of(endpoints))
        else:
            todo = Plan(delete=[*present])
        self._expectations.expect(key, creations=len(todo.create))
        try:
            await carry_out(self._client, namespace, todo)
        except StatusError as error:
            self._expectations.forget(key)
            if not namespace_is_terminating(error):
                raise
        return None


def _mirror_of(endpoint_slice: Obj) -> Iterable[str]:
    labels = labels_of(endpoint_slice)
    if labels.get(MANAGED_BY) == MANAGER and SERVICE_NAME in labels:
        yield f"{endpoint_slice['metadata']['namespace']}/{labels[SERVICE_NAME]}"
