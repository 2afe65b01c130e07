"""Other forms of an object: rows of a Table (kubectl get), and metadata alone (PartialObjectMetadata).

Pure. https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from minik.api.columns import age
from minik.api.scheme import Resource
from minik.api.status import StatusError, bad_request
from minik.api.types import Obj
from minik.server.apiserver.negotiation import Form
from minik.server.apiserver.registry.call import Call

_INCLUDE = ("", "Metadata", "Object", "None")
# Go packages of upstream's internal types, where the group does not begin with their names.
_PACKAGES = {"": "core", "events.k8s.io": "core", "internal.apiserver.k8s.io": "apiserverinternal"}
_LIST_METADATA = ("resourceVersion", "continue", "remainingItemCount")


def include_object(call: Call) -> str:
    """The includeObject parameter of a Table request. Raises StatusError 400."""
    value = call.parameter("includeObject")
    if value not in _INCLUDE:
        raise bad_request(
            f'Unable to convert to Table as requested: includeObject: Invalid value: "{value}": '
            "must be 'Metadata', 'Object', 'None', or empty"
        )
    return value or "Metadata"


def transform(call: Call, objects: Sequence[Obj], metadata: Obj, *, is_list: bool = False, header: bool = True) -> Obj:
    """`objects` as the Table, PartialObjectMetadata or list of it that `call.form` names.

    `metadata` is that of the list, or of the only object. `header`: with column definitions.
    """
    form = call.form
    if form.kind == "Table":
        return _table(call, objects, metadata, header=header)
    if is_list is not form.kind.endswith("List"):
        raise _wrong_count(call, is_list=is_list)
    if not is_list:
        return partial(objects[0], form)
    return {
        "kind": "PartialObjectMetadataList",
        "apiVersion": form.group_version,
        "metadata": metadata,
        "items": [partial(obj, form) for obj in objects] or None,
    }


def _wrong_count(call: Call, *, is_list: bool) -> StatusError:
    """Metadata of one object was asked for where there is a list, or the other way round."""
    resource = call.resource
    package = _PACKAGES.get(resource.group) or resource.group.partition(".")[0]
    found = "*unstructured.Unstructured" if resource.custom else f"*{package}.{resource.kind}"
    what = f"a list ({found}List)" if is_list else f"not a list ({found})"
    text = f"you requested {call.form.kind}, but the requested object is {what}"
    return StatusError(406, "NotAcceptable", text)


def partial(obj: Obj, form: Form) -> Obj:
    return {"kind": "PartialObjectMetadata", "apiVersion": form.group_version, "metadata": obj["metadata"]}


def _table(call: Call, objects: Sequence[Obj], metadata: Obj, *, header: bool) -> Obj:
    include, now = include_object(call), datetime.now(UTC)
    cells = call.resource.cells or _name_and_age
    if call.resource.row_order:
        objects = sorted(objects, key=call.resource.row_order)
    return {
        "kind": "Table",
        "apiVersion": call.form.group_version,
        "metadata": {key: metadata[key] for key in _LIST_METADATA if key in metadata},
        "columnDefinitions": column_definitions(call.resource) if header else None,
        "rows": [_row(call, obj, cells, now, include) for obj in objects],
    }


def _row(call: Call, obj: Obj, cells: Callable[[Obj, datetime], list[Any]], now: datetime, include: str) -> Obj:
    row: Obj = {"cells": cells(obj, now), "object": None}
    if include == "Object":
        row["object"] = obj
    elif include == "Metadata":
        row["object"] = partial(obj, call.form)
    conditions = call.resource.row_conditions(obj) if call.resource.row_conditions else []
    if conditions:
        row["conditions"] = conditions
    return row


def _name_and_age(obj: Obj, now: datetime) -> list[Any]:
    return [obj["metadata"].get("name", ""), age(obj, now)]


def column_definitions(resource: Resource) -> list[Obj]:
    return [
        {
            "name": column.name,
            "type": column.type,
            "format": column.format,
            "description": column.description,
            "priority": column.priority,
        }
        for column in resource.columns
    ]
