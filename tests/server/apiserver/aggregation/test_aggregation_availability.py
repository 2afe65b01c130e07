"""Whether an aggregated API server can be there at all, in upstream's words."""

from typing import Any, cast

import pytest

from minik.api.types import GVR
from minik.server.apiserver.aggregation.api_service import Backend
from minik.server.apiserver.aggregation.availability import obstacle
from minik.server.apiserver.objects import Reader
from minik.server.apiserver.webhooks.service_resolver import SERVICES

BACKEND = Backend("v1.g.io", "g.io", "v1", "ns", "s", 443, "", insecure=False)
PORTS = [{"port": 443, "name": "https"}]
SLICE = {
    "metadata": {"labels": {"kubernetes.io/service-name": "s"}},
    "ports": [{"name": "https", "port": 8443}],
    "endpoints": [{"conditions": {"ready": True}}],
}


class Cluster:
    def __init__(self, service: Any, slices: Any) -> None:
        self._service, self._slices = service, slices

    def get(self, resource: GVR, _name: str, _namespace: str) -> Any:
        return self._service if resource == SERVICES else None

    def list(self, _resource: GVR, _namespace: str) -> Any:
        return self._slices


@pytest.mark.parametrize(
    ("service", "slices", "found"),
    [
        (None, [], ("ServiceNotFound", 'service/s in "ns" is not present')),
        ({"ports": [{"port": 80}]}, [], ("ServicePortError", 'service/s in "ns" is not listening on port 443')),
        ({"ports": PORTS}, [], ("EndpointsNotFound", 'cannot find endpointslices for service/s in "ns"')),
        (
            {"ports": PORTS},
            [{**SLICE, "endpoints": [{"conditions": {"ready": False}}]}],
            ("MissingEndpoints", 'endpointslices for service/s in "ns" have no addresses with port name "https"'),
        ),
        ({"ports": PORTS}, [SLICE], None),
        ({"type": "NodePort", "ports": []}, [], None),  # only what has a cluster IP is looked at
        ({"type": "ExternalName"}, [], None),
    ],
)
def test_what_keeps_a_backend_from_being_asked(service: Any, slices: Any, found: tuple[str, str] | None) -> None:
    condition = obstacle(BACKEND, cast(Reader, Cluster(service and {"spec": service}, slices)))
    assert (condition and (condition.reason, condition.message)) == found
