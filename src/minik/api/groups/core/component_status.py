"""ComponentStatus (v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="ComponentStatus",
        plural="componentstatuses",
        singular="componentstatus",
        type_name="io.k8s.api.core.v1.ComponentStatus",
        namespaced=False,
        short_names=("cs",),
        verbs=("get", "list"),
        stored=False,
    ),
)
