import re
from pathlib import Path
from typing import Any

import pytest

from minik.config import StartupError
from minik.server.scheduler.configuration.load import default_settings, load_settings, settings_of
from minik.server.scheduler.configuration.plugin_sets import DEFAULT_PLUGINS, expanded, merged
from minik.server.scheduler.configuration.settings import EVERY

HEAD = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}


def settings(**fields: Any) -> Any:
    return settings_of({**HEAD, **fields})


def names(choices: Any) -> list[str]:
    return [choice.name for choice in choices]


def test_without_a_file_there_is_one_profile_with_the_default_plugins() -> None:
    found = default_settings()
    assert [profile.name for profile in found.profiles] == ["default-scheduler"]
    assert found.profiles[0].plugins["multiPoint"].enabled == DEFAULT_PLUGINS
    assert found.profiles[0].arguments["VolumeBinding"] == {"bindTimeoutSeconds": 600}
    assert (found.initial_backoff, found.longest_backoff, found.percentage_of_nodes_to_score) == (1.0, 10.0, 0)


def test_a_file_may_say_everything_kubernetes_lets_it_say(tmp_path: Path) -> None:
    path = tmp_path / "scheduler.yaml"
    path.write_text("""
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
parallelism: 4
leaderElection: {leaderElect: false, leaseDuration: 15s}
clientConnection: {kubeconfig: /etc/x, qps: 50}
percentageOfNodesToScore: 30
podInitialBackoffSeconds: 2
podMaxBackoffSeconds: 20
profiles:
- schedulerName: default-scheduler
- schedulerName: packing
  percentageOfNodesToScore: 100
  plugins:
    score: {disabled: [{name: ImageLocality}], enabled: [{name: NodeResourcesFit, weight: 5}]}
  pluginConfig:
  - name: NodeResourcesFit
    args: {scoringStrategy: {type: MostAllocated, resources: [{name: cpu}]}}
extenders:
- urlPrefix: https://extender/
  filterVerb: filter
  weight: 2
  httpTimeout: 1500ms
  managedResources: [{name: example.com/gpu, ignoredByScheduler: true}]
""")
    found = load_settings(path)
    packing = found.profiles[1]
    assert packing.arguments["NodeResourcesFit"]["scoringStrategy"]["resources"] == [{"name": "cpu", "weight": 1}]
    assert packing.percentage_of_nodes_to_score == 100
    assert (found.extenders[0].url_prefix, found.extenders[0].timeout) == ("https://extender", 1.5)
    assert found.extenders[0].ignored == {"example.com/gpu"}
    assert packing.arguments["NodeResourcesFit"]["ignoredResources"] == ["example.com/gpu"]


@pytest.mark.parametrize(
    ("given", "order"),
    [
        ({}, ["NodeResourcesFit", "ImageLocality"]),
        ({"score": {"enabled": [{"name": "ImageLocality", "weight": 9}]}}, ["ImageLocality", "NodeResourcesFit"]),
        ({"score": {"enabled": [{"name": "Mine"}]}}, ["NodeResourcesFit", "ImageLocality", "Mine"]),
        ({"score": {"disabled": [{"name": "ImageLocality"}]}}, ["NodeResourcesFit"]),
        ({"score": {"disabled": [{"name": EVERY}], "enabled": [{"name": "Mine"}]}}, ["Mine"]),
        ({"multiPoint": {"disabled": [{"name": EVERY}], "enabled": [{"name": "Mine"}]}}, ["Mine"]),
        ({"multiPoint": {"enabled": [{"name": "Mine"}]}}, ["NodeResourcesFit", "ImageLocality", "Mine"]),
    ],
)
def test_plugins_of_an_extension_point_come_in_upstreams_order(given: Any, order: list[str]) -> None:
    plugins = merged(given)
    serving = {choice.name: choice.name in ("NodeResourcesFit", "ImageLocality") for choice in DEFAULT_PLUGINS}
    assert names(expanded(plugins, "score", serving | {"Mine": True})) == order


def test_a_weight_given_for_a_default_plugin_replaces_its_own_in_place() -> None:
    plugins = merged({"multiPoint": {"enabled": [{"name": "TaintToleration", "weight": 7}]}})
    assert names(plugins["multiPoint"].enabled) == names(DEFAULT_PLUGINS)
    assert {c.name: c.weight for c in plugins["multiPoint"].enabled}["TaintToleration"] == 7


PROFILE: dict[str, Any] = {"schedulerName": "a"}


def arguments(name: str, **args: Any) -> dict[str, Any]:
    return {"profiles": [{**PROFILE, "pluginConfig": [{"name": name, "args": args}]}]}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"nope": 1}, 'strict decoding error: unknown field "nope"'),
        ({"profiles": [{"plugins": {"scroe": {}}}]}, 'unknown field "profiles[0].plugins.scroe"'),
        ({"parallelism": "x"}, "parallelism: expected a number, got 'x'"),
        ({"parallelism": 0}, "parallelism: Invalid value: 0: should be an integer value greater than zero"),
        ({"percentageOfNodesToScore": 101}, "percentageOfNodesToScore: Invalid value: 101: not in valid range [0-100]"),
        ({"podInitialBackoffSeconds": 0}, "podInitialBackoffSeconds: Invalid value: 0: must be greater than 0"),
        ({"podMaxBackoffSeconds": 0}, "must be greater than or equal to PodInitialBackoffSeconds"),
        ({"profiles": [{}, PROFILE]}, "profiles[0].schedulerName: Required value"),
        ({"profiles": [PROFILE, PROFILE]}, 'profiles[1].schedulerName: Duplicate value: "profiles[0].schedulerName"'),
        (
            {"profiles": [PROFILE, {"schedulerName": "b", "plugins": {"queueSort": {"enabled": [{"name": "x"}]}}}]},
            "must be the same for all profiles",
        ),
        ({"leaderElection": {"resourceLock": "endpoints"}}, 'resourceLock value must be "leases"'),
        ({"extenders": [{"prioritizeVerb": "p"}]}, "must have a positive weight applied to it"),
        ({"extenders": [{"bindVerb": "b"}] * 2}, "only one extender can implement bind"),
        ({"extenders": [{"managedResources": [{"name": "cpu"}]}]}, "is an invalid extended resource name"),
        (arguments("DefaultPreemption", minCandidateNodesPercentage=101), "not in valid range [0, 100]"),
        (
            arguments("DefaultPreemption", minCandidateNodesPercentage=0, minCandidateNodesAbsolute=0),
            "cannot be zero at the same time as minCandidateNodesAbsolute",
        ),
        (arguments("InterPodAffinity", hardPodAffinityWeight=-1), "args.hardPodAffinityWeight: Invalid value: -1"),
        (arguments("NodeResourcesFit", scoringStrategy={"type": "X"}), 'Unsupported value: "X"'),
        (
            arguments("NodeResourcesFit", scoringStrategy={"type": "RequestedToCapacityRatio"}),
            "must be specified when type is RequestedToCapacityRatio",
        ),
        (arguments("NodeResourcesFit", ignoredResourceGroups=["a/b"]), "resource group name can't contain '/'"),
        (
            arguments("NodeResourcesBalancedAllocation", resources=[{"name": "cpu", "weight": 2}]),
            "Invalid value: 2: must be 1",
        ),
        (
            arguments("PodTopologySpread", defaultConstraints=[{"maxSkew": 1, "topologyKey": "z"}]),
            "when .defaultConstraints are not empty",
        ),
        (arguments("VolumeBinding", bindTimeoutSeconds=-1), "should not be a negative value"),
        (arguments("VolumeBinding", shape=[]), "turn on the feature gate StorageCapacityScoring"),
        (arguments("DynamicResources", bindingTimeout="1ms"), "must be at least 1 second"),
        (arguments("NodeAffinity", addedAffinity={"requiredDuringSchedulingIgnoredDuringExecution": {}}), "Required"),
        (arguments("VolumeBinding", kind="FooArgs"), "were not of type VolumeBindingArgs"),
        (arguments("EBSLimits"), "was invalid in version"),
        (arguments("VolumeBinding", nope=1), 'unknown field "profiles[0].pluginConfig[0].args.nope"'),
    ],
)
def test_mistakes_are_named(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=re.escape(text)):
        settings(**fields)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("kind: Pod", "it is no KubeSchedulerConfiguration"), ("kind: [", "yaml"), (None, "No such file")],
)
def test_a_file_that_cannot_be_used_ends_the_start_in_one_line(tmp_path: Path, text: str | None, problem: str) -> None:
    path = tmp_path / "s.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(StartupError) as error:
        load_settings(path)
    assert problem in str(error.value)
    assert "\n" not in str(error.value)
