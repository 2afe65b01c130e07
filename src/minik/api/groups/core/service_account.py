"""ServiceAccount (v1): an identity for Pods.

Behaviour: https://kubernetes.io/docs/concepts/security/service-accounts/
"""

from datetime import datetime
from typing import Any

from minik.api.columns import AGE, NAME, age
from minik.api.scheme import Column, Resource, Strategy, Subresource
from minik.api.types import Obj

_COLUMNS = (
    NAME,
    Column(
        "Secrets",
        description=(
            "Secrets is a list of the secrets in the same namespace that pods running using this ServiceAccount are "
            "allowed to use. Pods are only limited to this list if this service account has a "
            '"kubernetes.io/enforce-mountable-secrets" annotation set to "true". The '
            '"kubernetes.io/enforce-mountable-secrets" annotation is deprecated since v1.32. Prefer separate '
            "namespaces to isolate access to mounted secrets. This field should not be used to find auto-generated "
            "service account token secrets for use outside of pods. Instead, tokens can be requested directly using "
            "the TokenRequest API, or service account token secrets can be manually created. More info: "
            "https://kubernetes.io/docs/concepts/configuration/secret"
        ),
    ),
    AGE,
)
_ENFORCE = "kubernetes.io/enforce-mountable-secrets"


def _cells(obj: Obj, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], len(obj.get("secrets") or ()), age(obj, now)]


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
        columns=_COLUMNS,
        cells=_cells,
        storage_version_hash="pbx9ZvyFpBE=",
    ),
)
