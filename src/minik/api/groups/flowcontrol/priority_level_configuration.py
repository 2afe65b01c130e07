"""PriorityLevelConfiguration (flowcontrol.apiserver.k8s.io/v1): how many requests of a level run at once.

Behaviour: https://kubernetes.io/docs/concepts/cluster-administration/flow-control/
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.groups.flowcontrol.mandatory_validation import validate_status_update
from minik.api.groups.flowcontrol.priority_level_validation import (
    validate_priority_level,
    validate_priority_level_update,
)
from minik.api.groups.status_rules import (
    RESET_STATUS,
    keep_spec_and_metadata,
    keep_status,
    reset_status,
    status_strategy,
)
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj

_TYPE = "io.k8s.api.flowcontrol.v1.PriorityLevelConfiguration"
_LIMITED = {"nominalConcurrencyShares": 30, "lendablePercent": 0}
_EXEMPT = {"nominalConcurrencyShares": 0, "lendablePercent": 0}
_QUEUING = {"queues": 64, "handSize": 8, "queueLengthLimit": 50}
_COLUMNS = (
    NAME,
    Column(
        "Type",
        description=(
            "`type` indicates whether this priority level is subject to limitation on request execution.  A value "
            'of `"Exempt"` means that requests of this priority level are not subject to a limit (and thus are '
            "never queued) and do not detract from the capacity made available to other priority levels.  A value "
            'of `"Limited"` means that (a) requests of this priority level _are_ subject to limits and (b) some of '
            "the server's limited capacity is made available exclusively to this priority level. Required."
        ),
    ),
    Column(
        "NominalConcurrencyShares",
        description=(
            "`nominalConcurrencyShares` (NCS) contributes to the computation of the NominalConcurrencyLimit "
            "(NominalCL) of this level. This is the number of execution seats available at this priority level. "
            "This is used both for requests dispatched from this priority level as well as requests dispatched "
            "from other priority levels borrowing seats from this level. The server's concurrency limit (ServerCL) "
            "is divided among the Limited priority levels in proportion to their NCS values:\n\n"
            "NominalCL(i)  = ceil( ServerCL * NCS(i) / sum_ncs ) sum_ncs = sum[priority level k] NCS(k)\n\n"
            "Bigger numbers mean a larger nominal concurrency limit, at the expense of every other priority level."
            "\n\nIf not specified, this field defaults to a value of 30.\n\nSetting this field to zero supports the "
            'construction of a "jail" for this priority level that is used to hold some request(s)'
        ),
    ),
    Column(
        "Queues",
        description=(
            "`queues` is the number of queues for this priority level. The queues exist independently at each "
            "apiserver. The value must be positive.  Setting it to 1 effectively precludes shufflesharding and "
            "thus makes the distinguisher method of associated flow schemas irrelevant.  This field has a default "
            "value of 64."
        ),
    ),
    Column(
        "HandSize",
        description=(
            "`handSize` is a small positive number that configures the shuffle sharding of requests into queues.  "
            "When enqueuing a request at this priority level the request's flow identifier (a string pair) is "
            "hashed and the hash value is used to shuffle the list of queues and deal a hand of the size specified "
            "here.  The request is put into one of the shortest queues in that hand. `handSize` must be no larger "
            "than `queues`, and should be significantly smaller (so that a few heavy flows do not saturate most of "
            "the queues).  See the user-facing documentation for more extensive guidance on setting this field.  "
            "This field has a default value of 8."
        ),
    ),
    Column(
        "QueueLengthLimit",
        description=(
            "`queueLengthLimit` is the maximum number of requests allowed to be waiting in a given queue of this "
            "priority level at a time; excess requests are rejected.  This value must be positive.  If not "
            "specified, it will be defaulted to 50."
        ),
    ),
    AGE,
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    spec = obj["spec"]
    limited = spec.get("limited") or {}
    queuing = (limited.get("limitResponse") or {}).get("queuing") or {}
    return [
        obj["metadata"]["name"],
        spec.get("type", ""),
        limited.get("nominalConcurrencyShares", "<none>"),
        *(queuing.get(key, "<none>") for key in ("queues", "handSize", "queueLengthLimit")),
        age(obj, now),
    ]


def _default(obj: Obj) -> None:
    spec = obj.setdefault("spec", {})
    for key, defaults in (("limited", _LIMITED), ("exempt", _EXEMPT)):
        if spec.get(key) is not None:
            for name, value in defaults.items():
                if spec[key].get(name) is None:
                    spec[key][name] = value
    queuing = ((spec.get("limited") or {}).get("limitResponse") or {}).get("queuing")
    if queuing is not None:
        for name, value in _QUEUING.items():
            queuing[name] = queuing.get(name) or value


RESOURCES = (
    Resource(
        group="flowcontrol.apiserver.k8s.io",
        version="v1",
        kind="PriorityLevelConfiguration",
        plural="prioritylevelconfigurations",
        singular="prioritylevelconfiguration",
        type_name=_TYPE,
        namespaced=False,
        strategy=Strategy(
            default=_default,
            prepare_create=reset_status(_TYPE),
            prepare_update=keep_status,
            validate=validate_priority_level,
            validate_update=validate_priority_level_update,
            has_generation=True,
            reset_fields=RESET_STATUS,
        ),
        subresources=(
            Subresource(
                name="status",
                kind="PriorityLevelConfiguration",
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
        storage_version_hash="Kir5PVfvNeI=",
    ),
)
