"""Authors of policies are told what cannot work on the kinds their policies are for."""

from typing import Any

from minik.api.admission_cel.shape_schema import schema_of
from minik.api.admission_cel.type_checking import CheckedKind, warnings
from minik.api.schema import types
from minik.api.types import GVR
from minik.server.controllers.admission_policy_status import resources_of

DEPLOYMENT = CheckedKind("apps/v1, Kind=Deployment", schema_of(types.get("io.k8s.api.apps.v1.Deployment")))
CONFIG_MAP = CheckedKind("/v1, Kind=ConfigMap", schema_of(types.get("io.k8s.api.core.v1.ConfigMap")))


def rule(groups: list[str], versions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"apiGroups": groups, "apiVersions": versions, "resources": resources}


def test_only_resources_named_outright_are_checked() -> None:
    rules = [
        rule(["b", "a"], ["v1"], ["y", "x", "x/status", "*"]),
        rule(["*"], ["v1"], ["x"]),
        rule(["c"], ["*"], ["x"]),
    ]
    found = list(resources_of({"matchConstraints": {"resourceRules": rules}}))
    assert found == [GVR(group, "v1", plural) for group in ("a", "b") for plural in ("x", "y")]


def test_expressions_are_held_to_the_types_of_fields() -> None:
    validation = {
        "expression": "object.spec.replicas > '1'",
        "messageExpression": "'wants more, got ' + object.spec.replicas",
    }
    first, second = warnings({"validations": [validation]}, [DEPLOYMENT], None)
    assert first["fieldRef"] == "spec.validations[0].expression"
    assert first["warning"].startswith(
        "apps/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching overload for '_>_' applied to '(int, string)'"
    )
    assert second["fieldRef"] == "spec.validations[0].messageExpression"


def test_each_kind_is_checked() -> None:
    (warning,) = warnings({"validations": [{"expression": "object.spec.paused"}]}, [CONFIG_MAP, DEPLOYMENT], None)
    assert warning["warning"].startswith("/v1, Kind=ConfigMap: ERROR: <input>:1:7: undefined field 'spec'")
    assert "Deployment" not in warning["warning"]


def test_what_works_is_not_warned_of() -> None:
    expressions = (
        "object.spec.template.spec.containers.all(c, c.image.startsWith('x') && has(c.resources.limits))",
        "authorizer.group('').resource('pods').check('get').allowed() && oldObject == null",
        "object.spec.strategy.rollingUpdate.maxSurge == '25%' || request.operation == 'CREATE'",
        "object.metadata.labels['a'] == variables.a && params.most > 1",
        "object.metadata.creationTimestamp < timestamp('2020-01-01T00:00:00Z')",
    )
    spec = {
        "validations": [{"expression": expression} for expression in expressions],
        "variables": [{"name": "a", "expression": "'b'"}],
        "paramKind": {"apiVersion": "x.io/v1", "kind": "Limit"},
    }
    assert warnings(spec, [DEPLOYMENT], None) == []


def test_variables_have_the_types_of_their_expressions() -> None:
    expressions = (
        "variables.n == 'a'",
        "variables.nope == 1",
        "variables.n + 1 > 0 && object.metadata.namespace == 'a'",
    )
    spec = {
        "validations": [{"expression": expression} for expression in expressions],
        "variables": [{"name": "n", "expression": "object.spec.replicas"}],
    }
    found = warnings(spec, [DEPLOYMENT], None)
    assert [(each["fieldRef"], each["warning"].partition("\n")[0].split(": ", 3)[3]) for each in found] == [
        ("spec.validations[0].expression", "found no matching overload for '_==_' applied to '(int, string)'"),
        ("spec.validations[1].expression", "undefined field 'nope'"),
    ]
