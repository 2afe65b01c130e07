"""Values of settings that make no sense are refused before anything starts."""

import dataclasses

import pytest

from minik.cli.values import check_server
from minik.config import AgentConfig, ServerConfig, StartupError


def test_defaults_and_ordinary_values_pass() -> None:
    agent = AgentConfig(
        cluster_cidr="10.1.0.0/16,fd00::/56",
        node_label=("disk=fast", "empty="),
        node_taint=("a=b:NoSchedule", "c:NoExecute"),
        kubelet_arg=("max-pods=5",),
        node_ip="192.168.1.5",
    )
    check_server(ServerConfig(agent=AgentConfig()))
    check_server(
        ServerConfig(agent=agent, bind_address="::", advertise_address="10.0.0.1", write_kubeconfig_mode="0644")
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bind_address", "here"),
        ("advertise_address", "1.2.3"),
        ("https_listen_port", 0),
        ("https_listen_port", 70000),
        ("service_node_port_range", "30000"),
        ("service_node_port_range", "32767-30000"),
        ("write_kubeconfig_mode", "rw"),
        ("cluster_cidr", "ten"),
        ("cluster_cidr", "10.42.0.1/16"),
        ("service_cidr", "10.43.0.0"),
        ("cluster_dns", "dns"),
        ("node_ip", "localhost"),
        ("cluster_domain", "Cluster.Local"),
        ("node_label", ("plain",)),
        ("node_taint", ("a=b",)),
        ("node_taint", ("a=b:Never",)),
        ("kubelet_arg", ("--",)),
        ("fake_nodes", 10001),
        ("fake_node_capacity", ("cpu",)),
        ("fake_node_capacity", ("cpu=much",)),
        ("fake_pod_delay", "1s"),
        ("fake_job_seconds", "-1"),
    ],
)
def test_others_are_refused_by_the_name_of_their_flag(field: str, value: object) -> None:
    config = ServerConfig(agent=AgentConfig())
    if hasattr(config, field):
        config = dataclasses.replace(config, **{field: value})  # type: ignore[arg-type]
    else:
        config = dataclasses.replace(config, agent=dataclasses.replace(config.agent, **{field: value}))  # type: ignore[arg-type]
    with pytest.raises(StartupError, match=f"--{field.replace('_', '-')}: ") as caught:
        check_server(config)
    assert "\n" not in str(caught.value)
