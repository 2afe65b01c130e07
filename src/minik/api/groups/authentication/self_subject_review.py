"""SelfSubjectReview (authentication.k8s.io/v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="authentication.k8s.io",
        version="v1",
        kind="SelfSubjectReview",
        plural="selfsubjectreviews",
        singular="selfsubjectreview",
        type_name="io.k8s.api.authentication.v1.SelfSubjectReview",
        namespaced=False,
        verbs=("create",),
        stored=False,
    ),
)
