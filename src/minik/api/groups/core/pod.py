"""Pod (v1)."""

from minik.api.scheme import Resource, Subresource

RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="Pod",
        plural="pods",
        singular="pod",
        type_name="io.k8s.api.core.v1.Pod",
        short_names=("po",),
        categories=("all",),
        subresources=(
            Subresource(name="attach", kind="PodAttachOptions", verbs=("create", "get")),
            Subresource(name="binding", kind="Binding", verbs=("create",)),
            Subresource(name="ephemeralcontainers", kind="Pod"),
            Subresource(name="eviction", kind="Eviction", kind_group="policy", kind_version="v1", verbs=("create",)),
            Subresource(name="exec", kind="PodExecOptions", verbs=("create", "get")),
            Subresource(name="log", kind="Pod", verbs=("get",)),
            Subresource(name="portforward", kind="PodPortForwardOptions", verbs=("create", "get")),
            Subresource(name="proxy", kind="PodProxyOptions", verbs=("create", "delete", "get", "patch", "update")),
            Subresource(name="resize", kind="Pod"),
            Subresource(name="status", kind="Pod"),
        ),
        storage_version_hash="xPOwRZ+Yhw8=",
    ),
)
