"""TokenReview (authentication.k8s.io/v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="authentication.k8s.io",
        version="v1",
        kind="TokenReview",
        plural="tokenreviews",
        singular="tokenreview",
        type_name="io.k8s.api.authentication.v1.TokenReview",
        namespaced=False,
        verbs=("create",),
        stored=False,
    ),
)
