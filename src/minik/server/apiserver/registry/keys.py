"""Where objects are kept: the store's keys, laid out as upstream lays them out in etcd."""

from functools import lru_cache

from minik.api.scheme import Resource

ROOT = "/registry"

# (group, plural) -> path below the root, where upstream deviates from /registry/<plural>
_SPECIAL = {
    ("", "nodes"): "minions",
    ("", "services"): "services/specs",
    ("", "endpoints"): "services/endpoints",
    ("", "replicationcontrollers"): "controllers",
    ("networking.k8s.io", "ingresses"): "ingress",
    ("apiextensions.k8s.io", "customresourcedefinitions"): "apiextensions.k8s.io/customresourcedefinitions",
    ("apiregistration.k8s.io", "apiservices"): "apiregistration.k8s.io/apiservices",
}


def storage_prefix(resource: Resource) -> bytes:
    """The prefix of every key of this resource, with its trailing slash."""
    stored = resource.storage or resource.gvr
    return _prefix(stored.group, stored.resource, resource.custom)


@lru_cache(maxsize=1024)
def _prefix(group: str, plural: str, custom: bool) -> bytes:
    path = f"{group}/{plural}" if custom else _SPECIAL.get((group, plural), plural)
    return f"{ROOT}/{path}/".encode()


def object_key(resource: Resource, namespace: str, name: str) -> bytes:
    prefix = storage_prefix(resource)
    return prefix + (f"{namespace}/{name}" if resource.namespaced else name).encode()


def collection_prefix(resource: Resource, namespace: str) -> bytes:
    """The prefix of the objects of one namespace, or of all of them when `namespace` is ""."""
    prefix = storage_prefix(resource)
    return prefix + f"{namespace}/".encode() if namespace and resource.namespaced else prefix


def origin_key(resource: Resource) -> bytes:
    """The key of what is there before any object of the resource: its definition, or a namespace every cluster has."""
    if resource.custom:
        return f"{ROOT}/apiextensions.k8s.io/customresourcedefinitions/{resource.plural}.{resource.group}".encode()
    return f"{ROOT}/namespaces/default".encode()
