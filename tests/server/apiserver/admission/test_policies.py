"""Policies in CEL deny, warn, mark and change writes; parameters, bindings and failures decide how."""

from typing import Any

import pytest

from minik.api.cel import budget
from minik.api.groups import load
from minik.api.status import StatusError
from minik.server.apiserver.admission.attributes import Operation
from minik.server.apiserver.admission.chain import AdmissionChain
from minik.server.apiserver.admission.configuration_kinds import (
    MUTATING_BINDINGS,
    MUTATING_POLICIES,
    VALIDATING_BINDINGS,
    VALIDATING_POLICIES,
)
from minik.server.apiserver.admission.dynamic import DynamicAdmission
from minik.server.apiserver.admission.metrics import AdmissionMetrics
from minik.server.apiserver.attributes import Attributes, Decision

SCHEME = load()


def rules(*resources: str, group: str = "", version: str = "v1") -> dict[str, Any]:
    rule = {"apiGroups": [group], "apiVersions": [version], "operations": ["*"], "resources": list(resources)}
    return {"resourceRules": [rule]}


async def authorize(question: Attributes) -> Decision:
    return Decision(question.user.name == "jane" and question.verb == "get" and question.name != "secret")


class Setup:
    """Admission with policies, one binding each."""

    def __init__(self, objects: Any) -> None:
        self.metrics = AdmissionMetrics()
        self.dynamic = DynamicAdmission(objects, SCHEME, authorize, self.metrics)
        self.chain = AdmissionChain(self.dynamic.plugins)

    def _change(self, resource: Any, name: str, spec: dict[str, Any]) -> None:
        index = next(p for p in self.dynamic.plugins if resource in p.follows)
        index.change(resource, {"metadata": {"name": name}, "spec": spec}, None)

    def validating(self, *validations: dict[str, Any], binding: Any = None, **spec: Any) -> None:
        spec.setdefault("matchConstraints", rules("configmaps"))
        self._change(VALIDATING_POLICIES, "p", {"validations": list(validations), **spec})
        self._change(VALIDATING_BINDINGS, "b", {"policyName": "p", "validationActions": ["Deny"], **(binding or {})})

    def mutating(self, *mutations: Any, name: str = "m", binding: Any = None, **spec: Any) -> None:
        spec.setdefault("matchConstraints", rules("configmaps"))
        self._change(MUTATING_POLICIES, name, {"mutations": list(mutations), "reinvocationPolicy": "Never", **spec})
        self._change(MUTATING_BINDINGS, name, {"policyName": name, **(binding or {})})


def json_patch(expression: str) -> dict[str, Any]:
    return {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}


def apply_configuration(expression: str) -> dict[str, Any]:
    return {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}}


@pytest.fixture
def setup(objects: Any, named: Any) -> Setup:
    objects.add("namespaces", named("ns", "", labels={}, status={"phase": "Active"}))
    return Setup(objects)


@pytest.fixture
def config_map(named: Any) -> Any:
    return {"kind": "ConfigMap", "apiVersion": "v1", **named("m"), "data": {"a": "b"}}


async def refusal(setup: Setup, request: Any) -> StatusError:
    with pytest.raises(StatusError) as caught:
        await setup.chain.validate(request)
    return caught.value


PREFIX = "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: "


@pytest.mark.parametrize(
    ("validation", "text"),
    [
        ({"expression": "false", "message": " no "}, "no"),
        ({"expression": "object.data.size() > 5"}, "failed expression: object.data.size() > 5"),
        ({"expression": "false", "messageExpression": "'not ' + object.metadata.name", "message": "m"}, "not m"),
        ({"expression": "false", "messageExpression": "object.nope", "message": "fallback"}, "fallback"),
        ({"expression": "object.data.x == ''"}, "expression 'object.data.x == ''' resulted in error: no such key: x"),
    ],
)
async def test_the_first_rule_that_fails_is_answered(
    setup: Setup, config_map: Any, write: Any, validation: Any, text: str
) -> None:
    setup.validating({"expression": "true"}, validation, {"expression": "false", "message": "later"})
    error = await refusal(setup, write("configmaps", config_map))
    assert (error.code, error.reason) == (422, "Invalid")
    assert error.message == f'configmaps "m" is forbidden: {PREFIX}{text}'
    assert error.details is not None
    assert error.details["causes"] == [{"message": PREFIX + text}]


@pytest.mark.parametrize(("reason", "code"), [("Forbidden", 403), ("RequestEntityTooLarge", 413), ("Invalid", 422)])
async def test_a_reason_sets_the_code(setup: Setup, config_map: Any, write: Any, reason: str, code: int) -> None:
    setup.validating({"expression": "false", "reason": reason})
    assert (await refusal(setup, write("configmaps", config_map))).code == code


@pytest.mark.parametrize(
    "expression",
    [
        "request.operation == 'UPDATE' && oldObject.data.a == 'old'",
        "request.userInfo.username == 'jane' && !has(request.name2)",
        "namespaceObject.metadata.name == 'ns'",
        "authorizer.group('').resource('pods').namespace('ns').check('get').allowed()",
        "!authorizer.requestResource.check('delete').allowed()",
        "!authorizer.serviceAccount('ns', 'robot').path('/healthz').check('get').allowed()",
        "object.?data.?b.orValue('none') == 'none'",
        "quantity('1Gi').isGreaterThan(quantity('1Mi'))",
        "params == null || true",
    ],
)
async def test_expressions_see_the_write_and_who_may_what(
    setup: Setup, config_map: Any, named: Any, write: Any, expression: str
) -> None:
    if "params" in expression:
        setup.validating({"expression": expression}, paramKind={"apiVersion": "v1", "kind": "ConfigMap"})
    else:
        setup.validating({"expression": expression})
    await setup.chain.validate(write("configmaps", config_map, {**config_map, "data": {"a": "old"}}))


async def test_warnings_and_audit_marks_do_not_refuse(setup: Setup, config_map: Any, write: Any) -> None:
    setup.validating(
        {"expression": "false", "message": "careful"},
        binding={"validationActions": ["Warn", "Audit"]},
        auditAnnotations=[
            {"key": "size", "valueExpression": "string(object.data.size())"},
            {"key": "none", "valueExpression": "null"},
        ],
    )
    request = write("configmaps", config_map)
    await setup.chain.validate(request)
    assert request.warnings == ["Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': careful"]
    assert request.annotations["p/size"] == "1"
    assert "p/none" not in request.annotations
    assert '"message":"careful"' in request.annotations["validation.policy.admission.k8s.io/validation_failure"]


async def test_variables_see_earlier_ones_and_fail_only_those_who_use_them(
    setup: Setup, config_map: Any, write: Any
) -> None:
    setup.validating(
        {"expression": "variables.loud == 'B!'"},
        {"expression": "variables.outer", "message": "never shown"},
        variables=[
            {"name": "up", "expression": "object.data.a.upperAscii()"},
            {"name": "loud", "expression": "variables.up + '!'"},
            {"name": "broken", "expression": "object.data.zz == 'x'"},
            {"name": "outer", "expression": "variables.up == 'B' && variables.broken"},
        ],
    )
    error = await refusal(setup, write("configmaps", config_map))
    assert error.message.endswith(
        "expression 'variables.outer' resulted in error: composited variable \"outer\" fails to evaluate: "
        'composited variable "broken" fails to evaluate: no such key: zz'
    )


async def test_failures_can_be_ignored(setup: Setup, config_map: Any, write: Any) -> None:
    setup.validating({"expression": "object.data.x == ''"}, failurePolicy="Ignore")
    await setup.chain.validate(write("configmaps", config_map))


async def test_match_conditions_and_exclusions_narrow_a_policy(setup: Setup, config_map: Any, write: Any) -> None:
    condition = {"name": "big", "expression": "object.data.size() > 1"}
    setup.validating({"expression": "false"}, matchConditions=[condition])
    await setup.chain.validate(write("configmaps", config_map))
    config_map["data"]["c"] = "d"
    await refusal(setup, write("configmaps", config_map))
    excluded = {**rules("*"), "excludeResourceRules": rules("configmaps")["resourceRules"]}
    setup.validating({"expression": "false"}, matchConstraints=excluded)
    await setup.chain.validate(write("configmaps", config_map))
    named_rule = {**rules("configmaps")["resourceRules"][0], "resourceNames": ["other"]}
    setup.validating({"expression": "false"}, binding={"matchResources": {"resourceRules": [named_rule]}})
    await setup.chain.validate(write("configmaps", config_map))


KIND = {"apiVersion": "v1", "kind": "ConfigMap"}


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ({"name": "limits"}, "too many for limits"),
        ({"selector": {"matchLabels": {"use": "me"}}}, "too many for limits"),
        ({"name": "gone", "parameterNotFoundAction": "Allow"}, ""),
        (
            {"name": "gone", "parameterNotFoundAction": "Deny"},
            "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction",
        ),
    ],
)
async def test_parameters_come_from_the_binding(
    objects: Any, setup: Setup, config_map: Any, named: Any, write: Any, reference: Any, text: str
) -> None:
    limits = objects.add("configmaps", named("limits", data={"most": "0"}))
    limits["metadata"]["labels"] = {"use": "me"}
    setup.validating(
        {
            "expression": "object.data.size() <= int(params.data.most)",
            "messageExpression": "'too many for ' + params.metadata.name",
        },
        paramKind=KIND,
        binding={"paramRef": reference},
    )
    request = write("configmaps", config_map)
    if text:
        assert (await refusal(setup, request)).message.endswith(PREFIX + text)
    else:
        await setup.chain.validate(request)


async def test_an_unknown_parameter_kind_is_the_policys_fault(setup: Setup, config_map: Any, write: Any) -> None:
    setup.validating({"expression": "true"}, paramKind={"apiVersion": "x.io/v1", "kind": "Limit"})
    error = await refusal(setup, write("configmaps", config_map))
    assert error.message.endswith(
        "ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: "
        "failed to find resource referenced by paramKind: 'x.io/v1, Kind=Limit'"
    )


async def test_deletes_have_no_object(setup: Setup, config_map: Any, write: Any) -> None:
    setup.validating({"expression": "object == null && oldObject.data.a != 'b'", "message": "keep it"})
    error = await refusal(setup, write("configmaps", None, config_map, operation=Operation.DELETE))
    assert error.message.endswith("keep it")


async def test_a_json_patch_changes_the_object(setup: Setup, config_map: Any, write: Any) -> None:
    setup.mutating(
        json_patch("""[
            JSONPatch{op: "test", path: "/data/a", value: "b"},
            JSONPatch{op: "add", path: "/metadata/labels", value: {"x": "y"}},
            JSONPatch{op: "add", path: "/data/" + jsonpatch.escapeKey("k/1"), value: string(object.data.size())}
        ]"""),
        json_patch('[JSONPatch{op: "test", path: "/data/a", value: "c"}, JSONPatch{op: "remove", path: "/data"}]'),
        json_patch('[JSONPatch{op: "add", path: "/data/size", value: string(object.data.size())}]'),
    )
    await setup.chain.mutate(write("configmaps", config_map))
    assert config_map["data"] == {"a": "b", "k/1": "1", "size": "2"}
    assert config_map["metadata"]["labels"] == {"x": "y"}


async def test_an_apply_configuration_is_merged_by_keys(setup: Setup, named: Any, write: Any) -> None:
    container = {"name": "main", "image": "nginx", "env": [{"name": "A", "value": "1"}]}
    pod = {"kind": "Pod", "apiVersion": "v1", **named("p"), "spec": {"containers": [container]}}
    setup.mutating(
        apply_configuration("""Object{
            metadata: Object.metadata{annotations: {"seen": "yes"}},
            spec: Object.spec{
                containers: object.spec.containers.map(c, Object.spec.containers{
                    name: c.name, env: [Object.spec.containers.env{name: "B", value: "2"}]
                })
            }
        }"""),
        matchConstraints=rules("pods"),
    )
    await setup.chain.mutate(write("pods", pod))
    main = pod["spec"]["containers"][0]
    assert main["image"] == "nginx"
    assert [(e["name"], e["value"]) for e in main["env"]] == [("A", "1"), ("B", "2")]
    assert pod["metadata"]["annotations"] == {"seen": "yes"}


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (
            'Object{spec: Object.spec{containers: [Object.spec.containers{name: "main", command: ["sh"]}]}}',
            "error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: "
            ".spec.containers[0].command",
        ),
        (
            "Object{spec: Object.spec{nope: 1}}",
            "error applying patch: failed to convert patch object to typed object: "
            ".spec.nope: field not declared in schema",
        ),
        (
            "Object{spec: Object.wrong{a: 1}}",
            'type mismatch: unexpected type name "Object.wrong", expected "Object.spec", '
            "which matches field name path from root Object type",
        ),
    ],
)
async def test_a_configuration_that_does_not_fit_is_refused(
    setup: Setup, named: Any, write: Any, expression: str, text: str
) -> None:
    pod = {"kind": "Pod", "apiVersion": "v1", **named("p"), "spec": {"containers": [{"name": "main"}]}}
    setup.mutating(apply_configuration(expression), matchConstraints=rules("pods"))
    with pytest.raises(StatusError) as caught:
        await setup.chain.mutate(write("pods", pod))
    assert (caught.value.code, caught.value.reason) == (403, "Invalid")
    assert caught.value.message == f"policy 'm' with binding 'm' denied request: {text}"


async def test_policies_may_look_again_at_what_later_ones_changed(setup: Setup, config_map: Any, write: Any) -> None:
    count = json_patch('[JSONPatch{op: "add", path: "/data/size", value: string(object.data.size())}]')
    setup.mutating(count, name="a", reinvocationPolicy="IfNeeded")
    setup.mutating(
        json_patch('[JSONPatch{op: "add", path: "/data/more", value: "x"}]'),
        name="b",
        matchConditions=[{"name": "once", "expression": "!has(object.data.more)"}],
    )
    await setup.chain.mutate(write("configmaps", config_map))
    assert config_map["data"] == {"a": "b", "size": "3", "more": "x"}


async def test_a_failing_mutation_says_why_or_is_ignored(setup: Setup, config_map: Any, write: Any) -> None:
    remove = json_patch('[JSONPatch{op: "remove", path: "/data/zz"}]')
    setup.mutating(remove)
    with pytest.raises(StatusError, match="JSON Patch: error in remove for path: '/data/zz'"):
        await setup.chain.mutate(write("configmaps", config_map))
    setup.mutating(remove, failurePolicy="Ignore")
    await setup.chain.mutate(write("configmaps", config_map))


async def test_a_patch_may_not_set_what_the_kind_does_not_have(setup: Setup, config_map: Any, write: Any) -> None:
    setup.mutating(json_patch('[JSONPatch{op: "add", path: "/nope", value: "x"}]'))
    with pytest.raises(StatusError) as caught:
        await setup.chain.mutate(write("configmaps", config_map))
    assert (caught.value.code, caught.value.message) == (
        500,
        'Internal error occurred: strict decoding error: unknown field "nope"',
    )


async def test_a_mutating_policy_that_cannot_be_used_says_so(setup: Setup, config_map: Any, write: Any) -> None:
    setup.mutating(json_patch("[]"), paramKind={"apiVersion": "x.io/v1", "kind": "None"})
    with pytest.raises(StatusError) as caught:
        await setup.chain.mutate(write("configmaps", config_map))
    assert caught.value.message == (
        'policy "m" denied request: failed to configure policy: '
        "failed to find resource referenced by paramKind: 'x.io/v1, Kind=None'"
    )


async def test_checks_are_counted_by_what_came_of_them(setup: Setup, config_map: Any, write: Any) -> None:
    setup.validating({"expression": "object.nope"}, binding={"validationActions": ["Deny", "Audit"]})
    await refusal(setup, write("configmaps", config_map))
    setup.validating({"expression": "object.nope"}, failurePolicy="Ignore")
    await setup.chain.validate(write("configmaps", config_map))
    setup.mutating(
        json_patch('[JSONPatch{op: "remove", path: "/data/a"}]'),
        matchConditions=[{"name": "c", "expression": "has(object.metadata)"}],
    )
    await setup.chain.mutate(write("configmaps", config_map))
    counted = {
        (sample.name.removeprefix("apiserver_"), *sample.labels.values()): sample.value
        for family in setup.metrics.policies.collect()
        for sample in family.samples
    }
    for action in ("deny", "audit", "allow"):
        assert counted["validating_admission_policy_check_total", "p", "b", "invalid_error", action] == 1
    assert counted["mutating_admission_policy_check_duration_seconds_count", "m", "m", "no_error"] == 1
    name = "admission_match_condition_evaluation_seconds_count"
    assert counted[name, "m", "policy", "validate", "CREATE"] == 2  # in both rounds


async def test_expressions_have_a_budget(setup: Setup, config_map: Any, write: Any) -> None:
    nested = "object.data.all(x, object.data.all(y, object.data.all(z, x != 'q' || y != z)))"
    large = {**config_map, "data": {f"k{n}": "v" for n in range(90)}}
    setup.validating({"expression": nested})
    error = await refusal(setup, write("configmaps", large))
    assert error.message.endswith(
        f"expression '{nested}' resulted in error: operation cancelled: actual cost limit exceeded"
    )


async def test_expressions_of_a_policy_share_a_budget(
    setup: Setup, config_map: Any, write: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup.validating(*[{"expression": "object.data.all(x, object.data.all(y, x != 'q' || y != 'z'))"}] * 10)
    large = {**config_map, "data": {f"k{n}": "v" for n in range(50)}}
    await setup.chain.validate(write("configmaps", large))
    monkeypatch.setattr(budget, "PER_REQUEST", 50_000)
    error = await refusal(setup, write("configmaps", large))
    assert error.message.endswith(
        "validation failed due to running out of cost budget, no further validation rules will be run"
    )
