"""What admission policies and their bindings share: defaults, columns, cells."""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.groups.admissionregistration.match_rules import default_match_resources
from minik.api.groups.apps.workload_columns import selector_cell
from minik.api.scheme import Column
from minik.api.types import Obj

PARAM_KIND = Column(
    "ParamKind", description="ParamKind specifies the kind of resources used to parameterize this policy"
)
BINDING_COLUMNS = (
    NAME,
    Column(
        "PolicyName",
        description="PolicyName indicates the policy definition which the policy binding binded to",
    ),
    Column("ParamRef", description="ParamRef indicates the param resource which sets the configuration param"),
    AGE,
)


def default_policy(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    if spec.get("failurePolicy") is None:
        spec["failurePolicy"] = "Fail"
    default_match_resources(spec.get("matchConstraints"))


def default_binding(obj: Obj) -> None:
    default_match_resources(obj.setdefault("spec", {}).get("matchResources"))


def param_kind(spec: Obj) -> str:
    kind = spec.get("paramKind")
    if kind is None:
        return "<unset>"
    return f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}"


def _parameter(reference: Obj | None) -> str:
    if reference is None:
        return "<unset>"
    name, namespace = reference.get("name", ""), reference.get("namespace", "")
    if name:
        return f"{namespace}/{name}" if namespace else name
    return selector_cell(reference.get("selector"))


def binding_cells(obj: Obj, now: datetime) -> list[Any]:
    spec = obj["spec"]
    return [obj["metadata"]["name"], spec.get("policyName", ""), _parameter(spec.get("paramRef")), age(obj, now)]
