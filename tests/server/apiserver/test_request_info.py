"""Paths and methods become verbs, resources and names."""

import pytest

from minik.server.apiserver.request_info import RequestInfo, resolve


def info(method: str, path: str, **query: str) -> RequestInfo:
    return resolve(method, path, {name: [value] for name, value in query.items()})


@pytest.mark.parametrize(
    ("method", "path", "verb", "group", "namespace", "resource", "name", "subresource"),
    [
        ("GET", "/api/v1/pods", "list", "", "", "pods", "", ""),
        ("GET", "/api/v1/namespaces/a/pods", "list", "", "a", "pods", "", ""),
        ("GET", "/api/v1/namespaces/a/pods/", "list", "", "a", "pods", "", ""),
        ("GET", "/api/v1/namespaces/a/pods/p", "get", "", "a", "pods", "p", ""),
        ("HEAD", "/api/v1/namespaces/a/pods/p", "get", "", "a", "pods", "p", ""),
        ("POST", "/api/v1/namespaces/a/pods", "create", "", "a", "pods", "", ""),
        ("PUT", "/api/v1/namespaces/a/pods/p/status", "update", "", "a", "pods", "p", "status"),
        ("PATCH", "/apis/apps/v1/namespaces/a/deployments/d", "patch", "apps", "a", "deployments", "d", ""),
        ("DELETE", "/api/v1/namespaces/a/pods/p", "delete", "", "a", "pods", "p", ""),
        ("DELETE", "/api/v1/namespaces/a/pods", "deletecollection", "", "a", "pods", "", ""),
        ("GET", "/api/v1/namespaces", "list", "", "", "namespaces", "", ""),
        ("GET", "/api/v1/namespaces/a", "get", "", "a", "namespaces", "a", ""),
        ("PUT", "/api/v1/namespaces/a/finalize", "update", "", "a", "namespaces", "a", "finalize"),
        ("GET", "/api/v1/namespaces/a/status", "get", "", "a", "namespaces", "a", "status"),
        ("GET", "/api/v1/nodes/n", "get", "", "", "nodes", "n", ""),
        ("GET", "/api/v1/watch/namespaces/a/pods", "watch", "", "a", "pods", "", ""),
        ("GET", "/api/v1/watch/namespaces/a/pods/p", "watch", "", "a", "pods", "p", ""),
        ("POST", "/api/v1/watch/namespaces/a/pods", "", "", "a", "pods", "", ""),
        ("FROB", "/api/v1/namespaces/a/pods", "", "", "a", "pods", "", ""),
    ],
)
def test_resource_paths(
    method: str, path: str, verb: str, group: str, namespace: str, resource: str, name: str, subresource: str
) -> None:
    got = info(method, path)
    assert got.is_resource
    assert got.well_formed
    assert (got.verb, got.group, got.namespace) == (verb, group, namespace)
    assert (got.resource, got.name, got.subresource) == (resource, name, subresource)


def test_a_watch_parameter_makes_a_watch() -> None:
    assert info("GET", "/api/v1/pods", watch="true").verb == "watch"
    assert info("GET", "/api/v1/pods", watch="1").verb == "watch"
    assert info("GET", "/api/v1/pods", watch="false").verb == "list"
    assert info("GET", "/api/v1/pods", watch="0").verb == "list"
    assert info("GET", "/api/v1/namespaces/a/pods/p", watch="1").verb == "get"


@pytest.mark.parametrize("path", ["/", "/api", "/api/v1", "/apis/apps/v1", "/healthz/ping", "/version"])
def test_other_paths_keep_the_method_as_verb(path: str) -> None:
    got = info("GET", path)
    assert not got.is_resource
    assert got.verb == "get"


@pytest.mark.parametrize("path", ["/api/v1//namespaces/a/pods", "/api/v1/namespaces/a/configmaps/a%2Fb"])
def test_paths_no_resource_can_have(path: str) -> None:
    assert not info("GET", path).well_formed


def test_a_proxy_keeps_the_rest_of_the_path() -> None:
    got = info("GET", "/api/v1/namespaces/a/services/s:http/proxy/some/where/")
    assert (got.name, got.subresource, got.rest) == ("s:http", "proxy", "/some/where/")
