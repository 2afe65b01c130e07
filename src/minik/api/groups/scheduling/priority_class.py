"""PriorityClass (scheduling.k8s.io/v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="scheduling.k8s.io",
        version="v1",
        kind="PriorityClass",
        plural="priorityclasses",
        singular="priorityclass",
        type_name="io.k8s.api.scheduling.v1.PriorityClass",
        namespaced=False,
        short_names=("pc",),
        storage_version_hash="1QwjyaZjj3Y=",
    ),
)
