from minik.server.scheduler.cache import Cache
from minik.server.scheduler.node_info import pod_info


def test_a_pod_on_a_node_is_kept_in_its_newest_version_only() -> None:
    cache = Cache()
    cache.set_node({"metadata": {"name": "n1"}, "spec": {}})
    spec = {"containers": [{"name": "c"}]}
    old = {"metadata": {"name": "p", "namespace": "ns", "uid": "u"}, "spec": spec}
    new = {**old, "status": {"phase": "Running"}}
    cache.set_pod(pod_info(old), "n1")
    cache.refresh_pod(new)
    (node,) = cache.as_it_is().nodes.values()
    assert node.pods["u"].obj is new
    cache.remove_pod("u")
    cache.refresh_pod(new)  # it has gone meanwhile
    assert node.pods == {}
