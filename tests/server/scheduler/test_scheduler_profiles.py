"""Profiles made of settings: which plugins run where, and what keeps the scheduler from starting."""

import re
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from minik.client.informer import Informers
from minik.config import StartupError
from minik.server.scheduler.configuration.flags import settings_of_flags
from minik.server.scheduler.configuration.load import settings_of
from minik.server.scheduler.framework import Profile
from minik.server.scheduler.profiles import make_profiles

HEAD = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}


def profiles(*given: dict[str, Any], **fields: Any) -> list[Profile]:
    settings = settings_of({**HEAD, "profiles": [*given], **fields})
    return make_profiles(settings, Mock(), Informers(Mock()), Mock())


def names(profile: Profile, point: str) -> list[str]:
    return [enabled.plugin.name for enabled in profile.at(point)]


def test_the_default_plugins_run_where_they_can() -> None:
    (found,) = profiles({})
    assert names(found, "sort_key") == ["PrioritySort"]
    assert names(found, "pre_enqueue") == ["SchedulingGates", "DynamicResources"]
    assert names(found, "post_filter") == ["DynamicResources", "DefaultPreemption"]
    assert names(found, "bind") == ["DefaultBinder"]
    assert [enabled.weight for enabled in found.at("score") if enabled.plugin.name == "TaintToleration"] == [3]


def test_a_plugin_disabled_at_one_point_still_runs_at_the_others() -> None:
    (found,) = profiles({"plugins": {"score": {"disabled": [{"name": "NodeResourcesFit"}]}}})
    assert "NodeResourcesFit" not in names(found, "score")
    assert "NodeResourcesFit" in names(found, "filter")
    (found,) = profiles({"plugins": {"multiPoint": {"disabled": [{"name": "DefaultPreemption"}]}}})
    assert names(found, "post_filter") == ["DynamicResources"]


def test_profiles_have_plugins_of_their_own_but_know_what_the_others_decided() -> None:
    one, other = profiles({"schedulerName": "a"}, {"schedulerName": "b", "percentageOfNodesToScore": 7})
    volumes = [next(e.plugin for e in each.at("reserve") if e.plugin.name == "VolumeBinding") for each in (one, other)]
    assert volumes[0] is not volumes[1]
    assert volumes[0]._promised is volumes[1]._promised
    assert (one.percentage_of_nodes_to_score, other.percentage_of_nodes_to_score) == (0, 7)


@pytest.mark.parametrize(
    ("plugins", "problem"),
    [
        ({"multiPoint": {"enabled": [{"name": "Nope"}]}}, 'scheduler plugin "Nope" does not exist'),
        ({"filter": {"enabled": [{"name": "ImageLocality"}]}}, '"ImageLocality" does not extend filter plugin'),
        ({"score": {"enabled": [{"name": "ImageLocality"}] * 2}}, '"ImageLocality" already registered as "score"'),
        ({"bind": {"disabled": [{"name": "*"}]}}, "at least one bind plugin is needed"),
        ({"queueSort": {"disabled": [{"name": "*"}]}}, "only one queue sort plugin required for profile, but got 0"),
    ],
)
def test_plugins_that_are_not_there_or_not_enough(plugins: dict[str, Any], problem: str) -> None:
    with pytest.raises(StartupError, match=re.escape(problem)):
        profiles({"plugins": plugins})


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody else's package with three plugins, two of them broken."""
    (tmp_path / "theirs_plugins.py").write_text(
        "class Good:\n"
        "    name = 'Good'\n"
        "    def __init__(self, arguments, handle): self.got = arguments, handle.profile\n"
        "    def score(self, state, pod, node): return 1\n"
        "def bad(arguments, handle): raise KeyError('colour')\n"
    )
    about = tmp_path / "theirs-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1\n")
    points = ["Good = theirs_plugins:Good", "Bad = theirs_plugins:bad", "Gone = theirs_plugins:gone"]
    (about / "entry_points.txt").write_text("\n".join(["[minik.scheduler_plugins]", *points]))
    monkeypatch.syspath_prepend(str(tmp_path))


def enabling(name: str) -> dict[str, Any]:
    chosen = {"multiPoint": {"enabled": [{"name": name, "weight": 4}]}}
    return {"schedulerName": "mine", "plugins": chosen, "pluginConfig": [{"name": name, "args": {"size": 2}}]}


@pytest.mark.usefixtures("installed")
def test_somebody_elses_plugin_is_found_by_its_entry_point() -> None:
    (found,) = profiles(enabling("Good"))
    enabled = next(each for each in found.at("score") if each.plugin.name == "Good")
    assert (enabled.weight, enabled.plugin.got) == (4, ({"size": 2}, "mine"))


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(("name", "problem"), [("Bad", "KeyError('colour')"), ("Gone", "AttributeError")])
def test_one_that_cannot_be_made_is_named(name: str, problem: str) -> None:
    with pytest.raises(StartupError, match=rf'scheduler plugin "{name}" .* cannot be made: {re.escape(problem)}'):
        profiles(enabling(name))


@pytest.mark.parametrize("argument", ["foo=bar", "config", "v"])
def test_flags_that_are_not_known_are_refused(argument: str) -> None:
    with pytest.raises(StartupError, match="is not supported: use config=FILE"):
        settings_of_flags("", [argument])


def test_flags_that_do_not_matter_here_are_taken() -> None:
    assert settings_of_flags("", ["leader-elect=false", "--v=4"]).profiles[0].name == "default-scheduler"
