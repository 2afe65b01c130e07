import base64

import pytest

from minik.agent.kubelet.downward import NodeFacts
from minik.agent.kubelet.env import EnvError, EnvSources, expand, make_environment, referenced, service_environment

NODE = NodeFacts("n1", ["10.0.0.1"], {"cpu": "4", "memory": "8Gi"})


def pod(**spec):
    return {
        "metadata": {"name": "p", "namespace": "ns", "uid": "u", "labels": {"app": "web"}},
        "spec": {"containers": [], "serviceAccountName": "sa", **spec},
    }


def service(name, namespace="ns", cluster_ip="10.43.0.9", ports=({"port": 80, "name": "http"},)):
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"clusterIP": cluster_ip, "ports": [*ports]}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("$(A)", "1"),
        ("x$(A)y$(B)", "x1y2"),
        ("$(MISSING)", "$(MISSING)"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$A", "$A"),
        ("$(A", "$(A"),
        ("cost $", "cost $"),
        ("$()", "$()"),
    ],
)
def test_references_expand_as_upstream(text, expected):
    assert expand(text, {"A": "1", "B": "2"}) == expected


def test_later_variables_see_earlier_ones_and_sources():
    container = {
        "name": "c",
        "envFrom": [{"prefix": "P_", "configMapRef": {"name": "cm"}}],
        "env": [
            {"name": "A", "value": "a"},
            {"name": "B", "value": "$(A)-$(P_k)-$(LATER)"},
            {"name": "LATER", "value": "x"},
            {"name": "K", "valueFrom": {"secretKeyRef": {"name": "s", "key": "pw"}}},
            {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "L", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['app']"}}},
            {"name": "CPU", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
            {"name": "GONE", "valueFrom": {"configMapKeyRef": {"name": "no", "key": "k", "optional": True}}},
        ],
    }
    sources = EnvSources(
        NODE,
        ["10.42.0.7"],
        {"cm": {"data": {"k": "v", "bad=name": "x"}}},
        {"s": {"data": {"pw": base64.b64encode(b"secret").decode()}}},
    )
    assert make_environment(pod(), container, sources) == {
        "P_k": "v",
        "A": "a",
        "B": "a-v-$(LATER)",
        "LATER": "x",
        "K": "secret",
        "IP": "10.42.0.7",
        "L": "web",
        "CPU": "4",
    }


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"valueFrom": {"configMapKeyRef": {"name": "no", "key": "k"}}}, 'configmap "no" not found'),
        ({"valueFrom": {"secretKeyRef": {"name": "no", "key": "k"}}}, 'secret "no" not found'),
        ({"valueFrom": {"configMapKeyRef": {"name": "cm", "key": "x"}}}, "couldn't find key x in ConfigMap ns/cm"),
    ],
)
def test_missing_sources_say_what_is_missing(env, message):
    container = {"name": "c", "env": [{"name": "X", **env}]}
    with pytest.raises(EnvError, match=message.replace("(", "\\(")):
        make_environment(pod(), container, EnvSources(NODE, config_maps={"cm": {"data": {}}}))


def test_own_services_and_the_api_server_are_announced():
    services = [
        service("kubernetes", "default", "10.43.0.1", [{"port": 443, "name": "https"}]),
        service("my-db", ports=[{"port": 5432, "name": "pg-main"}]),
        service("headless", cluster_ip="None"),
        service("elsewhere", "other"),
    ]
    found = service_environment(pod(), services)
    assert found["KUBERNETES_SERVICE_HOST"] == "10.43.0.1"
    assert found["KUBERNETES_PORT_443_TCP"] == "tcp://10.43.0.1:443"
    assert found["MY_DB_SERVICE_PORT_PG_MAIN"] == "5432"
    assert not any(name.startswith(("HEADLESS", "ELSEWHERE")) for name in found)
    assert set(service_environment(pod(enableServiceLinks=False), services)) == {
        name for name in found if name.startswith("KUBERNETES")
    }


def test_referenced_objects_are_those_of_env_and_env_from():
    container = {
        "envFrom": [{"configMapRef": {"name": "a"}}, {"secretRef": {"name": "b"}}],
        "env": [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "c", "key": "k"}}}],
    }
    assert referenced([container]) == ({"a"}, {"b", "c"})
