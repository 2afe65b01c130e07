"""ServiceAccount (v1): an identity for Pods.

Behaviour: https://kubernetes.io/docs/concepts/security/service-accounts/
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.scheme import Resource, Strategy, Subresource
from minik.api.types import Obj

_ENFORCE = "kubernetes.io/enforce-mountable-secrets"


def _cells(obj: Obj, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], age(obj, now)]


def _keep_secret_names(obj: Obj) -> None:
    """Of a reference to a secret only the name means anything."""
    if obj.get("secrets"):
        obj["secrets"] = [{"name": each["name"]} if each.get("name") else {} for each in obj["secrets"]]


def _prepare_update(new: Obj, _old: Obj) -> None:
    _keep_secret_names(new)


def _warn(new: Obj, old: Obj | None) -> list[str]:
    annotations = new["metadata"].get("annotations") or {}
    before = ((old or {}).get("metadata") or {}).get("annotations") or {}
    if _ENFORCE in annotations and _ENFORCE not in before:
        return [
            f"metadata.annotations[{_ENFORCE}]: deprecated in v1.32+; "
            "prefer separate namespaces to isolate access to mounted secrets"
        ]
    return []


RESOURCES = (
    Resource(
        group="",
        version="v1",
        kind="ServiceAccount",
        plural="serviceaccounts",
        singular="serviceaccount",
        type_name="io.k8s.api.core.v1.ServiceAccount",
        short_names=("sa",),
        strategy=Strategy(
            prepare_create=_keep_secret_names,
            prepare_update=_prepare_update,
            warn=_warn,
            metadata_checks=("update", "create"),
        ),
        subresources=(
            Subresource(
                name="token",
                kind="TokenRequest",
                kind_group="authentication.k8s.io",
                kind_version="v1",
                verbs=("create",),
            ),
        ),
        columns=(NAME, AGE),
        cells=_cells,
        storage_version_hash="pbx9ZvyFpBE=",
    ),
)
