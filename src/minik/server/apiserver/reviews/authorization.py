"""SubjectAccessReview and its kin: may this user do that?

https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/
"""

from collections.abc import Callable, Sequence

from minik.api.request import Response
from minik.api.status import bad_request
from minik.api.types import Obj, UserInfo
from minik.api.validation import FieldError, invalid
from minik.server.apiserver.attributes import Attributes, Authorize
from minik.server.apiserver.authz.node import node_identity
from minik.server.apiserver.authz.policy import Policy
from minik.server.apiserver.registry.call import Call
from minik.server.apiserver.registry.registry import Registry
from minik.server.apiserver.reviews.reading import answer_review, read_review
from minik.server.apiserver.reviews.selectors import evaluation_error, field_selector, label_selector
from minik.server.apiserver.reviews.validation import (
    validate_local_review,
    validate_metadata,
    validate_self_spec,
    validate_spec,
)

_GROUP = "authorization.k8s.io"


class AccessReviews:
    """POST subjectaccessreviews, localsubjectaccessreviews, selfsubjectaccessreviews, selfsubjectrulesreviews."""

    def __init__(
        self, authorize: Authorize, policy: Policy, *, asks_webhooks: Callable[[], bool] = lambda: False
    ) -> None:
        self._authorize = authorize
        self._policy = policy
        self._asks_webhooks = asks_webhooks

    async def subject(self, registry: Registry, call: Call) -> Response:
        review = read_review(registry, call)
        _check(validate_spec(review) + validate_metadata(review))
        return await self._answer(call, review, _subject(review["spec"]))

    async def local(self, registry: Registry, call: Call) -> Response:
        review = read_review(registry, call)
        _check(validate_local_review(review))
        return await self._answer(call, review, _subject(review["spec"]))

    async def own(self, registry: Registry, call: Call) -> Response:
        review = read_review(registry, call)
        _check(validate_self_spec(review) + validate_metadata(review))
        return await self._answer(call, review, call.user)

    async def rules(self, registry: Registry, call: Call) -> Response:
        review = read_review(registry, call)
        namespace = (review.get("spec") or {}).get("namespace", "")
        if not namespace:
            raise bad_request("no namespace on request")
        resolution = self._policy.resolve(call.user, namespace)
        status: Obj = {"resourceRules": [], "nonResourceRules": [], "incomplete": False}
        for rule in resolution.rules():
            if rule.get("resources"):
                status["resourceRules"].append({key: rule[key] for key in _RESOURCE_RULE if rule.get(key)})
            if rule.get("nonResourceURLs"):
                status["nonResourceRules"].append({key: rule[key] for key in ("verbs", "nonResourceURLs")})
        problems = list(dict.fromkeys(resolution.problems))
        if node_identity(call.user)[1]:
            status["incomplete"] = True
            problems.insert(0, "node authorizer does not support user rule resolution")
        if self._asks_webhooks():
            status["incomplete"] = True
            problems.append("webhook authorizer does not support user rule resolution")
        if problems:
            status["evaluationError"] = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
        return answer_review(call, {"metadata": {}}, status)

    async def _answer(self, call: Call, review: Obj, user: UserInfo) -> Response:
        decision = await self._authorize(_question(review["spec"], user))
        status: Obj = {"allowed": decision.allowed}
        if decision.denied:
            status["denied"] = True
        if decision.reason:
            status["reason"] = decision.reason
        if problem := evaluation_error(review["spec"].get("resourceAttributes")):
            status["evaluationError"] = problem
        return answer_review(call, review, status)


_RESOURCE_RULE = ("verbs", "apiGroups", "resources", "resourceNames")


def _check(errors: Sequence[FieldError]) -> None:
    if errors:
        raise invalid(_GROUP, "", "", errors)


def _subject(spec: Obj) -> UserInfo:
    return UserInfo(spec.get("user", ""), spec.get("uid", ""), tuple(spec.get("groups") or ()), spec.get("extra") or {})


def _question(spec: Obj, user: UserInfo) -> Attributes:
    about = spec.get("resourceAttributes")
    if about is None:
        path = spec["nonResourceAttributes"]
        return Attributes(user=user, verb=path.get("verb", ""), path=path.get("path", ""))
    return Attributes(
        user=user,
        verb=about.get("verb", ""),
        resource_request=True,
        namespace=about.get("namespace", ""),
        api_group=about.get("group", ""),
        api_version=about.get("version", ""),
        resource=about.get("resource", ""),
        subresource=about.get("subresource", ""),
        name=about.get("name", ""),
        field_selector=field_selector(about.get("fieldSelector") or {})[0],
        label_selector=label_selector(about.get("labelSelector") or {})[0],
    )
