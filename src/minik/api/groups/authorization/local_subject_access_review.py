"""LocalSubjectAccessReview (authorization.k8s.io/v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="authorization.k8s.io",
        version="v1",
        kind="LocalSubjectAccessReview",
        plural="localsubjectaccessreviews",
        singular="localsubjectaccessreview",
        type_name="io.k8s.api.authorization.v1.LocalSubjectAccessReview",
        verbs=("create",),
        stored=False,
    ),
)
