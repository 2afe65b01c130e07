"""CSIStorageCapacity (storage.k8s.io/v1): how much a driver can still provide in one part of the cluster."""

from minik.api import names
from minik.api.groups.core.node_labels import label_selector_warnings
from minik.api.groups.creation_time_columns import COLUMNS, cells
from minik.api.label_selector_validation import validate_label_selector
from minik.api.number_validation import NOT_NEGATIVE
from minik.api.object_meta import validate_immutable
from minik.api.quantity import parse
from minik.api.scheme import Resource, Strategy
from minik.api.types import Obj
from minik.api.validation import FieldError, invalid_value


def _validate(obj: Obj) -> list[FieldError]:
    errors = validate_label_selector(obj.get("nodeTopology"), "nodeTopology")
    name = obj.get("storageClassName", "")
    errors += [invalid_value("storageClassName", name, text) for text in names.dns_subdomain(name)]
    amount = obj.get("capacity")
    if amount is not None and parse(amount).nanos < 0:
        errors.append(invalid_value("capacity", amount, NOT_NEGATIVE))
    return errors


def _validate_update(new: Obj, old: Obj) -> list[FieldError]:
    errors = _validate(new) + validate_immutable(new.get("nodeTopology"), old.get("nodeTopology"), "nodeTopology")
    return errors + validate_immutable(new.get("storageClassName"), old.get("storageClassName"), "storageClassName")


def _warn(obj: Obj, _old: Obj | None) -> list[str]:
    return label_selector_warnings(obj.get("nodeTopology"), "nodeTopology")


RESOURCES = (
    Resource(
        group="storage.k8s.io",
        version="v1",
        kind="CSIStorageCapacity",
        plural="csistoragecapacities",
        singular="csistoragecapacity",
        type_name="io.k8s.api.storage.v1.CSIStorageCapacity",
        strategy=Strategy(
            validate=_validate,
            validate_update=_validate_update,
            warn=_warn,
            unconditional_update=False,
            metadata_checks=("create", "update"),
        ),
        columns=COLUMNS,
        cells=cells,
        storage_version_hash="xeVl+2Ly1kE=",
    ),
)
