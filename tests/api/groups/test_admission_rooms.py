"""What is wrong with admission policies, webhooks and API services, and how it is said."""

from typing import Any

import pytest

ADMISSION = "admissionregistration.k8s.io/v1"
RULE = {"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}


def policy(**spec: Any) -> dict[str, Any]:
    constraints = {"resourceRules": [RULE]}
    return {"matchConstraints": constraints, "validations": [{"expression": "true"}], **spec}


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"paramKind": {"apiVersion": "a/b/c", "kind": "K"}}, "unexpected GroupVersion string: a/b/c"),
        ({"paramKind": {"apiVersion": "a/", "kind": "K"}}, "version must be specified"),
        (
            {"paramKind": {"apiVersion": "v1", "kind": "a_b"}},
            "may have mixed case, but should otherwise match: a DNS-1035",
        ),
        ({"validations": [{"expression": "true", "reason": "Unauthorized"}]}, '"Invalid", "RequestEntityTooLarge"'),
        ({"validations": [{"expression": "true", "reason": ""}]}, 'reason: Unsupported value: ""'),
        ({"matchConstraints": {"resourceRules": [RULE], "matchPolicy": ""}}, 'matchPolicy: Unsupported value: ""'),
        ({"auditAnnotations": [{"key": "k", "valueExpression": f"'{'x' * 5121}'"}]}, "must not exceed 5120 bytes"),
    ],
)
def test_wrong_policies_are_refused(post: Any, spec: dict[str, Any], complaint: str) -> None:
    [error] = post(ADMISSION, "ValidatingAdmissionPolicy", spec=policy(**spec)).errors
    assert complaint in error


@pytest.mark.parametrize(
    ("resources", "complaints"),
    [
        (["*", "pods"], 1),
        (["pods", "*"], 0),  # upstream looks at the last one only
        (["*/*", "pods/*"], 2),
        (["", "pods"], 1),
    ],
)
def test_wildcards_cover_resources(post: Any, resources: list[str], complaints: int) -> None:
    constraints = {"resourceRules": [{**RULE, "resources": resources}]}
    made = post(ADMISSION, "ValidatingAdmissionPolicy", spec=policy(matchConstraints=constraints))
    assert len(made.errors) == complaints


def test_types_are_checked_with_a_place_and_a_text(post: Any, put: Any) -> None:
    made = post(ADMISSION, "ValidatingAdmissionPolicy", spec=policy())
    status = {"typeChecking": {"expressionWarnings": [{"fieldRef": "", "warning": ""}]}}
    errors = put(made, lambda new: new.update(status=status), "status").errors
    at = "status.typeChecking.expressionWarnings[0]"
    assert errors == [f"{at}.warning: Required value", f"{at}.fieldRef: Required value"]


def test_parameters_are_referred_to_in_one_way(post: Any) -> None:
    reference = {"name": "a", "selector": {"matchLabels": {"a b": "c"}}, "parameterNotFoundAction": "Odd"}
    spec = {"policyName": "p", "validationActions": ["Deny"], "paramRef": reference}
    errors = post(ADMISSION, "ValidatingAdmissionPolicyBinding", spec=spec).errors
    assert [error.partition(":")[0].removeprefix("spec.paramRef.") for error in errors] == [
        "name",
        "selector.matchLabels",
        "selector",
        "parameterNotFoundAction",
    ]
    assert errors[-1].endswith('supported values: "Deny", "Allow"')


def test_services_of_an_api_have_names(post: Any) -> None:
    spec = {"group": "g.io", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1, "service": {"port": 0}}
    errors = post("apiregistration.k8s.io/v1", "APIService", metadata={"name": "v1.g.io"}, spec=spec).errors
    assert errors[:2] == ["spec.service.namespace: Required value", "spec.service.name: Required value"]
    assert errors[2].startswith("spec.service.port: Invalid value: 0: port is not valid: ")
    spec = {"version": "v2", "groupPriorityMinimum": 1, "versionPriority": 1, "caBundle": "YWJj"}
    assert post("apiregistration.k8s.io/v1", "APIService", metadata={"name": "v2."}, spec=spec).errors == [
        "spec.group: Required value: only v1 may have an empty group and it better be legacy kube",
        'spec.caBundle: Invalid value: "3 bytes": local APIServices may not have a caBundle',
    ]


@pytest.mark.parametrize(
    ("validation", "complaint"),
    [
        ({"expression": "variables.many"}, ""),
        ({"expression": "variables.many", "messageExpression": "variables.text"}, ""),
        ({"expression": "variables.text"}, "must evaluate to bool but got string"),
        ({"expression": "variables.count > 2", "messageExpression": "variables.count"}, "to string but got int"),
        ({"expression": "object.data.a"}, "must evaluate to bool but got dyn"),
    ],
)
def test_variables_have_types(post: Any, validation: dict[str, Any], complaint: str) -> None:
    variables = [
        {"name": "count", "expression": "size(object.data)"},
        {"name": "many", "expression": "variables.count > 3"},
        {"name": "text", "expression": "'there are ' + string(variables.count)"},
    ]
    errors = post(
        ADMISSION, "ValidatingAdmissionPolicy", spec=policy(variables=variables, validations=[validation])
    ).errors
    assert complaint in "".join(errors)
    assert bool(errors) == bool(complaint)


def mutating(**changes: Any) -> dict[str, Any]:
    mutation = {"patchType": "JSONPatch", "jsonPatch": {"expression": "[]"}}
    return {
        "matchConstraints": {"resourceRules": [RULE]},
        "mutations": [mutation],
        "reinvocationPolicy": "Never",
        **changes,
    }


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({}, ""),
        (
            {"matchConstraints": {"resourceRules": [{**RULE, "operations": ["DELETE"]}]}},
            'operations: Unsupported value: "DELETE": supported values: "*", "CONNECT", "CREATE", "UPDATE"',
        ),
        (
            {"mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": "[]"}, "applyConfiguration": {}}]},
            'spec.mutations[0].applyConfiguration: Invalid value: "{applyConfiguration}": must not be specified when '
            "patchType is JSONPatch",
        ),
        (
            {"mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": " "}}]},
            "spec.mutations[0].applyConfiguration.expression: Required value",
        ),
        ({"variables": [{"name": "for", "expression": "1"}]}, 'Invalid value: "for": must be a valid CEL identifier'),
    ],
)
def test_wrong_mutating_policies_are_refused(post: Any, spec: dict[str, Any], complaint: str) -> None:
    errors = post(ADMISSION, "MutatingAdmissionPolicy", spec=mutating(**spec)).errors
    assert "".join(errors).endswith(complaint)
    assert bool(errors) == bool(complaint)
