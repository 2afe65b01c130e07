"""TokenReview and SelfSubjectReview: who a token stands for, and who I am.

https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/
"""

from minik.api.request import Response
from minik.api.status import bad_request
from minik.server.apiserver.authn.authenticator import Authenticator
from minik.server.apiserver.authn.signing_key import TokenInvalidError
from minik.server.apiserver.registry import answer
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.metadata import timestamp
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.reviews.reading import answer_review, read_review, user_info


class TokenReviews:
    """POST tokenreviews."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    async def serve(self, registry: Registry, call: Call) -> Response:
        review = read_review(registry, call)
        spec = review.get("spec") or {}
        if not spec.get("token"):
            raise bad_request("token is required for TokenReview in authentication")
        audiences = spec.get("audiences") or self._authenticator.audiences
        try:
            found = await self._authenticator.review(spec["token"], audiences)
        except TokenInvalidError as error:
            return answer_review(call, review, {"user": {}, "error": str(error)})
        status = {"authenticated": True, "user": user_info(found.user), "audiences": list(found.audiences)}
        return answer_review(call, review, status)


async def self_subject_review(registry: Registry, call: Call) -> Response:
    """POST selfsubjectreviews."""
    read_review(registry, call)
    review = {
        "kind": "SelfSubjectReview",
        "apiVersion": call.resource.api_version,
        "metadata": {"creationTimestamp": timestamp(registry.now())},
        "status": {"userInfo": user_info(call.user)},
    }
    return answer.document(call, 201, review)
