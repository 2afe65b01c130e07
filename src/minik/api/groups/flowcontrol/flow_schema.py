"""FlowSchema (flowcontrol.apiserver.k8s.io/v1): which requests belong to which priority level.

Behaviour: https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.groups.flowcontrol.flow_schema_validation import validate_flow_schema, validate_flow_schema_update
from minik.api.groups.flowcontrol.mandatory_validation import validate_status_update
from minik.api.groups.status_rules import (
    RESET_STATUS,
    keep_spec_and_metadata,
    keep_status,
    reset_status,
    status_strategy,
)
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj

_TYPE = "io.k8s.api.flowcontrol.v1.FlowSchema"
_PRECEDENCE = 1000
_COLUMNS = (
    NAME,
    Column(
        "PriorityLevel",
        description="`name` is the name of the priority level configuration being referenced Required.",
    ),
    Column(
        "MatchingPrecedence",
        description=(
            "`matchingPrecedence` is used to choose among the FlowSchemas that match a given request. The chosen "
            "FlowSchema is among those with the numerically lowest (which we take to be logically highest) "
            "MatchingPrecedence.  Each MatchingPrecedence value must be ranged in [1,10000]. Note that if the "
            "precedence is not specified, it will be set to 1000 as default."
        ),
    ),
    Column(
        "DistinguisherMethod",
        description=(
            "`distinguisherMethod` defines how to compute the flow distinguisher for requests that match this "
            "schema. `nil` specifies that the distinguisher is disabled and thus will always be the empty string."
        ),
    ),
    AGE,
    Column("MissingPL", description="references a broken or non-existent PriorityLevelConfiguration"),
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    spec = obj["spec"]
    conditions = (obj.get("status") or {}).get("conditions") or ()
    dangling = next((c.get("status", "") for c in conditions if c.get("type") == "Dangling"), "?")
    return [
        obj["metadata"]["name"],
        (spec.get("priorityLevelConfiguration") or {}).get("name", ""),
        spec.get("matchingPrecedence", 0),
        (spec.get("distinguisherMethod") or {}).get("type") or "<none>",
        age(obj, now),
        dangling,
    ]


def _default(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    spec["matchingPrecedence"] = spec.get("matchingPrecedence") or _PRECEDENCE


RESOURCES = (
    Resource(
        group="flowcontrol.apiserver.k8s.io",
        version="v1",
        kind="FlowSchema",
        plural="flowschemas",
        singular="flowschema",
        type_name=_TYPE,
        namespaced=False,
        strategy=Strategy(
            default=_default,
            prepare_create=reset_status(_TYPE),
            prepare_update=keep_status,
            validate=validate_flow_schema,
            validate_update=validate_flow_schema_update,
            has_generation=True,
            reset_fields=RESET_STATUS,
        ),
        subresources=(
            Subresource(
                name="status",
                kind="FlowSchema",
                strategy=status_strategy(
                    default=_default,
                    prepare_update=keep_spec_and_metadata,
                    validate_update=validate_status_update,
                    reset_fields=frozenset({("spec",), ("metadata",)}),
                ),
            ),
        ),
        columns=_COLUMNS,
        cells=_cells,
        row_order=lambda obj: (obj["spec"].get("matchingPrecedence", 0), obj["metadata"]["name"]),
        storage_version_hash="GJVAJZSZBIw=",
    ),
)
