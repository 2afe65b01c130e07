"""What controllers that deal with all resources know of aggregated API servers."""

from minik.api.groups import load
from minik.server.controllers.discovery import from_scheme


def test_aggregated_resources_are_among_the_others() -> None:
    flunder = {"resource": "flunders", "responseKind": {"kind": "Flunder"}, "scope": "Namespaced", "verbs": ["list"]}
    found = from_scheme(load(), {("wardle.example.com", "v1"): [flunder]}, [("metrics.k8s.io", "v1beta1")])
    assert found.kinds["wardle.example.com/v1", "Flunder"].verbs == {"list"}
    assert found.kinds["v1", "Pod"].namespaced
    assert found.failures == {"metrics.k8s.io/v1beta1": "stale GroupVersion discovery: metrics.k8s.io/v1beta1"}
