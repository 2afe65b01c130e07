"""Node (v1): a machine, registered and kept up to date by its kubelet.

Behaviour: https://kubernetes.io/docs/concepts/architecture/nodes/
"""

from minik.api.groups.core.node_columns import COLUMNS, cells
from minik.api.groups.core.node_validation import validate_node, validate_node_status_update, validate_node_update
from minik.api.groups.core.node_warnings import node_warnings
from minik.api.scheme import Resource, Strategy, Subresource
from minik.api.types import Obj


def _default(node: Obj) -> None:
    """Where only the capacity is known, all of it may be used. podCIDR is the first of podCIDRs."""
    status = node.setdefault("status", {})
    if status.get("capacity") is not None and status.get("allocatable") is None:
        status["allocatable"] = dict(status["capacity"])
    spec = node.setdefault("spec", {})
    first, every = spec.get("podCIDR"), spec.get("podCIDRs")
    if first and not every:
        spec["podCIDRs"] = [first]
    elif first and every[0] != first:
        # A client that only knows podCIDR changed it.
        spec["podCIDRs"] = [first]
    elif every and not first:
        spec["podCIDR"] = every[0]


def _prepare_create(node: Obj) -> None:
    """A kubelet brings its status along. Configuration by ConfigMap is gone: what asks for it is dropped."""
    node["spec"].pop("configSource", None)
    node["status"].pop("config", None)


def _prepare_update(new: Obj, old: Obj) -> None:
    new["status"] = old.get("status") or {}
    new["spec"].pop("configSource", None)


def _prepare_status(new: Obj, old: Obj) -> None:
    new["spec"] = old.get("spec") or {}
    new["status"].pop("config", None)


RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="Node",
        plural="nodes",
        singular="node",
        type_name="io.k8s.api.core.v1.Node",
        namespaced=False,
        short_names=("no",),
        strategy=Strategy(
            default=_default,
            prepare_create=_prepare_create,
            prepare_update=_prepare_update,
            validate=validate_node,
            validate_update=validate_node_update,
            warn=node_warnings,
            metadata_checks=("create", "update"),
            reset_fields=frozenset({("status",)}),
        ),
        subresources=(
            Subresource(name="proxy", kind="NodeProxyOptions", verbs=("create", "delete", "get", "patch", "update")),
            Subresource(
                name="status",
                kind="Node",
                strategy=Strategy(
                    default=_default,
                    prepare_update=_prepare_status,
                    validate_update=validate_node_status_update,
                    reset_fields=frozenset({("spec",)}),
                ),
            ),
        ),
        columns=COLUMNS,
        cells=cells,
        selectable_fields={
            "spec.unschedulable": lambda obj: str(bool((obj.get("spec") or {}).get("unschedulable"))).lower(),
        },
        storage_version_hash="XwShjMxG9Fs=",
    ),
)
