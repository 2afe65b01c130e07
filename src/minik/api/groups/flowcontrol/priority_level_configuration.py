"""PriorityLevelConfiguration (flowcontrol.apiserver.k8s.io/v1)."""

from minik.api.scheme import Resource, Strategy, Subresource

RESOURCES = (
    Resource(
        group="flowcontrol.apiserver.k8s.io",
        version="v1",
        kind="PriorityLevelConfiguration",
        plural="prioritylevelconfigurations",
        singular="prioritylevelconfiguration",
        type_name="io.k8s.api.flowcontrol.v1.PriorityLevelConfiguration",
        namespaced=False,
        strategy=Strategy(has_generation=True),
        subresources=(Subresource(name="status", kind="PriorityLevelConfiguration"),),
        storage_version_hash="Kir5PVfvNeI=",
    ),
)
