"""What all reviews share: a body that is decoded, owned by its sender, and answered instead of stored."""

from minik.api.request import Response
from minik.api.scheme import Strategy
from minik.api.types import Obj, UserInfo
from minik.server.apiserver.registry import answer, ownership, write_options
from minik.server.apiserver.registry.body import match_namespace, read_object
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.metadata import ordered
from minik.server.apiserver.registry.registry import Registry

_STRATEGY = Strategy()


def read_review(registry: Registry, call: Call) -> Obj:
    """The review in the request, with its managedFields. Raises StatusError."""
    options = write_options.parse(call, "CreateOptions")
    review = read_object(call, call.resource, options.field_validation)
    match_namespace(call, review)
    review = ownership.record(registry, call, None, review, options.field_manager, _STRATEGY, "")
    review["metadata"] = ordered(review["metadata"])
    return review


def answer_review(call: Call, review: Obj, status: Obj) -> Response:
    """201 with the review as it was sent and what was found."""
    return answer.document(
        call,
        201,
        {
            "kind": call.resource.kind,
            "apiVersion": call.resource.api_version,
            "metadata": review["metadata"],
            "spec": review.get("spec") or {},
            "status": status,
        },
    )


def user_info(user: UserInfo) -> Obj:
    """authentication.k8s.io/v1 UserInfo."""
    out: Obj = {"username": user.name}
    if user.uid:
        out["uid"] = user.uid
    if user.groups:
        out["groups"] = list(user.groups)
    if user.extra:
        out["extra"] = {key: list(values) for key, values in user.extra.items()}
    return out
