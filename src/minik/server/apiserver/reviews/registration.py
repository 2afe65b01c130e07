"""Which handler answers which review."""

from collections.abc import Callable

from minik.server.apiserver.attributes import Authorize
from minik.server.apiserver.authn.authenticator import Authenticator
from minik.server.apiserver.authz.policy import Policy
from minik.server.apiserver.registry.dispatch import Dispatcher
from minik.server.apiserver.reviews.authentication import TokenReviews, self_subject_review
from minik.server.apiserver.reviews.authorization import AccessReviews


def install(
    dispatcher: Dispatcher,
    authenticator: Authenticator,
    authorize: Authorize,
    policy: Policy,
    *,
    asks_webhooks: Callable[[], bool] = lambda: False,
) -> None:
    dispatcher.add_virtual("authentication.k8s.io", "tokenreviews", TokenReviews(authenticator).serve)
    dispatcher.add_virtual("authentication.k8s.io", "selfsubjectreviews", self_subject_review)
    reviews = AccessReviews(authorize, policy, asks_webhooks=asks_webhooks)
    dispatcher.add_virtual("authorization.k8s.io", "subjectaccessreviews", reviews.subject)
    dispatcher.add_virtual("authorization.k8s.io", "localsubjectaccessreviews", reviews.local)
    dispatcher.add_virtual("authorization.k8s.io", "selfsubjectaccessreviews", reviews.own)
    dispatcher.add_virtual("authorization.k8s.io", "selfsubjectrulesreviews", reviews.rules)
