"""Where a setting comes from: flag > environment > config file > default."""

from pathlib import Path

import pytest

from minik.cli.settings import server_config
from minik.config import StartupError


def config_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return path


def test_defaults_apply_when_nothing_is_said(tmp_path: Path) -> None:
    settings = server_config({"data_dir": None, "kubelet_arg": []}, {}, config_file(tmp_path, ""))
    assert settings.https_listen_port == 6443
    assert settings.data_dir == Path("/var/lib/minik")
    assert settings.agent.kubelet_arg == ()


def test_a_flag_beats_the_environment_which_beats_the_file(tmp_path: Path) -> None:
    path = config_file(tmp_path, "https-listen-port: 1\nnode-name: from-file\ncluster-domain: file.local\n")
    environment = {"MINIK_NODE_NAME": "from-environment", "MINIK_CLUSTER_DOMAIN": "environment.local"}
    settings = server_config({"node_name": "from-flag"}, environment, path)
    assert settings.https_listen_port == 1
    assert settings.agent.cluster_domain == "environment.local"
    assert settings.agent.node_name == "from-flag"


def test_lists_come_from_yaml_lists_and_from_comma_separated_environment(tmp_path: Path) -> None:
    path = config_file(tmp_path, "kubelet-arg: [max-pods=5, v=2]\n")
    settings = server_config({}, {"MINIK_TLS_SAN": "a.example,b.example"}, path)
    assert settings.agent.kubelet_arg == ("max-pods=5", "v=2")
    assert settings.tls_san == ("a.example", "b.example")


@pytest.mark.parametrize(
    ("text", "environment", "words"),
    [
        ("frob: 1\n", {}, "unknown key 'frob'"),
        ("https-listen-port: many\n", {}, "expected a number"),
        ("disable-agent: maybe\n", {}, "expected true or false"),
        ("node-name: [a]\n", {}, "expected one value"),
        ("tls-san: 3\n", {}, "expected a list"),
        ("- a\n", {}, "must be a mapping"),
        ("a: [\n", {}, "is not YAML"),
        ("", {"MINIK_HTTPS_LISTEN_PORT": "x"}, "MINIK_HTTPS_LISTEN_PORT: expected a number"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(
    tmp_path: Path, text: str, environment: dict[str, str], words: str
) -> None:
    with pytest.raises(StartupError, match=words) as caught:
        server_config({}, environment, config_file(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_a_named_config_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="does not exist"):
        server_config({}, {}, tmp_path / "missing.yaml")
