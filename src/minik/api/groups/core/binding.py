"""Binding (v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="Binding",
        plural="bindings",
        singular="binding",
        type_name="io.k8s.api.core.v1.Binding",
        verbs=("create",),
        stored=False,
    ),
)
