"""FlowSchema (flowcontrol.apiserver.k8s.io/v1)."""

from minik.api.scheme import Resource, Strategy, Subresource

RESOURCES = (
    Resource(
        group="flowcontrol.apiserver.k8s.io",
        version="v1",
        kind="FlowSchema",
        plural="flowschemas",
        singular="flowschema",
        type_name="io.k8s.api.flowcontrol.v1.FlowSchema",
        namespaced=False,
        strategy=Strategy(has_generation=True),
        subresources=(Subresource(name="status", kind="FlowSchema"),),
        storage_version_hash="GJVAJZSZBIw=",
    ),
)
