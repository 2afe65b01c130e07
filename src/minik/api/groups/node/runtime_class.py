"""RuntimeClass (node.k8s.io/v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="node.k8s.io",
        version="v1",
        kind="RuntimeClass",
        plural="runtimeclasses",
        singular="runtimeclass",
        type_name="io.k8s.api.node.v1.RuntimeClass",
        namespaced=False,
        storage_version_hash="WQTu1GL3T2Q=",
    ),
)
