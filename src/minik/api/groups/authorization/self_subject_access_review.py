"""SelfSubjectAccessReview (authorization.k8s.io/v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="authorization.k8s.io",
        version="v1",
        kind="SelfSubjectAccessReview",
        plural="selfsubjectaccessreviews",
        singular="selfsubjectaccessreview",
        type_name="io.k8s.api.authorization.v1.SelfSubjectAccessReview",
        namespaced=False,
        verbs=("create",),
        stored=False,
    ),
)
