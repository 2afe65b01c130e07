"""SelfSubjectRulesReview (authorization.k8s.io/v1)."""

from minik.api.scheme import Resource

RESOURCES = (
    Resource(
        group="authorization.k8s.io",
        version="v1",
        kind="SelfSubjectRulesReview",
        plural="selfsubjectrulesreviews",
        singular="selfsubjectrulesreview",
        type_name="io.k8s.api.authorization.v1.SelfSubjectRulesReview",
        namespaced=False,
        verbs=("create",),
        stored=False,
    ),
)
