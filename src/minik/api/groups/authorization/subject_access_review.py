"""SubjectAccessReview (authorization.k8s.io/v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="authorization.k8s.io",
        version="v1",
        kind="SubjectAccessReview",
        plural="subjectaccessreviews",
        singular="subjectaccessreview",
        type_name="io.k8s.api.authorization.v1.SubjectAccessReview",
        namespaced=False,
        verbs=("create",),
        stored=False,
    ),
)
