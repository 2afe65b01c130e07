"""PriorityClass (scheduling.k8s.io/v1)."""

from minik.api.scheme import Resource, Strategy

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
        strategy=Strategy(has_generation=True, generation_changes=lambda _new, _old: False),
        storage_version_hash="1QwjyaZjj3Y=",
    ),
)
