"""CSINode (storage.k8s.io/v1): the CSI drivers of a node, written by its kubelet."""

from datetime import datetime
from typing import Any

from minik.api import names
from minik.api.columns import AGE, NAME, age
from minik.api.go_form import go_struct
from minik.api.groups.storage.class_validation import validate_driver_name
from minik.api.number_validation import validate_not_negative
from minik.api.scheme import Column, Resource, Strategy
from minik.api.types import Obj
from minik.api.validation import FieldError, duplicate, invalid_value, required

_NODE_ID_MAX = 256
_COLUMNS = (
    NAME,
    Column(
        "Drivers",
        type="integer",
        description="Drivers indicates the number of CSI drivers registered on the node",
    ),
    AGE,
)


def _cells(obj: Obj, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], len(obj["spec"].get("drivers") or ()), age(obj, now)]


def _validate_keys(keys: list[str], path: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, key in enumerate(keys):
        if not key:
            errors.append(required(path))
        if key in keys[:index]:
            errors.append(duplicate(path, key))
        errors += [invalid_value(path, key, text) for text in names.qualified_name(key)]
    return errors


def _validate_driver(driver: Obj, known: set[str], path: str) -> list[FieldError]:
    name, node_id = driver.get("name", ""), driver.get("nodeID", "")
    errors = validate_driver_name(name, f"{path}.name")
    if not node_id:
        errors.append(required(f"{path}.nodeID"))
    elif len(node_id) > _NODE_ID_MAX:
        errors.append(invalid_value(f"{path}.nodeID", node_id, f"must be {_NODE_ID_MAX} characters or less"))
    count = (driver.get("allocatable") or {}).get("count")
    errors += validate_not_negative(count, f"{path}.allocatable.count")
    if name in known:
        errors.append(duplicate(f"{path}.name", name))
    known.add(name)
    return errors + _validate_keys(driver.get("topologyKeys") or [], path)


def _validate(obj: Obj) -> list[FieldError]:
    known: set[str] = set()
    return [
        error
        for index, driver in enumerate(obj["spec"].get("drivers") or ())
        for error in _validate_driver(driver, known, f"spec.drivers[{index}]")
    ]


def _fixed(driver: Obj) -> Obj:
    """What never changes of a driver once it is there; what it can carry may."""
    return {key: value for key, value in driver.items() if key != "allocatable"}


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    """Upstream looks twice."""
    errors = _validate(new) * 2
    before = {driver.get("name"): _fixed(driver) for driver in old["spec"].get("drivers") or ()}
    for driver in new["spec"].get("drivers") or ():
        if driver.get("name") in before and before[driver["name"]] != _fixed(driver):
            shown = go_struct(_fixed(driver), "io.k8s.api.storage.v1.CSINodeDriver")
            errors.append(invalid_value("spec.drivers", shown, "field is immutable"))
    return errors


RESOURCES = (
    Resource(
        group="storage.k8s.io",
        version="v1",
        kind="CSINode",
        plural="csinodes",
        singular="csinode",
        type_name="io.k8s.api.storage.v1.CSINode",
        namespaced=False,
        strategy=Strategy(
            validate=_validate,
            validate_update=_validate_update,
            unconditional_update=False,
            metadata_checks=("create", "create"),
        ),
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="Pe62DkZtjuo=",
    ),
)
