"""The types of what is the same for all writes: `request`, `namespaceObject` and `authorizer`.

Upstream: apiserver's admission/plugin/cel/compile.go, BuildRequestType and BuildNamespaceType.
"""

from typing import Any

from minik.api.admission_cel.shape_schema import FREE
from minik.api.cel.declarations import Declarations
from minik.api.types import Obj

_TEXT: Obj = {"type": "string"}
_TIME: Obj = {"type": "string", "format": "date-time"}


def _object(**properties: Obj) -> Obj:
    return {"type": "object", "properties": properties}


def _list(of: Obj) -> Obj:
    return {"type": "array", "items": of}


def _map(of: Obj) -> Obj:
    return {"type": "object", "additionalProperties": of}


_KIND = _object(group=_TEXT, version=_TEXT, kind=_TEXT)
_RESOURCE = _object(group=_TEXT, version=_TEXT, resource=_TEXT)
_REQUEST = _object(
    kind=_KIND,
    resource=_RESOURCE,
    subResource=_TEXT,
    requestKind=_KIND,
    requestResource=_RESOURCE,
    requestSubResource=_TEXT,
    name=_TEXT,
    namespace=_TEXT,
    operation=_TEXT,
    userInfo=_object(username=_TEXT, uid=_TEXT, groups=_list(_TEXT), extra=_map(_list(_TEXT))),
    dryRun={"type": "boolean"},
    options=FREE,
)
_NAMESPACE = _object(
    metadata=_object(
        name=_TEXT,
        generateName=_TEXT,
        namespace=_TEXT,
        labels=_map(_TEXT),
        annotations=_map(_TEXT),
        UID=_TEXT,
        creationTimestamp=_TIME,
        deletionGracePeriodSeconds={"type": "integer"},
        deletionTimestamp=_TIME,
        generation={"type": "integer"},
        resourceVersion=_TEXT,
        finalizers=_list(_TEXT),
    ),
    spec=_object(finalizers=_list(_TEXT)),
    status=_object(
        conditions=_list(_object(status=_TEXT, type=_TEXT, lastTransitionTime=_TIME, message=_TEXT, reason=_TEXT)),
        phase=_TEXT,
    ),
)


def declare(declarations: Declarations) -> dict[str, Any]:
    return {"request": declarations.type_of(_REQUEST), "namespaceObject": declarations.type_of(_NAMESPACE)}
